"""Reads the recordings of one item that `walk` has found, one after the other.

In: an `Item`, and what the user says about files that do not describe themselves. Out: `Taken` for each recording,
`Refused` for each that cannot be read; nothing is raised. The readers are those of `parse`, but recordings need no
class.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.shard_format import ShardError
from dastm.contract.skeleton import LAYOUTS, NTU25, Layout
from pipeline.definitions.definition import ParseSpec
from pipeline.definitions.source_spec import DEFAULT_LAYOUT
from pipeline.doctor.walk import kind_of_folder
from pipeline.parse.formats import FORMATS, format_of
from pipeline.parse.labels import Label, settle
from pipeline.parse.plan import MISSING, job_of
from pipeline.parse.raw_files import read
from pipeline.parse.sources.members import Member
from pipeline.parse.sources.stacks import unlabelled
from pipeline.parse.suffixes import has_suffix
from pipeline.parse.tools.tool_sources import ALL_SOURCES
from pipeline.recordings.arrays import Read, Terms, read_alone, settled, spec_of
from pipeline.recordings.bodies import Body, bodies_of
from pipeline.recordings.layout_choice import SAY
from pipeline.recordings.naming import subject_named
from pipeline.recordings.stored import Stored, shard_clips, table_clips
from pipeline.recordings.tools import ToolItem, joined, read_tool
from pipeline.recordings.walk import STACKED, Item, Refused, walk


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One recording."""

    source: str
    """The path as the user would write it, and the place of the clip in the file."""
    key: str
    action: str | None
    layout: Layout
    bodies: tuple[Body, ...]
    """At least one body; the one with most movement comes first."""
    subject: int | None = None
    """Who acts, where a field or a name says it."""
    fps: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What a file says of one of its clips, beside its joints."""

    key: str
    within: str = ""
    action: str | None = None
    subject: int | None = None
    is_defined: bool = False
    """Whether a definition says so."""


def take(paths: Sequence[str | Path], terms: Terms) -> Iterator[Taken | Refused]:
    """Every recording that the paths lead to, in their order, one in memory at a time."""
    for found in joined(walk(paths), terms):
        if isinstance(found, ToolItem):
            yield _of_tool(found, terms)
        else:
            yield from [found] if isinstance(found, Refused) else read_item(found, terms)


def _of_tool(item: ToolItem, terms: Terms) -> Taken | Refused:
    """The clip of a tool's files."""
    try:
        clip = read_tool(item, terms)
        bodies = bodies_of(clip.tracks)
    except RefusedError as why:
        return Refused(source=item.shown, why=why)
    except MemoryError:
        return Refused(source=item.shown, why=RefusedError("not enough memory to read it"))
    return Taken(
        source=item.shown,
        key=item.key,
        action=item.action,
        layout=clip.layout,
        bodies=bodies,
        subject=subject_named(item.key),
        fps=clip.fps or terms.fps,
        notes=(f"read as {item.form}", *clip.tracks.notes),
    )


def read_item(item: Item, terms: Terms) -> Iterator[Taken | Refused]:
    """The recordings of one item."""
    try:
        yield from _in_folder(item, item.folder, terms) if item.folder is not None else _in_file(item, terms)
    except (RefusedError, DataError, ShardError) as error:
        yield _refused(item, error)
    except MemoryError:
        yield _refused(item, RefusedError("not enough memory to read it"))


def _refused(item: Item, error: Exception, within: str = "") -> Refused:
    """One line, which names the file once."""
    why = error if isinstance(error, RefusedError) else RefusedError(_without_place(item, str(error)))
    return Refused(source=item.shown + within, why=why)


def _without_place(item: Item, text: str) -> str:
    places = [f"{item.folder}: "] if item.raw is None else [f"{item.raw.root}: ", f"{item.raw.source}: "]
    for place in places:
        text = text.removeprefix(place)
    return text


def _in_folder(item: Item, folder: Path, terms: Terms) -> Iterator[Taken | Refused]:
    is_shards = kind_of_folder([path.name for path in folder.iterdir()]) == "shards"
    for clip in shard_clips(folder) if is_shards else table_clips(folder, item.shown, terms):
        if isinstance(clip, Stored) and clip.bodies:
            yield Taken(
                source=item.shown,
                key=clip.key,
                action=clip.action,
                layout=clip.layout,
                bodies=clip.bodies,
                subject=clip.subject if clip.subject is not None else subject_named(clip.key),
                notes=clip.notes,
            )
        else:
            nothing = RefusedError("no joint was measured")
            yield clip if isinstance(clip, Refused) else Refused(source=f"{item.shown}: {clip.key}", why=nothing)


def _in_file(item: Item, terms: Terms) -> Iterator[Taken | Refused]:
    assert item.raw is not None
    name, definition = item.raw.name, terms.definition
    if definition is not None and definition.parse.source is not None and name == definition.parse.source.labels_file:
        return
    if definition is not None and has_suffix(name, *_suffixes(definition.parse.format)):
        if definition.parse.format in FORMATS:
            yield from _whole_file(item, definition.parse.format, definition.parse, terms)
        else:
            yield from _members(item, definition.parse.format, definition.parse, terms)
    elif (format_name := format_of(name)) is not None:
        yield from _whole_file(item, format_name, _usual_spec(format_name, terms.layout), terms)
    elif has_suffix(name, ".pkl", ".pickle"):
        yield from _members(item, "pyskl_pickle", None, terms)
    elif has_suffix(name, ".npz", *STACKED):
        yield from _members(item, "array_stack", None, terms)
    else:
        yield _taken(item, _Said(key=item.key), read_alone(name, read(item.raw), terms), terms)


def _suffixes(format_name: str) -> tuple[str, ...]:
    return ALL_SOURCES[format_name].suffixes if format_name in ALL_SOURCES else (FORMATS[format_name].suffix,)


def _usual_spec(format_name: str, named: Layout | None) -> ParseSpec:
    """That of the format, with the layout that is named if such files could have it."""
    usual = LAYOUTS[DEFAULT_LAYOUT[format_name]]
    layout = named if named is not None and named.coordinates == usual.coordinates else usual
    return ParseSpec(format=format_name, layout=layout)


def _whole_file(item: Item, format_name: str, spec: ParseSpec, terms: Terms) -> Iterator[Taken | Refused]:
    """A file that is one clip and says everything itself, whatever it is called."""
    assert item.raw is not None
    raw_format = FORMATS[format_name]
    job = job_of(item.raw, raw_format, {})
    if job.key is not None and job.key in spec.missing:
        raise RefusedError(MISSING)
    tracks, label, class_id = raw_format.read(read(item.raw), spec.layout, spec.zero_is_missing)
    is_defined = terms.definition is not None and terms.definition.parse is spec
    action = _action([*job.labels, Label("clip", label, class_id)], spec.class_names)
    if action is None and format_name == "ntu_skeleton" and job.labels:
        action = f"A{job.labels[0].class_id + 1:03d}" if job.labels[0].class_id is not None else None
    subject = job.name.subject if job.name is not None else None
    said = _Said(key=item.key, action=action, subject=subject, is_defined=is_defined and action is not None)
    yield _taken(item, said, Read(tracks=tracks, layout=spec.layout), terms)


def _action(labels: Sequence[Label], class_names: Sequence[str]) -> str | None:
    """The name on which all agree; without one, that of the definition's list."""
    class_id, name = settle(labels, class_names)
    return name or (class_names[class_id] if class_id is not None and class_id < len(class_names) else None)


def _members(item: Item, format_name: str, spec: ParseSpec | None, terms: Terms) -> Iterator[Taken | Refused]:
    """The clips of a file that holds many, or of one that a definition describes."""
    assert item.raw is not None
    asked = spec or spec_of(terms, terms.layout or LAYOUTS["ntu25"], format_name)
    has_labels = (
        spec is not None or has_suffix(item.raw.name, ".npz") or any("_label." in file.name for file in item.near)
    )
    is_bare = format_name == "array_stack" and not has_labels
    members = ALL_SOURCES[format_name].members([item.raw, *item.near], asked)
    for member in unlabelled(item.raw) if is_bare else members:
        try:
            yield _member(item, member, format_name, spec, terms)
        except RefusedError as why:
            yield _refused(item, why, member.within)


def _member(item: Item, member: Member, format_name: str, spec: ParseSpec | None, terms: Terms) -> Taken:
    is_whole = not member.within  # a file that is a clip may be called as it likes
    if member.problem is not None and not is_whole:
        raise RefusedError(member.problem)
    if spec is not None and member.name is not None and member.name.key in spec.missing:
        raise RefusedError(MISSING)
    result = _joints_of(member, format_name, spec, terms)
    problem = () if member.problem is None else (member.problem,)
    key = item.key if is_whole or member.name is None else member.name.key
    action = _action(member.labels, spec.class_names if spec is not None else ()) or _numbered(member)
    said = _Said(
        key=key,
        within=member.within,
        action=action,
        subject=member.name.subject if member.name is not None else None,
        is_defined=spec is not None and action is not None,
    )
    return _taken(item, said, replace(result, notes=(*result.notes, *problem)), terms)


def _numbered(member: Member) -> str | None:
    class_id = next((label.class_id for label in member.labels if label.class_id is not None), None)
    return None if class_id is None else f"class {class_id}"


def _joints_of(member: Member, format_name: str, spec: ParseSpec | None, terms: Terms) -> Read:
    read = ALL_SOURCES[format_name].read
    if spec is not None:
        return Read(tracks=read(member, spec), layout=spec.layout)
    n_joints, n_coordinates = _shape_of(member) if terms.layout is None else (0, 0)
    return settled(n_joints, n_coordinates, terms, lambda layout: read(member, spec_of(terms, layout, format_name)))


def _shape_of(member: Member) -> tuple[int, int]:
    """Joints and numbers a joint of a pickle's clip, or of a stack's row."""
    place = member.place
    if hasattr(place, "joints"):
        shape = place.joints.shape
        return shape[2], shape[3]
    shape = place.header.shape
    if len(shape) == 5:
        return shape[3], shape[1]
    if shape[2] % (NTU25.n_joints * 3) == 0:  # what such archives hold, for one body or two
        return NTU25.n_joints, 3
    raise RefusedError(f"{shape[2]} numbers a frame: the joints are not known; {SAY}")


def _taken(item: Item, said: _Said, result: Read, terms: Terms) -> Taken:
    """The folder's name says what a clip shows, unless a definition says it; else what the file says counts."""
    named = subject_named(f"{item.key}/{said.key}")
    return Taken(
        source=item.shown + said.within,
        key=said.key,
        action=said.action if said.is_defined else item.action or said.action,
        layout=result.layout,
        bodies=bodies_of(result.tracks),
        subject=said.subject if said.subject is not None else named,
        fps=result.fps or terms.fps,
        notes=(*result.tracks.notes, *result.notes),
    )
