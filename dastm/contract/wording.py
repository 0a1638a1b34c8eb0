"""Words that the lines of both halves share."""

import unicodedata
from collections.abc import Sequence

BREAKING = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of characters, and what begins a line or a paragraph."""

SILENT = (
    (EOFError, "it ends too early"),
    (MemoryError, "memory ran out"),
    (TimeoutError, "there was no answer in time"),
)
"""What errors mean that often come without a text of their own."""


def reason_of(error: BaseException) -> str:
    """What an error says, in one line: never only the name of its class, which no user knows.

    >>> reason_of(KeyError("frames")), reason_of(EOFError())
    ("there is no 'frames'", 'it ends too early')
    """
    if isinstance(error, KeyError) and error.args:
        return f"there is no {' '.join(repr(error.args[0]).split())}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    meant = next((words for kind, words in SILENT if isinstance(error, kind)), "no reason is given")
    return " ".join(str(error).split()) or meant


def one_line(text: object) -> str:
    r"""A text in a form that prints as one line: line breaks and control characters are escaped.

    >>> one_line("a\nb.npy: 3 frames")
    'a\\nb.npy: 3 frames'
    """
    broken = (unicodedata.category(character) in BREAKING for character in str(text))
    return "".join(ascii(c)[1:-1] if breaks else c for c, breaks in zip(str(text), broken, strict=True))


def listed(items: Sequence[object], most: int = 5, rest: str = " and {} more") -> str:
    """The first `most` items, separated by commas, then `rest`, in which {} is replaced by the number of the others.

    >>> listed([3, 1, 4], most=2)
    '3, 1 and 1 more'
    """
    more = rest.format(len(items) - most) if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more
