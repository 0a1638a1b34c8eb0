"""Gives every body the same proportions, and a centre that does not tremble.

In: bodies in space, in the unit of their torso. Out: the same poses, of a body whose bones are as long as `LENGTHS`
says. How long somebody's arms are says nothing of what they do, and sensors see the same person with other lengths
each time. Every bone keeps its direction in every frame, and its length changes by one factor for the whole clip, so
that movements stay as smooth as they were. The centre joint is measured with an error of its own, which everything
that is relative to it would share: it moves as the mean of the trunk does.

Axes: L clips, M bodies, T frames, V joints, C coordinates; B bones, of each the joint that it leads to.
"""

import torch
from torch import Tensor

from dastm.contract.skeleton import Layout

LENGTHS = {
    "neck": 1.0,
    "head": 0.7,
    "shoulder": 0.53,
    "elbow": 0.83,
    "wrist": 0.7,
    "hand": 0.22,
    "hip": 0.25,
    "knee": 1.28,
    "ankle": 1.24,
    "foot": 0.31,
}
"""The length of the bone that leads to a joint of that name, on either side, in torsos: what depth cameras see of an
average body (they see the hips higher than they are)."""
LIMITS = 0.3, 3.0
"""Least and largest factor of a bone's length: what is further off is a failed measurement, or two joints in one."""
LEAST = 1e-3
"""A bone that is shorter, in torsos, has no length: its joint is put at another one because the source lacks it."""
TRUNK = ("hip centre", "neck", "left shoulder", "right shoulder", "left hip", "right hip")


def standard_body(space_LMTVC: Tensor, there_LMTV: Tensor, layout: Layout) -> Tensor:
    """The same poses of bodies whose bones have standard lengths, and whose centre is steady.

    Shapes: space (L, M, T, V, C), in torsos; there (L, M, T, V), False where a joint was not measured -> (L, M, T, V,
    C). Joints that were not measured keep their numbers, and what hangs on them moves as far as what they hang on.
    """
    children, parents, chains_VB = _tree(layout)
    bones_LMTBC = space_LMTVC[..., children, :] - space_LMTVC[..., parents, :]
    both_LMTB = there_LMTV[..., children] & there_LMTV[..., parents]
    lengths_LMTB = torch.linalg.vector_norm(bones_LMTBC, dim=-1).masked_fill(~both_LMTB, torch.nan)
    length_LM1B = lengths_LMTB.nanmedian(2, keepdim=True).values
    wanted_B = space_LMTVC.new_tensor([LENGTHS[layout.joints[child].split()[-1]] for child in children])
    factor_LM1B = (wanted_B / length_LM1B).clamp(*LIMITS)
    longer_LMTB = torch.where(both_LMTB & (length_LM1B > LEAST), factor_LM1B - 1, 0.0)
    moved_LMTVC = space_LMTVC + chains_VB.to(space_LMTVC) @ (bones_LMTBC * longer_LMTB[..., None])
    return _steadied(torch.where(there_LMTV[..., None], moved_LMTVC, space_LMTVC), there_LMTV, layout)


def _tree(layout: Layout) -> tuple[list[int], list[int], Tensor]:
    """The joints that bones lead to, those that these hang on, and which bones lead to each joint (V, B)."""
    children, parents = (list(ends) for ends in zip(*layout.bones, strict=True))
    hangs_on = dict(layout.bones)
    chains_VB = torch.zeros(layout.n_joints, len(children))
    for joint in range(layout.n_joints):
        above = joint
        while above in hangs_on:
            chains_VB[joint, children.index(above)] = 1
            above = hangs_on[above]
    return children, parents, chains_VB


def _steadied(space_LMTVC: Tensor, there_LMTV: Tensor, layout: Layout) -> Tensor:
    """The centre joint where the mean of the trunk is, plus its mean distance from there; others are unchanged."""
    trunk = [layout.joints.index(name) for name in TRUNK]
    centre = layout.centre
    whole_LMT1 = there_LMTV[..., trunk].all(-1, keepdim=True)
    middle_LMTC = space_LMTVC[..., trunk, :].mean(-2)
    away_LMTC = (space_LMTVC[..., centre, :] - middle_LMTC) * whole_LMT1
    mean_LM1C = away_LMTC.sum(2, keepdim=True) / whole_LMT1.sum(2, keepdim=True).clamp(min=1)
    steady_LMTVC = space_LMTVC.clone()
    steady_LMTVC[..., centre, :] = torch.where(whole_LMT1, middle_LMTC + mean_LM1C, space_LMTVC[..., centre, :])
    return steady_LMTVC
