"""Random variations of clips: ends cut off, other body proportions, joints that were not seen.

In: clips of a source, and the random numbers drawn for each. Out: clips of the same shape. Nothing is drawn per frame:
the limbs of a person have constant lengths, and a camera that loses a hand loses it for a while.

Axes: L clips, M bodies, T frames, V joints, C coordinates of which the first S are in space, D the two ends.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.skeleton import Layout
from dastm.layers.full_product import full_product

Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]


def drawn_cuts(n_clips: int, n_frames: int, most: float, rng: np.random.Generator) -> Numbers:
    """Draw the numbers of frames to cut at both ends, each with probability 1/2 and up to a share `most` -> (L, 2)."""
    shares_LD = rng.uniform(0, most, (n_clips, 2)) * (rng.random((n_clips, 2)) < 0.5)
    cuts: Numbers = (shares_LD * n_frames).astype(np.int64)
    return cuts


def cropped(joints_LMTVC: Tensor, cuts_LD: Numbers, centre: int, n_space: int) -> Tensor:
    """Cut the ends of clips and repeat frames so that their number stays the same; no other frame is lost.

    Clips are moved so that the centre joint of the first body starts at the same position as before, which is the
    origin if the preparation moved it there. Joints that were not measured (all zeros) stay zero.

    Shapes: joints (L, M, T, V, C), cuts (L, 2) -> (L, M, T, V, C).
    """
    n_frames = joints_LMTVC.shape[2]
    last_L1 = n_frames - 1 - cuts_LD.sum(1, keepdims=True)
    gaps = max(n_frames - 1, 1)
    frames_LT = cuts_LD[:, :1] + (2 * np.arange(n_frames) * last_L1 + gaps) // (2 * gaps)
    index = torch.from_numpy(frames_LT).to(joints_LMTVC.device, non_blocking=True)[:, None, :, None, None]
    left = joints_LMTVC.gather(2, index.expand_as(joints_LMTVC))
    shift = torch.zeros_like(left[:, :1, :1, :1])
    shift[..., :n_space] = (joints_LMTVC - left)[:, :1, :1, centre : centre + 1, :n_space]
    return left + shift * left.any(-1, keepdim=True)


def other_bodies(
    joints_LMTVC: Tensor, layout: Layout, rng: np.random.Generator, *, limbs: float, drop: float
) -> Tensor:
    """Clips with other lengths of limbs, and with joints that were not seen; an option of 0 changes nothing.

    Args:
        limbs: standard deviation of the logarithm of a factor for the length of each limb.
        drop: probability that a joint of a clip is put where its parent joint is.

    Shapes: joints (L, M, T, V, C) -> (L, M, T, V, C).
    """
    if limbs:
        limb_V = limb_numbers(layout)
        lengths = np.exp(rng.normal(0, limbs, (len(joints_LMTVC), limb_V.max() + 1)))
        joints_LMTVC = with_limbs_of(joints_LMTVC, lengths[:, limb_V], layout)
    if drop:
        dropped_LV = rng.random((len(joints_LMTVC), layout.n_joints)) < drop
        joints_LMTVC = without_joints(joints_LMTVC, dropped_LV, layout)
    return joints_LMTVC


def bone_tree(layout: Layout) -> list[tuple[int, int]]:
    """(joint, its parent) for a tree that starts at the centre, nearest joints first; without the centre itself."""
    neighbours = [[a + b - joint for a, b in layout.bones if joint in (a, b)] for joint in range(layout.n_joints)]
    tree, reached, frontier = [], {layout.centre}, [layout.centre]
    for joint in frontier:
        for other in neighbours[joint]:
            if other not in reached:
                reached.add(other)
                frontier.append(other)
                tree.append((other, joint))
    return tree


def limb_numbers(layout: Layout) -> Numbers:
    """The limb of every joint: a chain of bones up to where the skeleton branches -> (V,), the centre has 0."""
    tree = bone_tree(layout)
    n_children = np.bincount([parent for _, parent in tree], minlength=layout.n_joints)
    limb_V = np.zeros(layout.n_joints, np.int64)
    for joint, parent in tree:
        goes_on = n_children[parent] == 1 and parent != layout.centre
        limb_V[joint] = limb_V[parent] if goes_on else limb_V.max() + 1
    return limb_V


def with_limbs_of(joints_LMTVC: Tensor, factors_LV: Doubles, layout: Layout) -> Tensor:
    """Bodies whose bones are longer by a factor at each joint; joints further out move along.

    Bodies with a joint that was not measured in some frame are not changed, because the end of its bone is not known.

    Shapes: joints (L, M, T, V, C); factors (L, V), of the bone by which a joint hangs -> (L, M, T, V, C).
    """
    eye_VV = np.eye(layout.n_joints)
    maps_LVV = np.repeat(eye_VV[None], len(factors_LV), axis=0)
    for joint, parent in bone_tree(layout):
        bone_V = eye_VV[joint] - eye_VV[parent]
        maps_LVV[:, joint] = maps_LVV[:, parent] + factors_LV[:, joint, None] * bone_V
    maps = torch.from_numpy(maps_LVV).to(joints_LMTVC.dtype).to(joints_LMTVC.device, non_blocking=True)
    n_space = layout.n_space
    measured_LMTV = joints_LMTVC.any(-1)
    measured_LMTV[..., layout.centre] = True  # it may well be at the origin
    whole = measured_LMTV.all(-1).all(-1)[..., None, None, None]
    moved = full_product(maps[:, None, None], joints_LMTVC[..., :n_space])
    other = torch.cat([moved, joints_LMTVC[..., n_space:]], dim=-1)
    return torch.where(whole, other, joints_LMTVC)


def without_joints(joints_LMTVC: Tensor, dropped_LV: NDArray[np.bool_], layout: Layout) -> Tensor:
    """Clips whose dropped joints are put at the next joint towards the centre that was not dropped.

    Shapes: joints (L, M, T, V, C), dropped (L, V), the centre's entry is not read -> (L, M, T, V, C).
    """
    source_LV = np.repeat(np.arange(layout.n_joints)[None], len(dropped_LV), axis=0)
    for joint, parent in bone_tree(layout):
        source_LV[:, joint] = np.where(dropped_LV[:, joint], source_LV[:, parent], joint)
    index = torch.from_numpy(source_LV).to(joints_LMTVC.device, non_blocking=True)[:, None, None, :, None]
    return joints_LMTVC.gather(3, index.expand_as(joints_LMTVC))
