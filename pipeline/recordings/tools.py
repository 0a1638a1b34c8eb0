"""Recognises files of other people's tools among the items of `walk`, and groups the frames of a folder into clips.

In: items in the order in which they are found, and what the user says about files. Out: the same items, but a
`ToolItem` for each clip of a tool. A definition with a tool's format decides what its files are; otherwise each file's
first bytes do. Other items are not changed. Only names are kept while frames are grouped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from dastm.contract.errors import RefusedError
from pipeline.definitions.source_spec import AUTO, SourceSpec
from pipeline.parse.raw_files import read
from pipeline.parse.suffixes import has_suffix
from pipeline.parse.tools import TOOLS
from pipeline.parse.tools.poses import NamedBytes
from pipeline.parse.tools.recognise import head_of, recognise
from pipeline.parse.tools.tool_sources import SUFFIXES, ToolClip, before_number, read_alone
from pipeline.recordings.arrays import Terms
from pipeline.recordings.walk import Item, Refused


@dataclass(frozen=True, kw_only=True)
class ToolItem:
    """The files of one clip of a tool."""

    form: str
    items: tuple[Item, ...]
    """One file, or the frames of a clip."""
    shown: str
    key: str

    @property
    def action(self) -> str | None:
        """The action that its folder names."""
        return self.items[0].action


def joined(found: Iterator[Item | Refused], terms: Terms) -> Iterator[Item | Refused | ToolItem]:
    """Items, with those of tools grouped into clips; the frames of a clip follow each other because names are
    sorted."""
    frames: list[Item] = []
    place: tuple[object, ...] = ()
    for one in found:
        form = _form_of(one, terms) if isinstance(one, Item) else None
        is_frame = form is not None and form in TOOLS and TOOLS[form].frames
        here = _place(form, one) if isinstance(one, Item) and is_frame else ()
        if frames and here != place:
            yield _of_frames(str(place[0]), frames)
            frames = []
        if here and isinstance(one, Item):
            frames.append(one)
            place = here
        elif isinstance(one, Item) and form is not None and form in TOOLS:
            yield ToolItem(form=form, items=(one,), shown=one.shown, key=one.key)
        elif isinstance(one, Item) and form is not None:
            yield Refused(source=one.shown, why=RefusedError(form), is_foreign=True)
        else:
            yield one
    if frames:
        yield _of_frames(str(place[0]), frames)


def read_tool(item: ToolItem, terms: Terms) -> ToolClip:
    """Read the clip; pixels are not changed. Raises: RefusedError if its files cannot be read."""
    files = [NamedBytes(one.raw.source, read(one.raw)) for one in item.items if one.raw is not None]
    definition = terms.definition
    if definition is not None and definition.parse.format in (AUTO, item.form):
        return read_alone(item.form, files, definition.parse.source, definition.parse.layout)
    return read_alone(item.form, files, SourceSpec(unit_m=terms.unit_m, image="fractions"), terms.layout)


def _form_of(item: Item, terms: Terms) -> str | None:
    """The form of a file; a text's that is none: why it is passed over; None for what is not a tool's."""
    if item.raw is None or not has_suffix(item.raw.name, *SUFFIXES):
        return None
    parse = terms.definition.parse if terms.definition is not None else None
    if parse is not None and parse.source is not None and item.raw.name == parse.source.labels_file:
        return None
    said = parse.format if parse is not None else AUTO
    if said in TOOLS and has_suffix(item.raw.name, *TOOLS[said].suffixes):
        return said
    if said != AUTO:
        return None
    try:
        found = recognise(item.raw.name, head_of(item.raw))
    except RefusedError:
        return None
    if found.form in TOOLS:
        return found.form
    return found.refusal() if has_suffix(item.raw.name, ".txt", ".tsv", ".jsonl") else None


def _place(form: str | None, item: Item) -> tuple[object, ...]:
    """What the frames of one clip have in common."""
    assert item.raw is not None
    path = PurePosixPath(item.raw.source)
    return form, item.raw.root, path.parent, before_number(path.stem), item.action


def _of_frames(form: str, frames: list[Item]) -> ToolItem:
    first = frames[0]
    path = PurePosixPath(first.below)
    before = before_number(path.stem) or "frames"
    key = path.parent if len(path.parts) > 2 else path.parent / before
    shown = first.shown if len(frames) == 1 else f"{PurePosixPath(first.shown).parent}/{before}*"
    return ToolItem(form=form, items=tuple(frames), shown=shown, key=key.as_posix())
