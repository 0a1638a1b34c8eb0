"""Clips from tensors that stay in memory or on the GPU, for data sets that fit, as most few-shot data sets do.

In: an `IndexedShards`, the wanted subsets, a device. Out: `ClipBatch`es on that device, by one index_select each.
Axes: L clips, M bodies, T frames, V joints, C coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.errors import RunError
from dastm.contract.progress import progress
from dastm.episodes.collate import Selection, check_selections, collate, present_bodies
from dastm.episodes.episode import ClipBatch
from dastm.episodes.indexed import IndexedShards
from dastm.episodes.manifest import clip_shape, pool_sizes

CHUNK = 256
"""Number of clips that are on the host at a time while loading."""


@dataclass(frozen=True, kw_only=True)
class _Subset:
    joints_LMTVC: Tensor
    present_LM: Tensor
    """on the host, as are the numbers of bodies: the sizes of a batch are known without waiting for the GPU"""
    bodies: NDArray[np.int64]
    rows: dict[int, range]


class ResidentClips:
    """Some subsets of a shard folder as one padded tensor each. `source` may be closed once this is built.

    Raises: as `IndexedShards.read`; RunError for an unknown subset, or if the device has no room.
    """

    def __init__(self, source: IndexedShards, subsets: Sequence[str], device: torch.device) -> None:
        self.manifest = source.manifest
        self._where = str(source.folder)
        self._subsets = {subset: _load(source, subset, device) for subset in subsets}

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """Class id -> number of clips; RunError for an unknown subset or one that was not loaded."""
        sizes = pool_sizes(self.manifest, subset, self._where)
        if subset not in self._subsets:
            raise RunError(f"{self._where}: subset {subset!r} was not loaded, only {', '.join(self._subsets)}")
        return sizes

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """One batch of clips for each selection, in the order asked for, on the device.

        Raises: ValueError for a class or a clip that the subset does not have.
        """
        check_selections(selections, self.pool_sizes(subset), f"{self._where}: {subset}")
        return [_batch_of(self._subsets[subset], clips) for clips in selections]

    def close(self) -> None:
        """Let go of the tensors; reading afterwards is a RunError."""
        self._subsets = {}


def resident_bytes(source: IndexedShards, subsets: Sequence[str]) -> int:
    """Bytes that `ResidentClips` would take, from the index alone. RunError for an unknown subset."""
    n_values = int(np.prod(clip_shape(source.manifest)))
    slots = (len(index) * int(index.bodies.max(initial=0)) for index in map(source.index_of, subsets))
    return sum(n * (4 * n_values + 1) for n in slots)


def _load(source: IndexedShards, subset: str, device: torch.device) -> _Subset:
    index = source.index_of(subset)
    shape = (len(index), int(index.bodies.max(initial=1)), *clip_shape(source.manifest))
    joints_LMTVC = _allocate(shape, device, f"{source.folder}: {subset}")
    with progress(total=len(index), desc=f"loading {subset}", unit="clip") as bar:
        for start in range(0, len(index), CHUNK):
            chunk = collate([source.read(subset, row) for row in range(start, min(start + CHUNK, len(index)))])
            n_clips, n_bodies = chunk.present_LM.shape
            joints_LMTVC[start : start + n_clips, :n_bodies] = chunk.joints_LMTVC.to(device)
            bar.update(n_clips)
    present_LM = present_bodies(index.bodies.tolist()) if len(index) else torch.zeros(shape[:2], dtype=torch.bool)
    return _Subset(joints_LMTVC=joints_LMTVC, present_LM=present_LM, bodies=index.bodies, rows=index.rows)


def _allocate(shape: tuple[int, ...], device: torch.device, where: str) -> Tensor:
    try:
        return torch.zeros(shape, dtype=torch.float32, device=device)
    except RuntimeError as error:
        gib = 4 * float(np.prod(shape, dtype=np.float64)) / 2**30
        raise RunError(f"{where}: no room for {gib:.1f} GiB on {device}; read the shards in mode 'indexed'") from error


def _batch_of(held: _Subset, clips: Selection) -> ClipBatch:
    rows = [held.rows[class_id][i] for class_id, i in clips]
    n_bodies = int(held.bodies[rows].max())
    wanted = torch.tensor(rows)
    there = wanted.to(held.joints_LMTVC.device, non_blocking=True)
    return ClipBatch(
        joints_LMTVC=held.joints_LMTVC[:, :n_bodies].index_select(0, there),
        present_LM=held.present_LM[:, :n_bodies].index_select(0, wanted),
    )
