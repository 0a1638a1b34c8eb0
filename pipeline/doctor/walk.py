"""PATH -> what lies there: raw clips and label lists, parsed tables, shard folders; and what is none of them.

In: paths as a user names them. Out: `Found`, sorted by source. Nothing is read but the lists of folders and zips; what
cannot be listed is a finding. Folders and zips are listed as `parse` lists them (`pipeline.parse.raw_files`).
"""

import os
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from dastm.contract.errors import RefusedError
from dastm.contract.shard_format import INDEX_NAME, MANIFEST_NAME
from dastm.contract.wording import listed
from pipeline.doctor.findings import Finding
from pipeline.parse.formats import FORMATS, format_of
from pipeline.parse.raw_files import PUT_THERE, RawFile, as_text, folders_below, members_of
from pipeline.parse.suffixes import has_suffix
from pipeline.table import PLAN_NAME

_PARTS = (".parquet", ".tar")
NOT_HERE = "raw files of this format are examined by `dastm-data parse`; give its parsed table"
"""Of formats whose files hold many clips (`pipeline.parse.sources`)."""


@dataclass(frozen=True, kw_only=True)
class RawClip:
    """One raw file of a format, and the path that a user would name it by."""

    raw: RawFile
    shown: str
    format: str


@dataclass
class Found:
    """All that the paths lead to."""

    clips: list[RawClip] = field(default_factory=list)
    label_lists: list[RawClip] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)
    shards: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    whole: bool = False
    """Whether raw folders or zips were among the paths: then the number of clips means something."""


def walk(paths: Sequence[Path], formats: Collection[str]) -> Found:
    """Follow every path once; only files of these formats are clips."""
    found = Found()
    for path in {os.path.realpath(path): path for path in reversed(paths)}.values():
        try:
            _follow(path, formats, found)
        except OSError as error:  # too long a name, a folder above it that must not be entered
            what = f"cannot be looked at: {error.strerror}"
            found.findings.append(Finding(check="path", source=as_text(path), what=what))
    found.clips.sort(key=lambda clip: clip.shown)
    found.label_lists.sort(key=lambda clip: clip.shown)
    return found


def _follow(path: Path, formats: Collection[str], found: Found) -> None:
    before = _count(found)
    if path.is_dir():
        _in_folder(path, formats, found)
        nothing = "a folder without a single clip"
    elif not path.exists():
        nothing = "not there"
    elif path.is_file() and (
        has_suffix(path.name, ".zip") or (not format_of(path.name, formats) and zipfile.is_zipfile(path))
    ):
        _in_zip(path, formats, found)
        nothing = "a zip without a single clip"
    else:
        _take(_raw_file(path, path.parent), as_text(path), formats, found)
        nothing = f"neither {' nor '.join(FORMATS[name].suffix for name in formats)} nor a zip"
        if path.suffix in _PARTS:
            nothing += "; of a parsed table or shard folder give the folder"
    if _count(found) == before:
        nothing = nothing if formats or not path.exists() else NOT_HERE
        found.findings.append(Finding(check="path", source=as_text(path), what=nothing))


def _is_zip(path: Path, formats: Collection[str]) -> bool:
    """By its name, or by its contents where the name says nothing."""
    return has_suffix(path.name, ".zip") or (format_of(path.name, formats) is None and zipfile.is_zipfile(path))


def _count(found: Found) -> int:
    """What there is to look at, and what is known to be unusable."""
    unusable = [finding for finding in found.findings if finding.severity == "unusable"]
    lists: tuple[list[Any], ...] = (found.clips, found.label_lists, found.tables, found.shards, unusable)
    return sum(map(len, lists))


def _in_folder(root: Path, formats: Collection[str], found: Found) -> None:
    """All below a folder, through links as well, but never round in a circle; tables and shard folders are one item."""
    ignored: list[str] = []

    def cannot(error: OSError) -> None:
        what = f"cannot be listed: {error.strerror}"
        found.findings.append(Finding(check="path", source=as_text(error.filename), what=what))

    for folder, subfolders, names in folders_below(root, cannot):
        kind = kind_of_folder(names)
        if kind is not None:
            subfolders.clear()
            (found.tables if kind == "table" else found.shards).append(folder)
            continue
        for name in filter(lambda name: format_of(name, formats) is not None, subfolders):
            what = "a folder with the name of a clip; what is in it is looked at"
            found.findings.append(Finding(check="other_files", source=as_text(folder / name), what=what))
        for name in names:
            path = folder / name
            if has_suffix(name, ".zip"):
                _in_zip(path, formats, found)
            elif not _take(_raw_file(path, root), as_text(path), formats, found):
                ignored.append(path.relative_to(root).as_posix())
            else:
                found.whole = True
    _note_ignored(as_text(root), ignored, found)


def kind_of_folder(names: Sequence[str]) -> str | None:
    """`shards` or `table` for a folder that holds files of these names; None for any other."""
    if {MANIFEST_NAME, INDEX_NAME} & set(names):
        return "shards"
    is_table = PLAN_NAME in names or any(name.startswith("clips-") and name.endswith(".parquet") for name in names)
    return "table" if is_table else None


def _in_zip(path: Path, formats: Collection[str], found: Found) -> None:
    found.whole = True
    try:
        members = sorted(members_of(path), key=attrgetter("source"))
        if not members:
            raise RefusedError(f"nothing in it{PUT_THERE}")
    except RefusedError as why:
        found.findings.append(Finding(check="archive", source=as_text(path), what=why.reason))
        return
    shown = [as_text(f"{path}/{member.source}") for member in members]  # `/` would drop the zip before a "/name"
    taken = [_take(member, name, formats, found) for member, name in zip(members, shown, strict=True)]
    _note_ignored(as_text(path), [m.source for m, is_clip in zip(members, taken, strict=True) if not is_clip], found)


def _note_ignored(source: str, ignored: Sequence[str], found: Found) -> None:
    if ignored:
        files = f"{len(ignored)} other file{'s' * (len(ignored) > 1)}"
        what = f"{files} ignored: {listed([*map(repr, ignored)], 3, rest=', ..')}"
        found.findings.append(Finding(check="other_files", source=source, what=what))


def _take(raw: RawFile, shown: str, formats: Collection[str], found: Found) -> bool:
    """Keep a file of one of the formats; False for any other."""
    name = format_of(raw.name, formats)
    if name is None:
        return False
    kept = found.label_lists if FORMATS[name].is_label_list(raw.name) else found.clips
    kept.append(RawClip(raw=raw, shown=shown, format=name))
    return True


def _raw_file(path: Path, root: Path) -> RawFile:
    """Unasked what it is and how large: `raw_files.read` does that, and refuses links to nowhere and pipes."""
    return RawFile(path.relative_to(root).as_posix(), root, None, 0)
