"""Gives every body the same proportions, and a centre that does not tremble.

In: bodies in space, in the unit of their torso. Out: the same poses, of a body whose bones are as long as `LENGTHS`
says. How long somebody's arms are says nothing of what they do, and sensors see the same person with other lengths
each time. Every bone keeps its direction in every frame, and its length changes by one factor for the whole clip, so
that movements stay as smooth as they were. The centre joint is measured with an error of its own, which everything
that is relative to it would share: it moves as the mean of the trunk does.

Axes: L clips, M bodies, T frames, V joints, C coordinates; B bones, of each the joint that it leads to.
"""

from functools import lru_cache

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
"""The length of the bone that leads to a joint of that name, on either side, in torsos: the mean of the medians of KARD
(Kinect v1) and realmotion, whose proportions are drawn."""
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
    lengths_LMTB = bone_lengths(space_LMTVC, layout).masked_fill(~_both(there_LMTV, layout), torch.nan)
    return with_standard_bones(space_LMTVC, there_LMTV, lengths_LMTB.nanmedian(2).values, layout)


def bone_lengths(space_LMTVC: Tensor, layout: Layout) -> Tensor:
    """The length of every bone in every frame, (.., V, C) -> (.., B)."""
    return _bones(space_LMTVC, layout).square().sum(-1).sqrt()


def with_standard_bones(space_LMTVC: Tensor, there_LMTV: Tensor, length_LMB: Tensor, layout: Layout) -> Tensor:
    """`standard_body` for bones of these median lengths (L, M, B); nan: never measured."""
    wanted_B = [LENGTHS[layout.joints[child].split()[-1]] for child, _ in layout.bones]
    factor_LMB = (space_LMTVC.new_tensor(wanted_B) / length_LMB).clamp(*LIMITS)
    counts_LMTB = _both(there_LMTV, layout) & (length_LMB > LEAST)[:, :, None]
    longer_LMTB = torch.where(counts_LMTB, factor_LMB[:, :, None] - 1, 0.0)
    shifts_LMTVC = space_LMTVC.new_tensor(_chains(layout)) @ (_bones(space_LMTVC, layout) * longer_LMTB[..., None])
    moved_LMTVC = torch.where(there_LMTV[..., None], space_LMTVC + shifts_LMTVC, space_LMTVC)
    return _steadied(moved_LMTVC, there_LMTV, layout)


def _bones(space_LMTVC: Tensor, layout: Layout) -> Tensor:
    children, parents = zip(*layout.bones, strict=True)
    return space_LMTVC[..., list(children), :] - space_LMTVC[..., list(parents), :]


def _both(there_LMTV: Tensor, layout: Layout) -> Tensor:
    """Whether both joints of each bone were measured -> (L, M, T, B)."""
    children, parents = zip(*layout.bones, strict=True)
    return there_LMTV[..., list(children)] & there_LMTV[..., list(parents)]


@lru_cache(maxsize=8)
def _chains(layout: Layout) -> tuple[tuple[float, ...], ...]:
    """Which bones lead from the root to each joint -> (V, B), 0 or 1; numbers, which no tracing can keep as its own."""
    bone_to = {child: (bone, parent) for bone, (child, parent) in enumerate(layout.bones)}
    chains_VB = [[0.0] * len(layout.bones) for _ in range(layout.n_joints)]
    for joint, chain_B in enumerate(chains_VB):
        above = joint
        while above in bone_to:
            bone, above = bone_to[above]
            chain_B[bone] = 1.0
    return tuple(map(tuple, chains_VB))


def _steadied(space_LMTVC: Tensor, there_LMTV: Tensor, layout: Layout) -> Tensor:
    """The centre joint where the mean of the trunk is, plus its mean distance from there; others are unchanged."""
    trunk = [layout.joints.index(name) for name in TRUNK]
    centre_LMTC = space_LMTVC[..., layout.centre, :]
    whole_LMT1 = there_LMTV[..., trunk].all(-1, keepdim=True)
    middle_LMTC = space_LMTVC[..., trunk, :].mean(-2)
    sum_LM1C = torch.where(whole_LMT1, centre_LMTC - middle_LMTC, 0.0).sum(2, keepdim=True)
    away_LM1C = sum_LM1C / whole_LMT1.sum(2, keepdim=True).clamp(min=1)
    steady_LMTC = torch.where(whole_LMT1, middle_LMTC + away_LM1C, centre_LMTC)
    is_centre_V1 = torch.arange(layout.n_joints, device=space_LMTVC.device)[:, None] == layout.centre
    return torch.where(is_centre_V1, steady_LMTC[..., None, :], space_LMTVC)
