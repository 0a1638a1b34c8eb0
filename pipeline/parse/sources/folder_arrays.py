"""A folder (or zips) with one array per clip, .npy or CSV, described by the definition's `parse.source`.

In: raw files, and the place of key, class and other facts: the path (a pattern, or the folder's name), or a labels
file.
Out: `Member`s, and the tracks of one file.

A class is a name of the definition's class_names, or otherwise a number, the class id from 0.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import DataError, RefusedError
from pipeline.definitions.definition import ParseSpec
from pipeline.definitions.lists import key_of, nfc
from pipeline.definitions.source_spec import STATED_FACTS, SourceSpec
from pipeline.parse.labels import Label
from pipeline.parse.raw_files import RawFile
from pipeline.parse.raw_files import read as read_bytes
from pipeline.parse.sources.csv_clips import parse_csv
from pipeline.parse.sources.dense import dense_tracks
from pipeline.parse.sources.members import Member, Source, is_ntu_name, named
from pipeline.parse.sources.npy import read_array
from pipeline.parse.suffixes import has_suffix
from pipeline.tracks import ClipName, Tracks

SUFFIXES = (".npy", ".csv")


def members(files: Sequence[RawFile], spec: ParseSpec) -> Iterator[Member]:
    """One member for each file; DataError if there is no file but the labels file."""
    source = spec.source or SourceSpec()
    clips = [file for file in files if file.name != source.labels_file]
    if not clips:
        raise DataError(f"{files[0].root}: {source.labels_file} and not a single clip")
    shared = shared_names(clips, source)
    return (member_of(file, spec, source, shared) for file in clips)


def read(member: Member, spec: ParseSpec) -> Tracks:
    """Read one file. Raises: RefusedError (with the line for CSV) if it is damaged or does not fit the layout."""
    return parse_clip(member.raw.name, read_bytes(member.raw), spec, member.notes)


def parse_clip(name: str, data: bytes, spec: ParseSpec, notes: tuple[str, ...] = ()) -> Tracks:
    """The bytes of one file -> tracks; `name` says whether it is CSV or .npy."""
    source = spec.source or SourceSpec()
    if has_suffix(name, ".csv"):
        clip = parse_csv(data, spec.layout, source.columns, source.delimiter, source.frame_step)
        tracks = dense_tracks(
            clip.places_MTVC,
            clip.scores_MTV,
            spec.layout,
            source,
            zero_is_missing=spec.zero_is_missing,
            frames_stated=True,
            notes=(*notes, *clip.notes),
        )
        return _with_ids(tracks, clip.ids_M)
    array = read_array(data)
    axes = source.axes or {3: "TVC", 4: "MTVC"}.get(array.ndim, "")
    if array.ndim != len(axes):
        raise RefusedError(f"an array of shape {array.shape}, expected the axes {source.axes or 'TVC or MTVC'}")
    bodies = array if "M" in axes else array[None]
    axes = axes if "M" in axes else f"M{axes}"
    clip_MTVC = bodies.transpose([axes.index(a) for a in "MTVC"])
    return dense_tracks(clip_MTVC, None, spec.layout, source, zero_is_missing=spec.zero_is_missing, notes=notes)


def _with_ids(tracks: Tracks, ids_M: NDArray[np.int64]) -> Tracks:
    return replace(tracks, ids=ids_M[tracks.ids])


def member_of(file: RawFile, spec: ParseSpec, source: SourceSpec, shared: Mapping[str, int]) -> Member:
    """The clip of a file, with key, class and facts from its path, the pattern and the labels file."""
    try:
        facts = _facts_of_path(file.source, source)
        stated = _stated_key(file.source, facts.get("key"), source)
        name, notes = named(_path_key(file.source) if stated is None else stated)
        if stated is not None and name.key in shared:
            raise RefusedError(
                f"the labels file's {name.key!r} is the name of {shared[name.key]} files here; list each by its path,"
                f" like {_path_key(file.source)!r}"
            )
        listed = source.labels.get(name.key) or source.labels.get(key_of(stated or ""), {})
        if source.labels and not listed:
            notes += ("not_on_list",)
        subject, camera, setup, replication = (_agreed(f, facts.get(f), listed.get(f)) for f in STATED_FACTS[1:])
        name = _completed(name, subject=subject, camera=camera, setup=setup, replication=replication)
        said = (("path", facts.get("class")), ("labels file", listed.get("class")))
        labels = tuple(label_of(by, spec.class_codes.get(text, text), spec.class_names) for by, text in said if text)
    except RefusedError as why:
        return Member(raw=file, name=None, size=file.size, problem=why.reason)
    return Member(raw=file, name=name, stated=stated, labels=labels, size=file.size, notes=notes)


def _path_key(path: str) -> str:
    """The key that a path makes: in class folders, file names alone occur again and again."""
    return "_".join(PurePosixPath(path).with_suffix("").parts)


def _stated_key(path: str, in_pattern: str | None, source: SourceSpec) -> str | None:
    """The key that the pattern, the labels file or an NTU name states; None where it is made of the path."""
    if source.pattern is not None:
        return in_pattern or ""
    if is_ntu_name(key_of(path)):
        return key_of(path)
    return PurePosixPath(nfc(path)).stem if _is_listed_by_name(path, source) else None


def _is_listed_by_name(path: str, source: SourceSpec) -> bool:
    """Whether the labels file knows the file by its name alone, and not by its path."""
    return key_of(path) not in source.labels and key_of(PurePosixPath(path).name) in source.labels


def shared_names(files: Sequence[RawFile], source: SourceSpec) -> dict[str, int]:
    """Keys in the labels file that mean several files: bare file names, which repeat between class folders."""
    if source.pattern is not None or not source.labels:
        return {}
    names = Counter(key_of(file.name) for file in files if _is_listed_by_name(file.source, source))
    return {name: count for name, count in names.items() if count > 1}


def _facts_of_path(path: str, source: SourceSpec) -> dict[str, str | None]:
    if source.pattern is None:
        return {"class": None if source.labels else PurePosixPath(path).parent.name or None}
    match = re.fullmatch(source.pattern, path)
    if match is None:
        raise RefusedError("the path does not match parse.source.pattern")
    return match.groupdict()


def _completed(name: ClipName, **facts: int | None) -> ClipName:
    """The name with the facts that are stated; the others stay as an NTU name states them."""
    return ClipName(name.key, None, *(facts[f] if facts[f] is not None else getattr(name, f) for f in STATED_FACTS[1:]))


def label_of(said_by: str, text: str, class_names: Sequence[str]) -> Label:
    """What a text says of a clip's class: its name, or a number that is no name, the class id."""
    if not text.isprintable():
        raise RefusedError("the class's name is not a text")
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    return Label(said_by, class_id=int(text)) if is_number and text not in class_names else Label(said_by, name=text)


def _agreed(fact: str, *texts: str | None) -> int | None:
    said = {text for text in texts if text}
    wrong = next((text for text in sorted(said) if not re.fullmatch(r"[0-9]{1,9}", text)), None)
    if wrong is not None:
        raise RefusedError(f"{fact} {wrong[:40]!r} is not a whole number")
    found: Mapping[int, None] = {int(text): None for text in sorted(said)}
    if len(found) > 1:
        raise RefusedError(f"{fact}: the path and the labels file disagree")
    return next(iter(found), None)


FOLDER = Source(suffixes=SUFFIXES, members=members, read=read)
