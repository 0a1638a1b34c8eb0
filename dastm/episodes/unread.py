"""Episodes without their clips: plans and labels only, and nothing is read.

In: a source. Out: one with the same pools, whose clips hold no numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from dastm.contract.shard_format import Manifest
from dastm.episodes.collate import Selection
from dastm.episodes.episode import ClipBatch
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.several import viewed


@dataclass(frozen=True)
class Unread:
    """A source that reads nothing; closing it closes the source."""

    source: EpisodeSource

    @property
    def manifest(self) -> Manifest:
        """As the source has it."""
        return self.source.manifest

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """As the source has it."""
        return self.source.pool_sizes(subset)

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """As many clips as are selected, of one body and no frames."""
        return [
            ClipBatch(
                joints_LMTVC=torch.zeros(len(selected), 1, 0, 0, 0),
                present_LM=torch.ones(len(selected), 1, dtype=torch.bool),
            )
            for selected in selections
        ]

    def close(self) -> None:
        """Let go of the source."""
        self.source.close()


def unread(source: EpisodeSource) -> EpisodeSource:
    """The source for episodes of which only plans and labels are needed: it draws the same ones."""
    return viewed(source, Unread)
