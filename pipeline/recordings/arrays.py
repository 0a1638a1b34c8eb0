"""Reads .npy and CSV files that nobody has described -> tracks, and the only known layout that fits.

In: the bytes of a file of one clip, and what the user says about such files. Out: `Tracks`, the layout, and frames per
second if a CSV has a column of times. `pipeline.parse.sources.folder_arrays` reads the numbers, as for a definition.
"""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS, layout_of
from dastm.contract.skeleton import Layout
from pipeline.definitions.definition import Definition, ParseSpec
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.folder_arrays import parse_clip
from pipeline.parse.sources.npy import read_array
from pipeline.parse.sources.times import rate_of_texts, unit_in
from pipeline.parse.suffixes import has_suffix
from pipeline.recordings.layout_choice import guess
from pipeline.tracks import Tracks

_DELIMITERS = ",;\t"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the user says about files that do not describe themselves."""

    layout: Layout | None = None
    fps: float | None = None
    unit_m: float = 1.0
    """Length of one unit of 3-D coordinates in metres."""
    definition: Definition | None = None
    """A definition that describes files of its format."""


GUESSED = "taken for"
"""How the note begins that says which layout was chosen by shape and numbers."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """The clip of a file."""

    tracks: Tracks
    layout: Layout
    fps: float | None = None
    notes: tuple[str, ...] = ()


def read_alone(name: str, data: bytes, terms: Terms) -> Read:
    """Read the file of one clip. Raises: RefusedError if it is damaged, or its joints are not known."""
    if has_suffix(name, ".csv"):
        return _read_csv(name, data, terms)
    shape = read_array(data).shape
    if len(shape) not in (3, 4):
        raise RefusedError(f"an array of shape {shape}, expected (frames, joints, coordinates), or bodies first")
    return settled(shape[-2], shape[-1], terms, lambda layout: parse_clip(name, data, spec_of(terms, layout)))


def spec_of(terms: Terms, layout: Layout, format_name: str = "folder_arrays", **source: str) -> ParseSpec:
    """How to read arrays without a definition; pixels are not changed."""
    image = {"image": "fractions"} if layout.is_image and format_name != "array_stack" else {}
    described = SourceSpec(unit_m=terms.unit_m, **image, **source)  # type: ignore[arg-type]
    return ParseSpec(format=format_name, layout=layout, source=described)


def settled(n_joints: int, n_coordinates: int, terms: Terms, read: Callable[[Layout], Tracks]) -> Read:
    """A clip of this shape with the named layout, or with the only one that fits and a note."""
    if terms.layout is not None:
        return Read(tracks=read(terms.layout), layout=terms.layout)
    layout, tracks = guess(n_joints, n_coordinates, read)
    note = f"{GUESSED} {layout.name}, the only known layout of {n_joints} joints that fits"
    return Read(tracks=tracks, layout=layout, notes=(note,))


def _read_csv(name: str, data: bytes, terms: Terms) -> Read:
    head = Head.of(data)

    def read(layout: Layout) -> Tracks:
        return parse_clip(name, data, spec_of(terms, layout, columns=head.columns, delimiter=head.delimiter))

    layout = head.layout_by_name() if terms.layout is None else terms.layout
    if layout is not None and head.is_numbered and head.n_joints != layout.n_joints:
        raise RefusedError(f"{head.n_joints} joints, layout {layout.name} has {layout.n_joints}", line=1)
    if layout is None:
        found = settled(head.n_joints, head.n_coordinates, terms, read)
    else:
        found = Read(tracks=read(layout), layout=layout)
    return replace(found, fps=head.fps(data))


@dataclass(frozen=True)
class Head:
    """The facts in the first line of a CSV clip."""

    names: tuple[str, ...]
    delimiter: str
    joints: tuple[str, ...]
    """Names or numbers of the joints, from its columns or from its column `joint`."""

    @staticmethod
    def of(data: bytes) -> "Head":
        """Read the first line. Raises: RefusedError if it is not text, or names no joint."""
        try:
            line = data.split(b"\n", 1)[0].decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise RefusedError("not UTF-8 text", byte=error.start) from None
        delimiter = max(_DELIMITERS, key=line.count)
        names = tuple(name.strip().strip('"') for name in line.split(delimiter))
        if "joint" in names:
            joints = _column(data, delimiter, names.index("joint"))
        else:
            joints = [name[2:] for name in names if name.startswith("x_")]
        if not joints:
            raise RefusedError(
                "no columns x_0, y_0, .. and no column joint (docs/data.md, CSV); a list of files has a column file",
                line=1,
            )
        return Head(names, delimiter, tuple(joints))

    @property
    def columns(self) -> Literal["wide", "long"]:
        """The value of `SourceSpec.columns`."""
        return "long" if "joint" in self.names else "wide"

    @property
    def n_coordinates(self) -> int:
        """Number of coordinates per joint, without a confidence."""
        return 2 + any(re.match(r"z(_|$)", name) for name in self.names)

    @property
    def is_numbered(self) -> bool:
        """Whether joints have numbers for names."""
        return all(joint.isascii() and joint.isdecimal() for joint in self.joints)

    @property
    def n_joints(self) -> int:
        """Number of joints, if they are numbered."""
        return max(map(int, self.joints)) + 1 if max(map(len, self.joints)) < 5 else 10**5

    def layout_by_name(self) -> Layout | None:
        """The known layout with these names, else one made from them; None if joints are numbered."""
        if self.is_numbered:
            return None
        is_image = self.n_coordinates == 2
        named = [layout for layout in KNOWN_LAYOUTS.values() if set(layout.joints) == set(self.joints)]
        try:
            made = layout_of(f"csv{len(self.joints)}", self.joints, image=is_image)
        except ValueError as error:
            raise RefusedError(str(error), line=1) from None
        return next((layout for layout in named if layout.is_image == is_image), made)

    def fps(self, data: bytes) -> float | None:
        """Frames per second from a column of times; None if there is none, or its unit is not clear."""
        known = [name for name in self.names if unit_in(name) is not None]
        if "frame" in self.names or not known:
            return None
        return rate_of_texts(known[0], _column(data, self.delimiter, self.names.index(known[0]))).fps


def _column(data: bytes, delimiter: str, at: int) -> list[str]:
    """The different texts of a column, in order."""
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter, strict=True)
        return list(dict.fromkeys(row[at].strip() for number, row in enumerate(rows) if number and len(row) > at))
    except UnicodeDecodeError as error:
        raise RefusedError("not UTF-8 text", byte=error.start) from None
    except csv.Error as error:
        raise RefusedError(f"not CSV: {error}") from None
