"""The interface of sources of clips (`EpisodeSource`), and the function that makes an episode from a plan and a source.

In: a source and an `EpisodePlan`. Out: the `Episode`, the same bits from every source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dastm.contract.shard_format import Manifest
from dastm.episodes.collate import Selection, labels, selection
from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan


class EpisodeSource(Protocol):
    """The interface through which loader, trainer and evaluator read clips of a shard folder."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the shard folder."""

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """Class id -> number of clips; RunError for an unknown subset."""

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """One batch of clips for each selection, in the order asked for.

        Clips of several selections that are in one file may be read together; each batch is padded separately.
        Raises: ShardError if a clip is not what was written; ValueError for a class or a clip that does not exist.
        """

    def close(self) -> None:
        """Close files and release tensors."""


@dataclass(frozen=True)
class Wrapped:
    """A wrapper of another source, unchanged except for what a subclass changes; closing it closes that source."""

    source: EpisodeSource

    @property
    def manifest(self) -> Manifest:
        """The manifest of the wrapped source."""
        return self.source.manifest

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """The pool sizes of the wrapped source: class id -> number of clips."""
        return self.source.pool_sizes(subset)

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """The clips of the wrapped source, one batch for each selection."""
        return self.source.clips(subset, selections)

    def close(self) -> None:
        """Let go of the source."""
        self.source.close()


def fetch_episode(source: EpisodeSource, subset: str, plan: EpisodePlan) -> Episode:
    """The tensors of a plan, on the device of the source's clips, with labels 0..N-1.

    Support and query are padded separately: each has as many bodies as its own clips need.
    Raises: as the source's `clips`.
    """
    support, query = source.clips(subset, [selection(plan, plan.support), selection(plan, plan.query)])
    device = support.joints_LMTVC.device
    return Episode(
        plan=plan,
        support=support,
        query=query,
        support_labels=labels(plan.support).to(device, non_blocking=True),
        query_labels=labels(plan.query).to(device, non_blocking=True),
    )
