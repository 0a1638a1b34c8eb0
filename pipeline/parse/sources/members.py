"""The common interface of files that hold many clips and of folders that a definition describes: a list of clips.

In: raw files and the definition's parse block. Out: `Member`s, known before a joint is read: key, facts, label, and the
position at which a worker finds the clip. A damaged file is one DataError; a damaged clip is one RefusedError.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dastm.contract.errors import RefusedError
from pipeline.definitions.definition import ParseSpec
from pipeline.definitions.lists import nfc
from pipeline.parse.formats.ntu_skeleton import SUFFIX, facts_of_name
from pipeline.parse.labels import Label
from pipeline.parse.raw_files import RawFile
from pipeline.parse.suffixes import without_suffix
from pipeline.tracks import ClipName, Tracks

MAX_CLIPS = 2**20
"""Largest accepted number of clips of a file: each needs memory before it is read, and an empty one is only a byte."""
NOTE_RENAMED = "key_renamed"


@dataclass(frozen=True, kw_only=True)
class Member:
    """One clip of a raw file. It travels to worker processes, which open the file themselves."""

    raw: RawFile
    within: str = ""
    """Its place in the file as text, which is added to the path in the table's `source`; empty: the whole file."""
    name: ClipName | None
    stated: str | None = None
    """The key as the source states it; None if made from the file's path, when two may be equal by accident."""
    labels: tuple[Label, ...] = ()
    size: int
    """Bytes of the clip, uncompressed."""
    place: Any = None
    """What the source's own `read` needs to find the clip."""
    problem: str | None = None
    """The reason why the clip cannot be used, if that is known before any joint is read."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Source:
    """One kind of source; both functions raise RefusedError for a file or clip, and DataError for files that misfit."""

    suffixes: tuple[str, ...]
    members: Callable[[Sequence[RawFile], ParseSpec], Iterator[Member]]
    """The clips of all raw files of these suffixes, in the order of the table; others are left out."""
    read: Callable[[Member, ParseSpec], Tracks]


def named(text: Any, label: Any = None) -> tuple[ClipName, tuple[str, ...]]:
    """The key and the facts in a clip's name, and notes; NTU names give subject, camera and setup, but not the label.

    Dots, slashes and unprintable characters, which keys must not have, become `_`. RefusedError where nothing is left.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > 255:
        raise RefusedError("the clip has no name, or one that is not a text of at most 255 characters")
    bare = without_suffix(nfc(text), SUFFIX)
    key = "".join("_" if letter in "./\\" or not letter.isprintable() else letter for letter in bare)
    facts = facts_of_name(f"{bare}{SUFFIX}")._replace(key=key, class_id=None) if is_ntu_name(bare) else ClipName(key)
    return facts, () if key == bare else (NOTE_RENAMED,)


def is_ntu_name(text: str) -> bool:
    """Whether a name has the form of NTU's; such a name is a key by itself, wherever its file lies."""
    try:
        facts_of_name(f"{text}{SUFFIX}")
    except RefusedError:
        return False
    return True
