"""Words that the lines of both halves share."""

from collections.abc import Sequence


def listed(items: Sequence[object], most: int = 5, rest: str = " and {} more") -> str:
    """The first `most` items with commas between, then `rest`, in which {} becomes the number of the others.

    >>> listed([3, 1, 4], most=2)
    '3, 1 and 1 more'
    """
    more = rest.format(len(items) - most) if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more
