"""Files of other people's tools as a source: a clip a file, or the numbered files of a folder.

In: raw files of one form (`pipeline.parse.tools`), or of any form (`format: auto`), and the definition's block
`parse.source`: pattern, labels, and what files do not say of their numbers. Out: `Member`s, and the tracks of one clip.

Names are those of `folder_arrays`: wave/000.csv has class wave and key wave_000. Where a file is a frame, the clip is
its folder, wave/000/*.json; files of several videos in one folder are told by what stands before their numbers, and
frames that lie in a class's folder themselves, wave/*.json, are a clip of this class.
"""

import gc
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.definition import ParseSpec
from pipeline.definitions.source_spec import AUTO, TOOL_FORMATS, SourceSpec
from pipeline.parse.raw_files import RawFile
from pipeline.parse.raw_files import read as read_bytes
from pipeline.parse.sources import SOURCES
from pipeline.parse.sources.folder_arrays import label_of, member_of, shared_names
from pipeline.parse.sources.members import Member, Source
from pipeline.parse.tools import TOOLS
from pipeline.parse.tools.poses import NamedBytes, Poses, tracks_of
from pipeline.parse.tools.recognise import head_of, recognise
from pipeline.parse.tools.takes import TAKES
from pipeline.tracks import Tracks

_NUMBERED = re.compile(r"(.*?)[ _.-]*(\d+)(_keypoints|_pose)?", re.ASCII)
SUFFIXES = tuple(sorted({suffix for tool in TOOLS.values() for suffix in tool.suffixes}))


def source_of(name: str) -> Source:
    """The source whose files are all of one form, or of the form that each shows by its contents."""
    suffixes = SUFFIXES if name == AUTO else TOOLS[name].suffixes
    return Source(suffixes=suffixes, members=lambda files, spec: members(files, spec, name), read=read)


def members(files: Sequence[RawFile], spec: ParseSpec, name: str) -> Iterator[Member]:
    """One member for each clip; DataError if there is no file but the labels file."""
    source = spec.source or SourceSpec()
    clips = [file for file in files if file.name != source.labels_file]
    if not clips:
        raise DataError(f"{files[0].root}: {source.labels_file} and not a single clip")
    groups = list(grouped(clips, name))
    shared = shared_names([clip for clip, _, _ in groups], source)
    for clip, form, parts in groups:
        member = member_of(clip, spec, source, shared)
        if isinstance(form, RefusedError):
            yield replace(member, problem=member.problem or form.reason)
        else:
            yield replace(_with_own_label(member, form, spec), place=(form, tuple(parts)))


def _with_own_label(member: Member, form: str, spec: ParseSpec) -> Member:
    """The clip with the class that its file says; its folder's is not asked where it does."""
    action = TOOLS[form].action
    if action is None or member.problem is not None:
        return member
    try:
        text = action(read_bytes(member.raw))
        return replace(member, labels=(label_of("file", spec.class_codes.get(text, text), spec.class_names),))
    except RefusedError as why:
        return replace(member, problem=why.reason)


def read(member: Member, spec: ParseSpec) -> Tracks:
    """One clip; RefusedError where its files are damaged, of another form, or do not fit the layout."""
    form, parts = member.place
    return read_files(form, _contents(parts), spec, member.notes)


def _contents(parts: Sequence[RawFile]) -> list[NamedBytes]:
    return [NamedBytes(part.source, read_bytes(part)) for part in parts]


def undefined_members(files: Sequence[RawFile], name: str) -> Iterator[Member]:
    """The clips of files of one form that no definition describes; `read_undefined` reads them."""
    for clip, _, parts in grouped(files, name):
        yield Member(raw=clip, name=None, size=clip.size, place=(name, tuple(parts)))


class ToolClip(NamedTuple):
    """A clip that no definition describes."""

    tracks: Tracks
    layout: Layout
    """The one that was asked for, or what the files say or imply."""
    fps: float | None
    """Frames a second, where the files say it."""


def read_undefined(member: Member) -> ToolClip:
    """A clip of `undefined_members`; RefusedError where its files cannot be read."""
    form, parts = member.place
    return read_alone(form, _contents(parts))


def read_alone(
    form: str, files: Sequence[NamedBytes], source: SourceSpec | None = None, layout: Layout | None = None
) -> ToolClip:
    """The files of one clip as `grouped` puts them together; RefusedError where they cannot be read."""
    source = source or SourceSpec()
    poses = _poses(form, files, source, layout)
    wanted = layout or poses.layout
    tracks = tracks_of(poses, wanted, source, zero_is_missing=wanted.is_image and source.image != "centred")
    return ToolClip(tracks, wanted, poses.fps)


def read_files(form: str, files: Sequence[NamedBytes], spec: ParseSpec, notes: tuple[str, ...] = ()) -> Tracks:
    """The files of one clip -> tracks in the definition's layout."""
    source = spec.source or SourceSpec()
    poses = _poses(form, files, source, spec.layout)
    return tracks_of(
        replace(poses, notes=(*notes, *poses.notes)), spec.layout, source, zero_is_missing=spec.zero_is_missing
    )


def _poses(form: str, files: Sequence[NamedBytes], source: SourceSpec, layout: Layout | None) -> Poses:
    """What a reader makes of the files, without Python's search for cycles: documents have none, and in the hundred
    thousand lists of one it takes half of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return TOOLS[form].read(files, source, layout)
    finally:
        if collects:
            gc.enable()


def grouped(files: Sequence[RawFile], name: str) -> Iterator[tuple[RawFile, str | RefusedError, list[RawFile]]]:
    """Each clip as one file, with its form and the files that it is made of; `AUTO` looks into each file."""
    framed: dict[tuple[str, Path, PurePosixPath, str], list[RawFile]] = {}
    for file in files:
        form = _form_of(file) if name == AUTO else name
        if isinstance(form, str) and TOOLS[form].frames:
            path = PurePosixPath(file.source)
            framed.setdefault((form, file.root, path.parent, before_number(path.stem)), []).append(file)
        else:
            yield file, form, [file]
    videos = Counter(key[:3] for key in framed)
    for key, parts in framed.items():
        form, _, folder, before = key
        yield _clip(parts, folder, before, videos[key[:3]] == 1), form, parts


def before_number(stem: str) -> str:
    """What a frame's file is called but for its number: `video` of video_000000000012_keypoints."""
    match = _NUMBERED.fullmatch(stem)
    return match[1] if match else stem


def _clip(parts: Sequence[RawFile], folder: PurePosixPath, before: str, alone: bool) -> RawFile:
    """The numbered files of a video as one: its folder, or what its files are called."""
    first = parts[0]
    is_folder = alone and len(folder.parts) > 1
    path = folder if is_folder else folder / (before or "frames")
    stamps = "".join(f"{part.source} {part.size} {part.stamp}\n" for part in parts)
    return replace(
        first,
        source=f"{path.as_posix()}{PurePosixPath(first.source).suffix}",
        size=sum(part.size for part in parts),
        stamp=blake2b(stamps.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest(),
    )


def _form_of(file: RawFile) -> str | RefusedError:
    """The form of a file by its first bytes, or the reason why it is none."""
    try:
        found = recognise(file.name, head_of(file))
    except RefusedError as why:
        return why
    if found.form is not None and found.form in TOOLS:
        return found.form
    return RefusedError(found.refusal())


def first_file(member: Member) -> RawFile:
    """The file that a clip is in, or that its first frame is."""
    match member.place:
        case (str(), (RawFile() as first, *_)):
            return first
    return member.raw


ALL_SOURCES: Mapping[str, Source] = {**SOURCES, **TAKES, **{name: source_of(name) for name in TOOL_FORMATS}}
"""Every source by the name of its format: files of many clips, folders that a definition describes, tools' files."""
