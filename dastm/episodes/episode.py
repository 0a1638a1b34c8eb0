"""What the sampler decides (`EpisodePlan`, ids only) and what the loader makes of it (`Episode`, tensors).

Axes: L clips (support N*K or query N*Q, class after class), M bodies, T frames, V joints, C coordinates.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class EpisodePlan:
    """Which clips: row i of `support` and `query` belongs to `class_ids[i]`; numbers index into that class's pool.

    Classes that have queries but no row of examples are unknown: the right answer to their queries is "none of these".
    """

    class_ids: tuple[int, ...]
    support: tuple[tuple[int, ...], ...]
    """N x K"""
    query: tuple[tuple[int, ...], ...]
    """N x Q, disjoint from the support"""

    @property
    def n_way(self) -> int:
        """Number of classes with examples. Unknown classes, which have none, come last."""
        return sum(map(bool, self.support))


@dataclass(frozen=True, kw_only=True)
class ClipBatch:
    """Some clips, padded to the same number of bodies: joints are zero where `present_LM` is False.

    The mask stays on the host, because it decides the sizes of later tensors: reading it from an accelerator would wait
    for all pending work.
    """

    joints_LMTVC: Tensor
    present_LM: Tensor
    """bool, on the CPU; the first body of every clip is present"""

    def to(self, device: torch.device) -> "ClipBatch":
        """The same clips with their joints on another device."""
        return ClipBatch(joints_LMTVC=self.joints_LMTVC.to(device, non_blocking=True), present_LM=self.present_LM)

    def at(self, places: list[int]) -> "ClipBatch":
        """The clips at these positions, in this order."""
        index = torch.tensor(places)
        joints = self.joints_LMTVC.index_select(0, index.to(self.joints_LMTVC.device, non_blocking=True))
        return ClipBatch(joints_LMTVC=joints, present_LM=self.present_LM[index])


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One N-way K-shot problem. Labels are 0..N-1, the position of the clip's class in `plan.class_ids`."""

    plan: EpisodePlan
    support: ClipBatch
    query: ClipBatch
    support_labels: Tensor
    """(N*K,) int64"""
    query_labels: Tensor
    """(N*Q,) int64"""

    def to(self, device: torch.device) -> "Episode":
        """The same episode on another device."""
        return Episode(
            plan=self.plan,
            support=self.support.to(device),
            query=self.query.to(device),
            support_labels=self.support_labels.to(device, non_blocking=True),
            query_labels=self.query_labels.to(device, non_blocking=True),
        )
