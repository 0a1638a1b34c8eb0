"""Leaves out classes with too few clips for an episode, if the user asks for it, and says which.

In: a source, and the number of clips per class that an episode of a subset needs. Out: the source without smaller
classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dastm.contract.shard_format import Manifest
from dastm.episodes.collate import Selection
from dastm.episodes.episode import ClipBatch
from dastm.episodes.fetch import EpisodeSource


@dataclass(frozen=True)
class LargeClasses:
    """A source whose pools hold no class with fewer clips than needed; it is closed with the source."""

    source: EpisodeSource
    needed: Mapping[str, int]
    """subset -> clips that an episode needs of each class; a subset that is not named is as it is"""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the source."""
        return self.source.manifest

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """The pool sizes of the source, without the small classes."""
        sizes = self.source.pool_sizes(subset)
        return {class_id: n for class_id, n in sizes.items() if n >= self.needed.get(subset, 0)}

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """The clips of the source."""
        return self.source.clips(subset, selections)

    def close(self) -> None:
        """Let go of the source."""
        self.source.close()


def without_small(source: EpisodeSource, needed: Mapping[str, int]) -> tuple[EpisodeSource, list[str]]:
    """The source without classes of fewer clips than needed of a subset, and a line for each of these classes."""
    lines = [
        f"left out: {subset} class {class_id} ({source.manifest.subsets[subset][class_id].name}) has {n} clips, an"
        f" episode needs {least}"
        for subset, least in needed.items()
        for class_id, n in source.pool_sizes(subset).items()
        if n < least
    ]
    return (LargeClasses(source, needed), lines) if lines else (source, [])
