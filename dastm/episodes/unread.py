"""Episodes without their clips: plans and labels only, and nothing is read.

In: a source. Out: one with the same pools, whose clips hold no numbers.
"""

from collections.abc import Sequence

import torch

from dastm.episodes.collate import Selection
from dastm.episodes.episode import ClipBatch
from dastm.episodes.fetch import EpisodeSource, Wrapped
from dastm.episodes.several import viewed


class Unread(Wrapped):
    """A source that reads nothing."""

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """As many clips as are selected, of one body and no frames."""
        return [
            ClipBatch(
                joints_LMTVC=torch.zeros(len(selected), 1, 0, 0, 0),
                present_LM=torch.ones(len(selected), 1, dtype=torch.bool),
            )
            for selected in selections
        ]


def unread(source: EpisodeSource) -> EpisodeSource:
    """The source for episodes of which only plans and labels are needed: it draws the same ones."""
    return viewed(source, Unread)
