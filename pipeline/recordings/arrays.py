"""One array a file, .npy or CSV, that nobody has described -> tracks, with the layout that it can only have.

In: the bytes of a file, and what the user says of such files. Out: `Tracks`, the layout, and frames a second where a
CSV has a column of times. Numbers are read by `pipeline.parse.sources.folder_arrays`, as for a data set definition.
"""

import csv
import io
import re
from dataclasses import dataclass

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import LAYOUTS, Layout
from pipeline.definitions.definition import Definition, ParseSpec
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.csv_frames import frames_a_second
from pipeline.parse.sources.folder_arrays import parse_clip
from pipeline.parse.sources.npy import read_array
from pipeline.recordings.layouts import SAY, check_bones, coordinates_of, only_layout
from pipeline.tracks import Tracks

_DELIMITERS = ",;\t"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the user says of files that do not say it."""

    layout: Layout | None = None
    fps: float | None = None
    unit_m: float = 1.0
    """Metres of one unit of 3-D coordinates."""
    definition: Definition | None = None
    """Of files of its format, it says everything."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """What came out of a file."""

    tracks: Tracks
    layout: Layout
    fps: float | None = None
    notes: tuple[str, ...] = ()


def read_alone(name: str, data: bytes, terms: Terms) -> Read:
    """Read the file of one clip; RefusedError where it is damaged, or its joints are not known."""
    if name.endswith(".csv"):
        return _read_csv(name, data, terms)
    array_shape = read_array(data).shape
    if len(array_shape) not in (3, 4):
        raise RefusedError(f"an array of shape {array_shape}, expected (frames, joints, coordinates), or bodies first")
    layout = terms.layout or only_layout(array_shape[-2], array_shape[-1])
    tracks = parse_clip(name, data, spec_of(terms, layout))
    return settled(tracks, layout, terms)


def spec_of(terms: Terms, layout: Layout, format_name: str = "folder_arrays", **source: str) -> ParseSpec:
    """How arrays are read that no definition describes; pixels are left as they are."""
    image = {"image": "fractions"} if layout.is_image and format_name != "array_stack" else {}
    described = SourceSpec(unit_m=terms.unit_m, **image, **source)  # type: ignore[arg-type]
    return ParseSpec(format=format_name, layout=layout, source=described)


def settled(tracks: Tracks, layout: Layout, terms: Terms, fps: float | None = None) -> Read:
    """What was read; where the layout was not named, its bones must be those of a body, and a note says it."""
    if terms.layout is not None:
        return Read(tracks=tracks, layout=layout, fps=fps)
    places_PVC = tracks.joints_PVC
    if tracks.scores_PV is not None:
        lost_PV = tracks.scores_PV <= 0
        places_PVC = places_PVC.copy()
        places_PVC[lost_PV] = float("nan")
    check_bones(places_PVC, layout)
    note = f"taken for {layout.name}, the only known layout of {layout.n_joints} joints"
    return Read(tracks=tracks, layout=layout, fps=fps, notes=(note,))


def _read_csv(name: str, data: bytes, terms: Terms) -> Read:
    head = _Head.of(data)
    layout = terms.layout or head.layout()
    spec = spec_of(terms, layout, columns=head.columns, delimiter=head.delimiter)
    return settled(parse_clip(name, data, spec), layout, terms, head.fps(data))


@dataclass(frozen=True)
class _Head:
    """What the first line of a CSV clip says."""

    names: tuple[str, ...]
    delimiter: str
    joints: frozenset[str]
    """Joints by name or number: of its columns, or of its column `joint`."""

    @staticmethod
    def of(data: bytes) -> "_Head":
        """RefusedError where it is no text."""
        try:
            line = data.split(b"\n", 1)[0].decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise RefusedError("not UTF-8 text", byte=error.start) from None
        delimiter = max(_DELIMITERS, key=line.count)
        names = tuple(name.strip().strip('"') for name in line.split(delimiter))
        if "joint" in names:
            return _Head(names, delimiter, frozenset(_column(data, delimiter, names.index("joint"))))
        return _Head(names, delimiter, frozenset(name[2:] for name in names if name.startswith("x_")))

    @property
    def columns(self) -> str:
        return "long" if "joint" in self.names else "wide"

    def layout(self) -> Layout:
        """By the joints' names, or by how many there are."""
        if not self.joints:
            raise RefusedError("no columns x_0, y_0, .. and no column joint; see docs/data.md, CSV", line=1)
        n_coordinates = 2 + any(re.match(r"z(_|$)", name) for name in self.names)
        if all(joint.isdecimal() for joint in self.joints):
            n_joints = max(map(int, self.joints)) + 1 if max(map(len, self.joints)) < 5 else 10**5
            return only_layout(n_joints, n_coordinates)
        named = [layout for layout in LAYOUTS.values() if set(layout.joints) == self.joints]
        fitting = [layout for layout in named if n_coordinates in coordinates_of(layout)[:1]]
        if not fitting:
            raise RefusedError(f"joints {', '.join(sorted(self.joints)[:3])}, .. are of no known layout; {SAY}", line=1)
        return fitting[0]

    def fps(self, data: bytes) -> float | None:
        """From a column of times; None where there is none, or nobody can tell its unit."""
        known = [name for name in self.names if name.startswith("time")]
        if "frame" in self.names or not known:
            return None
        return frames_a_second(known[0], _column(data, self.delimiter, self.names.index(known[0])))


def _column(data: bytes, delimiter: str, at: int) -> set[str]:
    """The different texts of a column."""
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter, strict=True)
        return {row[at].strip() for number, row in enumerate(rows) if number and len(row) > at}
    except UnicodeDecodeError as error:
        raise RefusedError("not UTF-8 text", byte=error.start) from None
    except csv.Error as error:
        raise RefusedError(f"not CSV: {error}") from None
