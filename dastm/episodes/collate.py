"""Stacks the clips of a plan into tensors, in one place, so that all sources give the same bits.

In: arrays (bodies present, frames, joints, coordinates), in the plan's order. Out: `ClipBatch`.
Axes: L clips (class after class), M bodies, T frames, V joints, C coordinates.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.episodes.episode import ClipBatch, EpisodePlan

Selection = list[tuple[int, int]]
"""(class id, position in that class's pool) for each clip."""


def collate(clips: Sequence[NDArray[np.float32]]) -> ClipBatch:
    """Stack clips (M_i, T, V, C), i = 1..L, padded with absent zero bodies to the largest M_i among them.

    Raises: ValueError for no clips, or clips that differ in more than the number of bodies.
    """
    if len({clip.shape[1:] for clip in clips}) != 1:
        raise ValueError(f"needs one or more clips of one (T, V, C), got {sorted({c.shape[1:] for c in clips})}")
    bodies = [clip.shape[0] for clip in clips]
    joints = np.zeros((len(clips), max(bodies), *clips[0].shape[1:]), dtype=np.float32)
    for row, clip in zip(joints, clips, strict=True):
        row[: len(clip)] = clip
    return ClipBatch(joints_LMTVC=torch.from_numpy(joints), present_LM=present_bodies(bodies))


def present_bodies(bodies: Sequence[int]) -> Tensor:
    """(L, M) bool: the first `bodies[l]` of the M = max(bodies) bodies of clip l are present."""
    counts = torch.as_tensor(bodies)
    return torch.arange(int(counts.max())) < counts[:, None]


def check_selections(selections: Sequence[Selection], pool_sizes: Mapping[int, int], where: str) -> None:
    """Raises: ValueError if a class or a clip is not in the pool."""
    for class_id, i in (clip for clips in selections for clip in clips):
        if class_id not in pool_sizes:
            raise ValueError(f"{where} has no class {class_id}")
        if not 0 <= i < pool_sizes[class_id]:
            raise ValueError(f"{where}: class {class_id} has {pool_sizes[class_id]} clips, no clip {i}")


def selection(plan: EpisodePlan, clips: tuple[tuple[int, ...], ...]) -> Selection:
    """The support or the query of a plan, class after class."""
    return [(class_id, i) for class_id, row in zip(plan.class_ids, clips, strict=True) for i in row]


def labels(clips: tuple[tuple[int, ...], ...]) -> Tensor:
    """(L,) int64: 0..N-1, one for every clip of `selection`."""
    return torch.tensor([label for label, row in enumerate(clips) for _ in row], dtype=torch.int64)
