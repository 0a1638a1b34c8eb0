"""Finds what there is to read in files, folders, zips and lists of files, in a stable order, with its action.

In: paths as a user names them. Out: `Item`s, each as soon as it is found, and `Refused` for what cannot be read. Only
the contents of folders, zips and lists are read here. A folder directly below a given path names the action of its
files; a zip counts as a folder of its name.
"""

import csv
import os
import re
import zipfile
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from operator import attrgetter
from pathlib import Path, PurePosixPath

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.wording import listed
from pipeline.doctor.walk import kind_of_folder
from pipeline.parse.formats import FORMATS
from pipeline.parse.raw_files import RawFile, as_text, folders_below, list_raw, members_of
from pipeline.parse.suffixes import ARRAYS, has_suffix, without_suffix
from pipeline.parse.tools.tool_sources import SUFFIXES as TOOL_SUFFIXES
from pipeline.work.paths import is_local, path_of

SUFFIXES = tuple(
    dict.fromkeys(
        (
            *(raw_format.suffix for raw_format in FORMATS.values()),
            *ARRAYS,
            *TOOL_SUFFIXES,
        )
    )
)
STACKED = ("_data.npy", "_data_joint.npy")
"""Ends of the names of stacks of clips; their labels and numbers of frames are in files beside them."""
_BESIDE = ("_label.pkl", "_label.npy", "_frame.npy")
LIST_COLUMNS = ("file", "action")
_PARTS = (".parquet", ".tar")
_MOST_LINE, _MOST_HEAD = 2**16, 2**20
_COORDINATE = re.compile(r"(.*[ _.:])?[xyzXYZ]([ _.]?\d+)?|.*[a-z0-9][XYZ]")
"""A column of a recording, which is no list though it may name the file of a video."""
_SEPARATOR = re.compile(r'"?sep=[,;\t]"?')
_ENCODINGS = ("utf-8-sig", "cp1252")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A file that cannot be read, and why."""

    source: str
    why: RefusedError
    is_foreign: bool = False
    """Whether it is only skipped, because it is not a recording."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A file that may hold clips, or the folder of a parsed table or of shards."""

    shown: str
    """The path as the user would write it."""
    below: str
    """Its posix path below what the user named, without the suffixes of zips; for a file that the user named, its
    name."""
    action: str | None
    raw: RawFile | None = None
    near: tuple[RawFile, ...] = ()
    """Files of the same folder that belong to it."""
    folder: Path | None = None

    @property
    def key(self) -> str:
        """Its name: the path without suffix."""
        return str(PurePosixPath(self.below).with_suffix(""))


Found = Iterator[Item | Refused]


def walk(paths: Sequence[str | Path]) -> Found:
    """Follow every path, in the order given; a file that it leads to again, with the same action, is passed over."""
    followed: set[tuple[str, str | None]] = set()
    for path in paths:
        for found in _follow(path):
            if isinstance(found, Item):
                place = (os.path.normpath(found.shown), found.action)
            else:
                place = (found.source, str(found.why))
            if place not in followed:
                followed.add(place)
                yield found


def _follow(named: str | Path, action: str | None = None) -> Found:
    shown, nothing = as_text(str(named)), True
    try:
        path = path_of(str(named))
        for found in _below(path) if is_local(path) else _in_store(path):
            nothing = False
            yield found if action is None or isinstance(found, Refused) else replace(found, action=action)
    except (OSError, ValueError, DataError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error).removeprefix(f"{shown}: ")
        yield Refused(source=shown, why=RefusedError(f"cannot be looked at: {' '.join(reason.split())}"))
        return
    if nothing:
        yield Refused(source=shown, why=RefusedError(_why_nothing(path)))


def _why_nothing(path: Path) -> str:
    if not path.exists():
        return "not there"
    if path.is_dir():
        return f"a folder without a recording; known are {', '.join(SUFFIXES)}, zips of them, parsed tables, shards"
    rest = "; of a parsed table or of shards give the folder" if has_suffix(path.name, *_PARTS) else ""
    return f"not a recording of a known kind ({', '.join(SUFFIXES)} or a zip){rest}"


def _below(path: Path) -> Found:
    if path.is_dir():
        yield from _in_folder(path)
    elif has_suffix(path.name, ".csv") and (form := list_form(path)):
        yield from _in_list(path, form)
    elif path.is_file() and (
        has_suffix(path.name, ".zip") or (not has_suffix(path.name, *SUFFIXES) and zipfile.is_zipfile(path))
    ):
        yield from _in_zip(path, "")
    elif path.exists() and has_suffix(path.name, *SUFFIXES):
        near = tuple(_raw_file(path.parent, name) for name in _belonging(path.name) if (path.parent / name).is_file())
        raw = _raw_file(path.parent, path.name)
        yield Item(shown=as_text(path), below=as_text(path.name), action=None, raw=raw, near=near)


def _raw_file(root: Path, source: str) -> RawFile:
    """Of what is no file (a link to nowhere, a pipe) the size is not asked for; whoever reads it refuses it."""
    path = root / source
    return RawFile(source, root, None, path.stat().st_size if path.is_file() else 0)


def _in_store(path: Path) -> Found:
    """A folder, zip or file of a store; it is listed at once."""
    files = list_raw([path], SUFFIXES).files
    root = str(path) if path.is_dir() or has_suffix(path.name, ".zip") else str(path.parent)
    yield from _items(files, "", [f"{root}/{file.source}" for file in files], [file.source for file in files])


def _in_folder(root: Path) -> Found:
    """All below a folder; a parsed table or a shard folder is one item."""
    foreign: list[str] = []
    failed: list[OSError] = []
    for folder, subfolders, names in folders_below(root, failed.append):
        kind = kind_of_folder(names)
        if kind is not None:
            subfolders.clear()
            below = folder.relative_to(root).as_posix()
            yield Item(shown=as_text(folder), below=as_text(below), action=None, folder=folder)
            continue
        sources = [(folder / name).relative_to(root).as_posix() for name in names]
        zips = [source for source in sources if has_suffix(source, ".zip")]
        files = [_raw_file(root, source) for source in sources if has_suffix(source, *SUFFIXES)]
        foreign += [source for source in sources if not has_suffix(source, *SUFFIXES, ".zip")]
        lists = [file for file in files if has_suffix(file.name, ".csv") and list_form(root / file.source)]
        for file in lists:
            why = RefusedError("a list of files, not read as part of its folder; name it by itself")
            yield Refused(source=as_text(root / file.source), why=why, is_foreign=True)
        files = [file for file in files if file not in lists]
        shown = [as_text(root / file.source) for file in files]
        yield from _items(files, "", shown, [file.source for file in files])
        for source in zips:
            yield from _in_zip(root / source, without_suffix(source, ".zip") + "/")
    for error in failed:
        why = RefusedError(f"cannot be listed: {error.strerror}")
        yield Refused(source=as_text(error.filename), why=why)
    yield from _passed_over(as_text(root), foreign)


def _in_zip(path: Path, before: str) -> Found:
    """The files of a zip, `before` in front of their paths; a folder of the zip's name around all does not count."""
    try:
        members = sorted(members_of(path), key=attrgetter("source"))
    except RefusedError as why:
        yield Refused(source=as_text(path), why=why)
        return
    if not members:
        yield Refused(source=as_text(path), why=RefusedError("nothing in it"))
        return
    outer = f"{path.stem}/"
    inner = outer if all(member.source.startswith(outer) for member in members) else ""
    files = [member for member in members if has_suffix(member.source, *SUFFIXES)]
    below = [before + file.source.removeprefix(inner) for file in files]
    yield from _items(files, before, [as_text(f"{path}/{file.source}") for file in files], below)
    yield from _passed_over(as_text(path), [m.source for m in members if not has_suffix(m.source, *SUFFIXES)])


def _items(files: Sequence[RawFile], before: str, shown: Iterable[str], below: Iterable[str]) -> Found:
    """Items of files of known suffixes; those that only belong to another one are part of that."""
    by_source = {file.source.lower(): file for file in files}
    parts: set[str] = {source for file in files for source in _belonging(file.source) if source in by_source}
    for file, name, under in zip(files, shown, below, strict=True):
        if file.source.lower() in parts or any(known.is_label_list(file.name) for known in FORMATS.values()):
            continue
        near = tuple(by_source[source] for source in _belonging(file.source.lower()) if source in by_source)
        under = as_text(under)
        yield Item(shown=name, below=under, action=_first_folder(under), raw=file, near=near)


def _belonging(source: str) -> list[str]:
    """Where a stack of clips has its labels and numbers of frames."""
    ending = next((ending for ending in STACKED if has_suffix(source, ending)), None)
    return [without_suffix(source, ending) + other for other in _BESIDE] if ending else []


def _first_folder(below: str) -> str | None:
    first, slash, _ = below.partition("/")
    return first if slash else None


def _passed_over(source: str, foreign: Sequence[str]) -> Found:
    if foreign:
        files = f"{len(foreign)} other file{'s' * (len(foreign) > 1)}"
        why = RefusedError(f"{files} passed over: {listed([*map(repr, foreign)], 3, rest=', ..')}")
        yield Refused(source=source, why=why, is_foreign=True)


@dataclass(frozen=True, kw_only=True)
class ListForm:
    """How a table that lists files is written: as spreadsheets save them, in some countries with semicolons."""

    columns: dict[str, int]
    """Name in small letters -> index."""
    width: int
    """Number of fields of a row."""
    delimiter: str
    encoding: str
    n_head: int
    """Number of lines before the rows."""


def list_form(path: Path) -> ListForm | None:
    """The form of a CSV that lists files; None for any other CSV, of which only the beginning is read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            head = file.read(_MOST_LINE)
            names, delimiter, n_head = _list_names(head)
            encoding = _encoding_of(head + file.read(_MOST_HEAD - _MOST_LINE)) if names else None
    except OSError:
        return None
    if encoding is None:
        return None
    columns = {name: at for at, name in enumerate(names)}
    return ListForm(columns=columns, width=len(names), delimiter=delimiter, encoding=encoding, n_head=n_head)


def _list_names(head: bytes) -> tuple[list[str], str, int]:
    """The names of the columns of a list in small letters, what divides them, and the number of lines that say so.

    There are no names for any other table. A first line `sep=;` is a spreadsheet's.
    """
    is_wide = head[:2] in _UTF_16
    lines = (head.decode("utf-16", "ignore") if is_wide else head.decode("utf-8-sig", "replace")).splitlines()[:2]
    n_head = 2 if lines and _SEPARATOR.fullmatch(lines[0]) else 1
    for delimiter in ",;\t":
        with suppress(csv.Error):
            fields = next(csv.reader(lines[n_head - 1 : n_head], delimiter=delimiter), [])
            names = [name.strip().casefold() for name in fields]
            if LIST_COLUMNS[0] in names and not any(map(_COORDINATE.fullmatch, fields)):
                return names, delimiter, n_head
    return [], "", 0


def _encoding_of(head: bytes) -> str | None:
    """The encoding in which the beginning of a list is text, if there is one."""
    for encoding in _ENCODINGS if head[:2] not in _UTF_16 else ("utf-16",):
        with suppress(UnicodeError):
            getincrementaldecoder(encoding)().decode(head, final=len(head) < _MOST_HEAD)
            return encoding
    return None


def _in_list(path: Path, form: ListForm) -> Found:
    """The files that a list names, each from the folder of the list on, with the action that it says."""
    shown = as_text(path)
    with path.open(encoding=form.encoding, newline="") as file:
        rows = csv.reader(file, strict=True, delimiter=form.delimiter)
        try:
            for row in filter(None, islice(rows, form.n_head, None)):
                yield from _in_row(path, shown, rows.line_num, row, form)
        except (csv.Error, UnicodeError) as error:
            yield Refused(source=shown, why=RefusedError(f"not a list as CSV: {error}", line=rows.line_num + 1))


def _in_row(path: Path, shown: str, line: int, row: Sequence[str], form: ListForm) -> Found:
    columns = form.columns
    if len(row) != form.width:
        yield Refused(source=shown, why=RefusedError(f"{len(row)} fields, expected {form.width}", line=line))
        return
    text = row[columns["file"]].strip()
    action = row[columns["action"]].strip() if "action" in columns else ""
    target = path.parent / text
    if not target.exists() and "\\" in text:  # as Windows writes paths
        target = path.parent / text.replace("\\", "/")
    if not text or list_form(target):
        reason = "names no file" if not text else f"{text}: a list in a list"
        yield Refused(source=shown, why=RefusedError(reason, line=line))
        return
    for found in _follow(target, action or None):
        if isinstance(found, Refused) and found.source == as_text(target) and not found.is_foreign:
            found = Refused(source=shown, why=RefusedError(f"{text}: {found.why.reason}", line=line))
        yield found
