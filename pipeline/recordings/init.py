"""A folder of recordings -> a first data set definition, and what was guessed for it.

In: a folder or zip. Out: `Beginning`: the text of a definition that can be parsed and split without changes, what was
guessed, and what could not be found out. It reads a few recordings, evenly spread, and all names.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.mapping import common_of, halves
from dastm.contract.skeleton import Layout
from dastm.contract.wording import listed
from pipeline.definitions.definition import Definition, load_definition
from pipeline.definitions.source_spec import FORMATS as KNOWN_FORMATS
from pipeline.definitions.source_spec import TOOL_FORMATS
from pipeline.parse.formats import format_of
from pipeline.parse.labels import NO_LABEL
from pipeline.parse.plan import Job, make_plan, run_job
from pipeline.parse.raw_files import as_text, read
from pipeline.parse.suffixes import has_suffix
from pipeline.parse.tools.poses import NOTE_SIZE
from pipeline.parse.tools.recognise import head_of, recognise
from pipeline.recordings.arrays import Head, Read, Terms, read_alone
from pipeline.recordings.geometry import image_of, layout_by_distance, space_of
from pipeline.recordings.naming import naming_of
from pipeline.recordings.tools import ToolItem, joined, read_tool
from pipeline.recordings.walk import STACKED, Item, Refused, walk
from pipeline.split.normalise import check_split, normalise_clip
from pipeline.storage.table import ParsedClip

SAMPLE = 12
MOST_READ = 1000
"""Largest number of recordings that are read if each of them states its class itself."""
FEW_CLASSES = 5
"""With fewer classes, all are test classes, because there is not enough to train on."""
_SHORT, _LONG = 30, 60


@dataclass
class Beginning:
    """A definition, and what to say about it."""

    document: dict[str, Any]
    guessed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    text: str = ""
    is_person: bool = False
    """Whether the encoders that come with dastm know the skeleton."""


def begin(root: Path, name: str, layout: Layout | None = None) -> Beginning:
    """Look at recordings and write the definition of their data set.

    Raises: DataError if there are no recordings, or none that can be recognised.
    """
    items, refused = _look(root)
    format_name, chosen = _of_most(items)
    made = Beginning({"name": name, "parse": {"format": format_name}})
    made.guessed.append(f"format: {format_name}, {len(chosen)} file{'s' * (len(chosen) > 1)}")
    made.unknown += refused
    if len(chosen) < len(items):
        rest = len(items) - len(chosen)
        made.unknown.append(
            f"what else there is: {rest} file{'s' * (rest > 1)} of other kinds, no part of this data set"
        )
    reads = _arrays(chosen, layout, made) if format_name == "folder_arrays" else []
    if format_name in TOOL_FORMATS and layout is None:
        _of_tool(chosen, made)
    elif layout is not None and format_name != "folder_arrays":
        made.document["parse"]["layout"] = _written(layout)
    elif format_name in ("pyskl_pickle", "array_stack"):
        made.document["parse"]["layout"] = _only_layout(chosen[0])
    jobs, definition = _draft(made, root)
    _split(made, jobs, definition, reads)
    return _checked(made, root)


def _look(root: Path) -> tuple[list[Item], list[str]]:
    found = list(walk([root]))
    refused = [one for one in found if isinstance(one, Refused)]
    items = [one for one in found if isinstance(one, Item)]
    folders = [item for item in items if item.folder is not None]
    if folders:
        raise DataError(f"{folders[0].shown}: a parsed table or shards, which are defined already; name a raw folder")
    if not items:
        raise DataError(f"{refused[0].source}: {refused[0].why}")
    return items, [f"{one.source}: {one.why}" for one in refused]


def _of_most(items: Sequence[Item]) -> tuple[str, list[Item]]:
    """The format of most files, and those files."""
    formats = [_format(item) for item in items]
    for format_name, _ in Counter(formats).most_common():
        if format_name in KNOWN_FORMATS:
            return format_name, [item for item, its in zip(items, formats, strict=True) if its == format_name]
    raise DataError(f"{_root_of(items[0])}: no recordings of a known form; see docs/formats.md")


def _format(item: Item) -> str | None:
    """The tool's form that the contents show, or the format by the suffix of the file."""
    assert item.raw is not None
    name = item.raw.name
    try:
        form = recognise(name, head_of(item.raw)).form
    except RefusedError:
        form = None
    if form in TOOL_FORMATS:
        return form
    if has_suffix(name, ".pkl", ".pickle"):
        return "pyskl_pickle"
    if has_suffix(name, ".npz", *STACKED):
        return "array_stack"
    if has_suffix(name, ".npy", ".csv"):
        return "folder_arrays"
    return format_of(name)


def _of_tool(items: Sequence[Item], made: Beginning) -> None:
    """The layout that most of some recordings show, and what their files do not say."""
    found = [one for one in joined(iter(items), Terms()) if isinstance(one, ToolItem)]
    clips, why = [], None
    for one in _spread(found):
        try:
            clips.append(read_tool(one, Terms()))
        except RefusedError as error:
            why = why or RefusedError(f"{one.shown}: {error}")
    if not clips:
        raise DataError(f"{_root_of(items[0])}: {why}")
    layouts = [clip.layout for clip in clips]
    layout = Counter(layouts).most_common(1)[0][0]
    made.document["parse"]["layout"] = _written(layout)
    made.guessed.append(f"layout: {layout.name}, {layout.n_joints} joints, as files show")
    if len(set(layouts)) > 1:
        made.unknown.append(f"why {len(layouts) - layouts.count(layout)} of {len(layouts)} clips have other joints")


def _spread(things: Sequence[Any], most: int = SAMPLE) -> list[Any]:
    """Some of them, evenly spread."""
    count = min(most, len(things))
    return [things[i * len(things) // count] for i in range(count)]


def _arrays(items: Sequence[Item], layout: Layout | None, made: Beginning) -> list[Read]:
    """What arrays do not say: layout, unit, axes; and what their names say."""
    parse = made.document["parse"]
    reads, layout = _layout_of(items, layout, made)
    parse["layout"] = _written(layout)
    of_layout = [one.tracks for one in reads]
    source, guessed, unknown = image_of(of_layout) if layout.is_image else space_of(of_layout, layout)
    made.guessed += guessed
    made.unknown += unknown
    heads = [_head(item) for item in _spread([item for item in items if has_suffix(item.below, ".csv")])]
    source |= {"columns": "long"} if any(head.columns == "long" for head in heads) else {}
    source |= {"delimiter": heads[0].delimiter} if heads and heads[0].delimiter != "," else {}
    naming = naming_of([as_text(item.raw.source) for item in items if item.raw], [item.action for item in items])
    if naming is None:
        raise DataError(
            f"{_root_of(items[0])}: nobody says which action each recording shows; put those of an action into a"
            " folder of its name. To label them by examples, no data set is needed: dastm enrol, dastm predict"
        )
    parse["class_names"] = list(naming.classes)
    places = "folders" if naming.by_folder else "files' names"
    made.guessed.append(f"classes: {len(naming.classes)}, by {places}: {listed([*map(repr, naming.classes)], 4)}")
    if naming.subjects:
        made.guessed.append(f"subjects: {len(naming.subjects)}, by names: {listed(naming.subjects)}")
    else:
        made.unknown.append("who acts: no part of the paths like P01, S001 or subject3")
    source |= {"pattern": naming.pattern} if naming.pattern is not None else {}
    if source:
        parse["source"] = source
    return reads


def _root_of(item: Item) -> Path:
    assert item.raw is not None
    return item.raw.root


def _head(item: Item) -> Head:
    assert item.raw is not None
    try:
        return Head.of(read(item.raw))
    except RefusedError:
        return Head((), ",", ())


def _layout_of(items: Sequence[Item], layout: Layout | None, made: Beginning) -> tuple[list[Read], Layout]:
    """Some recordings, and the layout of most of them; one of unnamed joints, if none is known."""
    reads, why = _read_some(items, Terms(layout=layout))
    if not reads and layout is None:
        layout, shape = _made_layout(items, why)
        reads, why = _read_some(items, Terms(layout=layout))
        made.unknown.append(
            f"which joints these are: {shape}; they are called joint 0 and so on, and each hangs on the nearest one."
            " For encoders that come with dastm, name them (parse.layout)"
        )
    if not reads:
        raise DataError(f"{_root_of(items[0])}: {why}")
    name = Counter(one.layout.name for one in reads).most_common(1)[0][0]
    kept = [one for one in reads if one.layout.name == name]
    made.guessed.append(f"layout: {name}" + ("" if layout else f", by its {kept[0].layout.n_joints} joints and bones"))
    if len(kept) < len(reads):
        made.unknown.append(f"why {len(reads) - len(kept)} of {len(reads)} recordings read have other joints")
    return kept, kept[0].layout


def _read_some(items: Sequence[Item], terms: Terms) -> tuple[list[Read], RefusedError | None]:
    reads, why = [], None
    for item in _spread(items):
        assert item.raw is not None
        try:
            reads.append(read_alone(item.raw.name, read(item.raw), terms))
        except RefusedError as error:
            why = why or RefusedError(f"{item.raw.source}: {error}")
    return reads, why


def _made_layout(items: Sequence[Item], why: RefusedError | None) -> tuple[Layout, str]:
    """A layout by distances, and the shape of the joints; DataError with `why` where nothing can be read either way."""
    for item in _spread(items):
        assert item.raw is not None
        try:
            data = read(item.raw)
            n_joints, n_coordinates = shape_of(item.raw.name, data)
            image = n_coordinates == 2
            chain = Layout(
                name="unnamed",
                joints=tuple(map(str, range(n_joints))),
                bones=tuple((v, v - 1) for v in range(1, n_joints)),
                coordinates=("x", "y", "confidence") if image else ("x", "y", "z"),
            )
            columns = _columns(item, data)
            found = read_alone(item.raw.name, data, Terms(layout=chain)) if not columns else None
            if found is not None:
                shape = f"{n_joints} joints of {n_coordinates} numbers"
                return layout_by_distance([found.tracks], n_joints, image=image), shape
        except (RefusedError, ValueError):
            continue
    raise DataError(f"{_root_of(items[0])}: {why}")


def _columns(item: Item, data: bytes) -> bool:
    """Whether joints have names, which a chain of numbered ones does not."""
    return has_suffix(item.below, ".csv") and not Head.of(data).is_numbered


def shape_of(name: str, data: bytes) -> tuple[int, int]:
    """Joints, and numbers a joint, of the file of a clip."""
    from pipeline.parse.sources.npy import read_array

    if has_suffix(name, ".csv"):
        head = Head.of(data)
        return head.n_joints, head.n_coordinates
    shape = read_array(data).shape
    if len(shape) not in (3, 4):
        raise RefusedError(f"an array of shape {shape}")
    return shape[-2], shape[-1]


def _only_layout(item: Item) -> Any:
    from pipeline.recordings.reading import Taken, read_item

    found = next(iter(read_item(item, Terms())), None)
    if not isinstance(found, Taken):
        raise DataError(f"{item.shown}: {found.why if found else 'nothing in it'}")
    return _written(found.layout)


def _written(layout: Layout) -> Any:
    """By name, if a definition may name it."""
    known = KNOWN_LAYOUTS.get(layout.name)
    return layout.name if known == layout else layout.to_dict()


def _draft(made: Beginning, root: Path) -> tuple[Sequence[Job], Definition]:
    """All jobs that parse would do, with classes not divided yet."""
    made.document["split"] = {"class_split": {"train": [], "val": [], "test": []}}
    definition = _loaded(made.document)
    plan = make_plan(definition, [root])
    usable = [job for job in plan.jobs if job.problem is None]
    named = {label.name for job in usable for label in job.labels if label.name is not None}
    if named and not definition.parse.class_names:
        made.document["parse"]["class_names"] = sorted(named)
        made.guessed.append(f"classes: {len(named)}, by folders: {listed([*map(repr, sorted(named))], 4)}")
        definition = _loaded(made.document)
    if not usable:
        raise DataError(f"{root}: {plan.jobs[0].source}: {plan.jobs[0].problem}")
    if len(usable) < len(plan.jobs):
        first = next(job for job in plan.jobs if job.problem is not None)
        count = len(plan.jobs) - len(usable)
        made.unknown.append(f"what to do with {count} that parse will refuse, such as {first.source}: {first.problem}")
    return usable, definition


def _split(made: Beginning, jobs: Sequence[Job], definition: Definition, reads: Sequence[Read]) -> None:
    """Divide the classes; normalise as the layout allows."""
    names, layout = definition.parse.class_names, definition.parse.layout
    said = {label.class_id for job in jobs for label in job.labels if label.class_id is not None}
    sample, why = _parsed(_spread(jobs, SAMPLE if names or said else MOST_READ), definition)
    if not sample:
        hint = "; if nothing says it, put the recordings into a folder for each class" if NO_LABEL in str(why) else ""
        raise DataError(f"{why}{hint}")
    ids = sorted({*range(len(names)), *said, *(clip.class_id for clip in sample)})
    if not names:
        made.guessed.append(f"classes: {len(ids)}, as the files say")
    few = len(ids) < FEW_CLASSES
    test, val = (ids, []) if few else (ids[4::5], ids[3::5])
    divided = {"train": [i for i in ids if i not in (*test, *val)], "val": val, "test": test}
    made.guessed.append(
        "split: " + ", ".join(f"{subset} {len(listed)}" for subset, listed in divided.items()) + " classes"
    )
    if few:
        made.unknown.append(f"what to train on: with fewer than {FEW_CLASSES} classes, all are test classes")
    frames = sorted(clip.tracks.frames for clip in sample)[len(sample) // 2]
    split: dict[str, Any] = {"class_split": divided, "n_frames": _LONG if frames >= _LONG else _SHORT}
    split["origin"] = "first_frame"
    split |= {"rotate": "yaw"} if not layout.is_image and layout.shoulders is not None else {}
    split |= {"scale": "torso"} if layout.torso is not None else {}
    made.document["split"] = split


def _parsed(jobs: Sequence[Job], definition: Definition) -> tuple[list[ParsedClip], RefusedError | None]:
    clips, why = [], None
    for job in jobs:
        try:
            clip = run_job(job, definition)
            clips += [clip] if clip is not None else []
        except RefusedError as error:
            why = why or RefusedError(f"{job.source}: {error}")
    return clips, why


def _checked(made: Beginning, root: Path) -> Beginning:
    """The definition as text; it has been loaded, and some recordings parsed and normalised with it."""
    definition = _loaded(made.document)
    check_split(definition.split, definition.shard_layout)
    jobs = [job for job in make_plan(definition, [root]).jobs if job.problem is None]
    sample, why = _parsed(_spread(jobs), definition)
    for clip in sample:
        try:
            normalise_clip(clip.tracks, definition.split, definition.parse.layout)
        except RefusedError as error:
            why = why or RefusedError(f"{clip.source}: {error}")
    if any(NOTE_SIZE in clip.tracks.notes for clip in sample):
        made.unknown.append(
            "how large the images are: places are divided by the largest number of each clip; if you know it, say"
            " parse.source: {image_size: [width, height]}"
        )
    if why is not None:
        made.unknown.append(f"what to do with some that will be refused, such as {why}")
    made.text = _text(made)
    made.is_person = _is_person(definition.parse.layout)
    return made


def _is_person(layout: Layout) -> bool:
    try:
        halves(layout, common_of(layout))
    except ValueError:
        return False
    return True


def _loaded(document: Mapping[str, Any]) -> Definition:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "definition.yaml"
        path.write_text(_yaml(document), encoding="utf-8")
        try:
            return load_definition(path)
        except DataError as error:
            raise DataError(str(error).removeprefix(f"{path}: ")) from None


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def _text(made: Beginning) -> str:
    lines = ["# Written by `dastm-data init`. Guessed:", *(f"#   {line}" for line in made.guessed)]
    if made.unknown:
        lines += ["# Not known:", *(f"#   {line}" for line in made.unknown)]
    return "\n".join(" ".join(line.splitlines()) for line in lines) + "\n" + _yaml(made.document)
