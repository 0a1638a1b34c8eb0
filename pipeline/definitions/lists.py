"""Lists that belong to a data set: text files with a clip's key, or a class's name, a line; or the same in YAML.

In: a file, or what YAML made of a list. Out: keys or names in Unicode NFC, as which they are compared everywhere: what
looks the same is the same, whichever machine wrote it. What cannot be meant is one line that names file and line.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize

from dastm.contract.documents import DocumentError, read_file, shown
from dastm.contract.errors import DataError
from dastm.contract.os_errors import os_line

SHOWN = 3
"""Entries without a clip that are named; the number tells of the others."""
_SUFFIX = re.compile(r"\.(skeleton|json|npy|npz|csv)$")
_NTU = re.compile(r"S\d{3}C\d{3}P\d{3}R\d{3}A\d{3}")
_NUMBERED = re.compile(r"\d+\s*[,;\t]")
_HEADERS = ("action", "class", "class_name", "class name", "label", "label_name", "name")


def nfc(text: str) -> str:
    """The text as it is compared: `e` with an accent is one letter, also where a file system has written two."""
    return normalize("NFC", text)


def bare(text: str) -> str:
    """The name of a clip as a list has it, without the suffix of the clip's file."""
    return _SUFFIX.sub("", nfc(text.strip()))


def key_of(text: str) -> str:
    """The key that an entry means: folders are joined by `_`, as keys have them."""
    return bare(text).replace("/", "_")


def read_keys(value: Any, what: str, folder: Path, format_name: str) -> tuple[str, ...]:
    """The keys of a list, or of a text file with a key a line; none where `value` is None.

    Raises DataError, or ValueError for what stands in the definition itself, for an entry that cannot be a key.
    """
    return tuple(_key(text, where, format_name) for text, where in _entries(value, what, folder))


def read_names(value: Any, what: str, folder: Path) -> tuple[str, ...]:
    """The class names of a list, or of a text file with a name a line; an action code (`A031 point`) is no part of it.

    Raises as `read_keys`, also for two names that are one: the class of a clip could not be told.
    """
    entries = [(re.sub(r"^A\d{3}\s+", "", text), where) for text, where in _entries(value, what, folder)]
    seen: dict[str, str] = {}
    for text, where in entries:
        if not text.isprintable() or _NUMBERED.match(text):
            raise DataError(f"{where}: {text[:60]!r} is no class name; write one name a line, without its number")
        if not seen and isinstance(value, str) and text.casefold() in _HEADERS:
            raise DataError(f"{where}: {text!r} looks like a header; the first line is the name of class 0")
        if text in seen:
            raise DataError(f"{where}: {text!r} is listed before, {seen[text]}; every class needs a name of its own")
        seen[text] = where
    return tuple(seen)


def without_clip(entries: Collection[str], keys: Collection[str], what: str) -> list[str]:
    """A line where entries of a list name no clip: it may be of another data set, or its keys written otherwise."""
    meant = {re.sub(r"[.\\]", "_", key_of(entry)) for entry in entries}
    lost = sorted(meant - set(keys))
    if not lost:
        return []
    named = ", ".join(map(repr, lost[:SHOWN])) + (", .." if len(lost) > SHOWN else "")
    if len(lost) == len(meant):
        return [f"{what}: not one of its {len(lost)} entries names a clip here, so it says nothing of any: {named}"]
    return [f"{what}: {len(lost)} of its {len(entries)} entries name no clip here: {named}"]


def _key(text: str, where: str, format_name: str) -> str:
    key = key_of(text)
    wrong = not key or len(key) > 255 or not key.isprintable() or set(key) & set(".\\")
    if wrong or (format_name == "ntu_skeleton" and not _NTU.fullmatch(key)):
        example = "S001C002P003R002A013" if format_name == "ntu_skeleton" else "the clip's file name without its suffix"
        raise DataError(f"{where}: {text[:60]!r} cannot be a clip's key; write one key a line ({example}), no header")
    return key


def _entries(value: Any, what: str, folder: Path) -> Iterable[tuple[str, str]]:
    """Each entry, stripped, and where it stands."""
    if value is None:
        return ()
    if isinstance(value, str):
        path = folder / value
        return [(nfc(line.strip()), f"{path}: line {n}") for n, line in enumerate(_lines(path), 1) if line.strip()]
    if not isinstance(value, list | tuple):
        raise ValueError(f"{what}: a list, or the name of a text file, got {shown(value)}")
    return [(nfc(_text(entry, what, value).strip()), f"{what}: entry {n}") for n, entry in enumerate(value, 1)]


def _text(entry: Any, what: str, among: Sequence[Any]) -> str:
    """YAML takes yes, no, on, off and null for values, 7 and 1e3 for numbers: then the name is not what was written."""
    if isinstance(entry, str):
        return entry
    number = among.index(entry) + 1
    meant = {True: "'yes' (or 'on', 'true')", False: "'no' (or 'off', 'false')", None: "'null'"}
    quoted = meant[entry] if entry is None or isinstance(entry, bool) else shown(str(entry))
    raise ValueError(f"{what}: entry {number} is {shown(entry)} to YAML, not text; write it in quotes: {quoted}")


def _lines(path: Path) -> list[str]:
    """Some programs begin a text with a mark, and some end lines with a carriage return."""
    try:
        text = read_file(path).decode("utf-8-sig")
    except DocumentError as error:
        if isinstance(error.__cause__, OSError):
            raise DataError(os_line(error.__cause__, path, "cannot read this list")) from error
        raise DataError(f"{path}: cannot read this list: {error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot read this list: byte {error.start} is not UTF-8; save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
