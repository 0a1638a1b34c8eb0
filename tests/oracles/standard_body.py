"""The slow, obvious standard body: one clip and one body at a time, walking down the skeleton from its root."""

import numpy as np

from dastm.episodes.standard_body import LENGTHS, TRUNK


def standard_body(space_TVC, there_TV, layout):
    """(T, V, C) of one body in torsos, and (T, V) where it was measured -> (T, V, C)."""
    space = space_TVC.astype(np.float64)
    shift = np.zeros_like(space)
    left = list(layout.bones)
    known = {joint for joint in range(layout.n_joints) if joint not in dict(left)}
    while left:
        child, parent = bone = next(bone for bone in left if bone[1] in known)
        both = there_TV[:, child] & there_TV[:, parent]
        bone_TC = space[:, child] - space[:, parent]
        length = np.sort(np.linalg.norm(bone_TC[both], axis=1))[(both.sum() - 1) // 2] if both.any() else 0.0
        factor = 1.0
        if length > 1e-3:
            factor = min(max(LENGTHS[layout.joints[child].split()[-1]] / length, 0.3), 3.0)
        for t in range(len(space)):
            shift[t, child] = shift[t, parent] + ((factor - 1) * bone_TC[t] if both[t] else 0)
        left.remove(bone)
        known.add(child)
    out = np.where(there_TV[..., None], space + shift, space)
    trunk = [layout.joints.index(name) for name in TRUNK]
    whole = there_TV[:, trunk].all(1)
    if whole.any():
        middle = out[whole][:, trunk].mean(1)
        out[whole, layout.centre] = middle + (out[whole, layout.centre] - middle).mean(0)
    return out
