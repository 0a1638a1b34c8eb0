"""Leaves out classes with too few clips for an episode, if the user asks for it, and says which.

In: a source, and the number of clips per class that an episode of a subset needs. Out: the source without smaller
classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dastm.contract.errors import RunError
from dastm.contract.wording import listed
from dastm.episodes.fetch import EpisodeSource, Wrapped

MOST_NAMED = 20
"""Classes that one error names."""


@dataclass(frozen=True)
class LargeClasses(Wrapped):
    """A source whose pools hold no class with fewer clips than needed."""

    needed: Mapping[str, int]
    """subset -> number of clips that an episode needs of each class; other subsets are unchanged"""

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """The pool sizes of the source, without the small classes."""
        sizes = self.source.pool_sizes(subset)
        return {class_id: n for class_id, n in sizes.items() if n >= self.needed.get(subset, 0)}


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


def check_enough_left(n_left: int, needed: int, where: str, left_out: Sequence[str]) -> None:
    """Raise RunError with the lines of the classes that were left out, if that leaves fewer than an episode needs."""
    if left_out and n_left < needed:
        raise RunError(
            f"{where}: {n_left} classes are left, an episode needs {needed}; lower the number of ways, examples or"
            f" queries; {listed(left_out, MOST_NAMED)}"
        )
