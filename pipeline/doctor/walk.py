"""PATH -> what is there: raw clips and label lists, parsed tables, shard folders, and other files.

In: paths as a user names them. Out: `Found`, sorted by source. Only the contents of folders and zips are read, and the
first bytes of files whose names fit several formats. If something cannot be listed, it is a finding. Folders and zips
are listed as in `parse` (`pipeline.parse.raw_files`).
"""

import os
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from dastm.contract.errors import RefusedError
from dastm.contract.shard_format import INDEX_NAME, MANIFEST_NAME
from dastm.contract.wording import listed
from pipeline.doctor.findings import Finding
from pipeline.parse.formats import FORMATS
from pipeline.parse.raw_files import PUT_THERE, RawFile, as_text, folders_below, members_of
from pipeline.parse.suffixes import ARRAYS, has_suffix
from pipeline.parse.tools.recognise import head_of, recognise
from pipeline.parse.tools.tool_sources import ALL_SOURCES
from pipeline.storage.table import PLAN_NAME

_PARTS = (".parquet", ".tar")


@dataclass(frozen=True, kw_only=True)
class RawClip:
    """One raw file of a format, and its path as a user would write it."""

    raw: RawFile
    shown: str
    format: str


@dataclass
class Found:
    """All that the paths lead to."""

    clips: list[RawClip] = field(default_factory=list)
    label_lists: list[RawClip] = field(default_factory=list)
    sources: dict[str, list[RawFile]] = field(default_factory=dict)
    """Format -> its files, where a file is not simply a clip (`ALL_SOURCES`)."""
    tables: list[Path] = field(default_factory=list)
    shards: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    whole: bool = False
    """Whether raw folders or zips were among the paths: only then are missing clips reported."""


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
    for files in found.sources.values():
        files.sort(key=lambda file: file.source)
    return found


def _follow(path: Path, formats: Collection[str], found: Found) -> None:
    before = _count(found)
    if path.is_dir():
        _in_folder(path, formats, found)
        nothing = "a folder without a single clip"
    elif not path.exists():
        nothing = "not there"
    elif path.is_file() and (
        has_suffix(path.name, ".zip") or (not _named_so(path.name, formats) and zipfile.is_zipfile(path))
    ):
        _in_zip(path, formats, found)
        nothing = "a zip without a single clip"
    else:
        raw = _raw_file(path, path.parent)
        _take(raw, as_text(path), formats, found)
        nothing = _why_not(raw, formats)
        if path.suffix in _PARTS:
            nothing += "; of a parsed table or shard folder give the folder"
    if _count(found) == before:
        found.findings.append(Finding(check="path", source=as_text(path), what=nothing))


def _count(found: Found) -> int:
    """What there is to look at, and what is known to be unusable."""
    unusable = [finding for finding in found.findings if finding.severity == "unusable"]
    lists: tuple[list[Any], ...] = (
        *(found.clips, found.label_lists, found.tables, found.shards, unusable),
        *found.sources.values(),
    )
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
        for name in filter(lambda name: _named_so(name, formats), subfolders):
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
        if any(has_suffix(name, *ARRAYS) for name in ignored):
            what += "; arrays and tables of recordings need a definition (--dataset), which `dastm-data init` writes"
        found.findings.append(Finding(check="other_files", source=source, what=what))


def _take(raw: RawFile, shown: str, formats: Collection[str], found: Found) -> bool:
    """Keep a file of one of the formats; False for any other."""
    name = _format_of(raw, formats)
    if name is None:
        return False
    if name in ALL_SOURCES:
        size = raw.size if raw.member is not None else (raw.root / raw.source).stat().st_size
        found.sources.setdefault(name, []).append(replace(raw, size=size))
        return True
    kept = found.label_lists if FORMATS[name].is_label_list(raw.name) else found.clips
    kept.append(RawClip(raw=raw, shown=shown, format=name))
    return True


def _format_of(raw: RawFile, formats: Collection[str]) -> str | None:
    """The format of a file: by its name, or by its contents where several formats have such names."""
    named_so = _named_so(raw.name, formats)
    if len(named_so) <= 1:
        return named_so[0] if named_so else None
    usual = next((name for name in named_so if name in FORMATS), None)
    if usual is not None and FORMATS[usual].is_label_list(raw.name):
        return usual
    try:
        form = recognise(raw.name, head_of(raw)).form
    except RefusedError:
        return usual
    return form if form in named_so else usual


def _why_not(raw: RawFile, formats: Collection[str]) -> str:
    """Why a file is no clip of these formats."""
    if _named_so(raw.name, formats):
        try:
            return recognise(raw.name, head_of(raw)).refusal()
        except RefusedError as why:
            return why.reason
    suffixes = dict.fromkeys(suffix for name in formats for suffix in _suffixes(name))
    return f"neither {' nor '.join(suffixes)} nor a zip"


def _named_so(name: str, formats: Collection[str]) -> list[str]:
    """The formats whose files have names like this."""
    return [known for known in formats if has_suffix(name, *_suffixes(known))]


def _suffixes(name: str) -> tuple[str, ...]:
    return (FORMATS[name].suffix,) if name in FORMATS else ALL_SOURCES[name].suffixes


def _raw_file(path: Path, root: Path) -> RawFile:
    """Unasked what it is and how large: `raw_files.read` does that, and refuses links to nowhere and pipes."""
    return RawFile(path.relative_to(root).as_posix(), root, None, 0)
