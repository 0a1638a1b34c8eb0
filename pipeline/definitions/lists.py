"""Reads the lists of a data set: keys of clips or names of classes, one per line of a text file or as a YAML list; and
the classes of train, val and test.

In: a file, or a list from YAML. Out: keys or names in Unicode NFC, in which they are compared everywhere, so that names
that look the same are equal. For an entry that cannot be right, the error names file and line.

A text file may have comments, quotes, and the commas that spreadsheets leave at the ends of lines. A list in YAML is
used unchanged, so it can hold names that a text file cannot.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

from dastm.contract.documents import DocumentError, read_file, shown
from dastm.contract.errors import DataError
from dastm.contract.os_errors import os_line
from dastm.contract.shard_format import SUBSETS
from dastm.contract.wording import listed

_SUFFIX = re.compile(r"(\.skeleton)?(\.(json|npy|npz|csv))?$", re.IGNORECASE)
_NTU = re.compile(r"S\d{3}C\d{3}P\d{3}R\d{3}A\d{3}", re.ASCII)
_NUMBERED = re.compile(r"A?(\d+)[\s,;:.)]+\S")
_QUOTED = re.compile(r"""(["'])((?:(?!\1).|\1\1)*)\1""")
_HEADERS = (
    *("action", "class", "class name", "class_name", "label", "label name", "label_name", "name"),
    *("actions", "classes", "class names", "class_names", "labels", "names"),
)


class _Entry(NamedTuple):
    text: str
    where: str
    is_sure: bool = False
    """Whether the entry is in quotes or in YAML, and so used unchanged."""


def nfc(text: str) -> str:
    """The text as it is compared: `e` with an accent is one letter, also where a file system has written two."""
    return normalize("NFC", text)


def key_of(text: str) -> str:
    """The key that a written entry means, whichever list it stands in, as the keys of clips are made.

    The suffix of the clip's file is no part of it, in capitals or not, nor is `./` in front; `/`, `\\` and dots become
    `_`. An NTU name is a key on its own, whatever folder stands before it.
    """
    parts = [part for part in nfc(text.strip()).replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts:
        return ""
    parts[-1] = _SUFFIX.sub("", parts[-1], count=1)
    return parts[-1] if _NTU.fullmatch(parts[-1]) else "_".join(parts).replace(".", "_")


def checked_key(text: str, where: str, format_name: str) -> str:
    """`key_of` with a check. Raises: DataError naming `where` for an entry that cannot be a key of such a data set."""
    key = key_of(text)
    wrong = not key or len(key) > 255 or not key.isprintable()
    if wrong or (format_name == "ntu_skeleton" and not _NTU.fullmatch(key)):
        example = "S001C002P003R002A013" if format_name == "ntu_skeleton" else "the clip's file name without its suffix"
        raise DataError(f"{where}: {text[:60]!r} cannot be a clip's key; write one key a line ({example}), no header")
    return key


def read_keys(value: Any, what: str, folder: Path, format_name: str) -> tuple[str, ...]:
    """The keys of a list, or of a text file with one key per line; none if `value` is None.

    Raises: DataError (ValueError for entries in the definition itself) for an entry that cannot be a key.
    """
    return tuple(checked_key(one.text, one.where, format_name) for one in _entries(value, what, folder))


def read_names(value: Any, what: str, folder: Path) -> tuple[str, ...]:
    """The class names of a list, or of a text file with one name per line; an action code (`A031 point`) is dropped.

    Raises: as `read_keys`; also if two names are equal (the class of a clip would be unclear), and for a text file that
    is a table, numbers its lines or begins with a header, because its lines would be wrong names.
    """
    entries = [one._replace(text=re.sub(r"^A\d{3}\s+", "", one.text)) for one in _entries(value, what, folder)]
    _check_form(entries)
    seen: dict[str, str] = {}
    for text, where, _ in entries:
        if not text or not text.isprintable():
            raise DataError(f"{where}: {text[:60]!r} is no class name; write one name a line, without its number")
        if text in seen:
            raise DataError(f"{where}: {text!r} is listed before, {seen[text]}; every class needs a name of its own")
        seen[text] = where
    return tuple(seen)


def read_class_names(value: Any, folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """The names of `read_names` and, if the value is a mapping, the names that files use -> these names."""
    if not isinstance(value, Mapping):
        return read_names(value, "parse.class_names", folder), {}
    wrong = next((code for code in value if not isinstance(code, str)), None)
    if wrong is not None:
        raise ValueError(f"parse.class_names: {shown(wrong)} is not text to YAML; write it in quotes")
    names = read_names(list(value.values()), "parse.class_names", folder)
    return names, dict(zip(value, names, strict=True))


def _check_form(entries: Sequence[_Entry]) -> None:
    """DataError for a text file whose lines hold more than names; one line with a number or a comma is a name."""
    written = [one for one in entries if not one.is_sure]
    if not written:
        return
    text, where = written[0].text, written[0].where
    if written[0] is entries[0] and text.casefold() in _HEADERS:
        raise DataError(
            f"{where}: {text!r} looks like a header; the first line is the name of class 0. Remove it or, if this is"
            " the name, write this line alone in quotes"
        )
    numbers = [match[1] for one in written if (match := _NUMBERED.match(one.text))]
    is_numbered = len(set(numbers)) == len(written)
    if len(written) > 1 and (is_numbered or _is_table([one.text for one in written])):
        every = "begins with a number of its own" if is_numbered else "is divided by as many commas"
        raise DataError(
            f"{where}: {text[:60]!r} is no class name, every line {every}; write one name a line, without its number,"
            " or put a name that is meant so in quotes"
        )


def _is_table(lines: Sequence[str]) -> bool:
    """Whether every line has the same number of commas, or semicolons, and at least one."""
    counts = [{line.count(mark) for line in lines} for mark in ",;"]
    return any(len(count) == 1 and 0 not in count for count in counts)


def read_class_split(split: Any, first_class_id: int, n_classes: int) -> dict[str, tuple[int, ...]]:
    """subset -> ids from 0, from a mapping whose ids start at `first_class_id`. Raises: ValueError if it is not one."""
    if not isinstance(split, Mapping):
        raise ValueError("split.class_split: a mapping or a YAML file with train, val and test")
    if isinstance(first_class_id, bool) or not isinstance(first_class_id, int):
        raise ValueError(f"split.first_class_id: a whole number, got {shown(first_class_id)}")
    unknown = set(split) - set(SUBSETS)
    if unknown:
        raise ValueError(f"split.class_split: unknown subset {min(map(str, unknown))!r}; known: {', '.join(SUBSETS)}")
    split = _with_rest(split, range(first_class_id, first_class_id + n_classes))
    for subset, given in split.items():
        if not isinstance(given, list | tuple | None):
            raise ValueError(f"split.class_split.{subset}: expected a list of class ids, got {shown(given)}")
    ids = {subset: tuple(split.get(subset) or ()) for subset in SUBSETS}
    seen: dict[int, str] = {}
    for subset in SUBSETS:
        for class_id in ids[subset]:
            if isinstance(class_id, bool) or not isinstance(class_id, int) or class_id < first_class_id:
                raise ValueError(
                    f"split.class_split.{subset}: {shown(class_id)} is not a class id from {first_class_id} on"
                )
            if class_id in seen:
                raise ValueError(f"split.class_split: class {class_id} is in {seen[class_id]} and in {subset}")
            seen[class_id] = subset
    return {subset: tuple(sorted(i - first_class_id for i in ids[subset])) for subset in SUBSETS}


def _with_rest(split: Mapping[str, Any], all_ids: range) -> dict[str, Any]:
    """The split with `rest` as a list; ValueError where class_names do not say which classes there are."""
    named = {i for given in split.values() if isinstance(given, list) for i in given if type(i) is int}
    subsets = [subset for subset in split if split[subset] == "rest"]
    if subsets and (not all_ids or len(subsets) > 1):
        why = "two subsets cannot have it" if all_ids else "parse.class_names do not say which classes there are"
        raise ValueError(f"split.class_split.{subsets[-1]}: rest: {why}")
    return {**split, **{subset: [i for i in all_ids if i not in named] for subset in subsets}}


def without_clip(entries: Collection[str], keys: Collection[str], what: str) -> list[str]:
    """A line if entries of a list name no clip: the list may belong to another data set, or its keys are written
    wrongly."""
    meant = {key_of(entry) for entry in entries}
    lost = sorted(meant - set(keys))
    if not lost:
        return []
    named = listed([*map(repr, lost)], 3, rest=", ..")  # the line says how many they are
    if len(lost) == len(meant):
        return [f"{what}: not one of its {len(lost)} entries names a clip here, so it says nothing of any: {named}"]
    return [f"{what}: {len(lost)} of its {len(entries)} entries name no clip here: {named}"]


def _entries(value: Any, what: str, folder: Path) -> list[_Entry]:
    """Each entry, stripped, and where it stands."""
    if value is None:
        return []
    if isinstance(value, str):
        return _written(folder / value)
    if not isinstance(value, list | tuple):
        raise ValueError(f"{what}: a list, or the name of a text file, got {shown(value)}")
    texts = [nfc(_text(entry, what, value).strip()) for entry in value]
    return [_Entry(text, f"{what}: entry {n}", is_sure=True) for n, text in enumerate(texts, 1)]


def _written(path: Path) -> list[_Entry]:
    """The lines of a text file that say something, without quotes, and without commas after the last word.

    Quotes mark a name that is meant as it stands; around every line they are the habit of some program.
    """
    entries: list[_Entry] = []
    for n, line in enumerate(_lines(path), 1):
        text = nfc(line).strip().rstrip(",;\t ")
        if not text or re.match(r"#+(\s|$)", text):
            continue
        if text.startswith("#"):
            raise DataError(f"{path}: line {n}: {text[:60]!r}: write a comment with a space after #, a name in quotes")
        quoted = _QUOTED.fullmatch(text)
        if quoted:
            text = quoted[2].replace(quoted[1] * 2, quoted[1]).strip()
        entries.append(_Entry(text, f"{path}: line {n}", is_sure=quoted is not None))
    if all(one.is_sure for one in entries):
        return [one._replace(is_sure=False) for one in entries]
    return entries


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
