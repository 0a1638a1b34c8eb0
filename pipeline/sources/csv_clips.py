"""A clip as CSV: a line a body and frame (wide), or a line a joint (long) -> tracks.

In: UTF-8 text whose first line names its columns: `frame`, `body` where there is more than one, then wide `x_0, y_0,
z_0, x_1, ..` (with the joint's number or name) or long `joint, x, y, z`; 2-D has no z, and may have `score` or
`score_0, ..`. Frames are whole numbers, the smallest is the clip's first; an empty field or nan is a joint that was not
measured. Out: arrays of the bodies seen, for `dense_tracks`; a body not named in a frame is absent from it.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.skeleton import Layout
from pipeline.errors import Refused
from pipeline.formats.tracks import MAX_FRAMES

MAX_BODIES = 1000


class CsvClip(NamedTuple):
    """Bodies x frames x joints; nan where nothing was measured."""

    places_MTVC: NDArray[np.float64]
    scores_MTV: NDArray[np.float64] | None
    ids_M: NDArray[np.int64]
    """As the file names the bodies, ascending."""


class _Value(NamedTuple):
    frame: int
    body: int
    joint: int
    numbers: list[float]


def parse_csv(data: bytes, layout: Layout, columns: str = "wide", delimiter: str = ",") -> CsvClip:
    """Read one file; Refused with its line for anything but the above, a joint given twice included."""
    reader = csv.reader(io.StringIO(_text(data), newline=""), delimiter=delimiter, strict=True)
    coordinates = ("x", "y") if layout.is_image else layout.coordinates
    try:
        header = [name.strip() for name in next(reader, [])]
        places = _columns(header)
        read = _wide if columns == "wide" else _long
        values = list(read(reader, places, layout, coordinates))
    except csv.Error as error:
        raise Refused(f"not CSV: {error}", line=reader.line_num) from None
    except Refused as why:
        raise Refused(why.reason, line=max(1, reader.line_num)) from None
    if not values:
        raise Refused("no line but the first", line=1)
    return _arrays(values, layout.n_joints, len(coordinates))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused("not UTF-8 text", byte=error.start) from None


def _columns(header: Sequence[str]) -> dict[str, int]:
    if len(set(header)) != len(header):
        raise Refused("a column name occurs twice")
    places = {name: at for at, name in enumerate(header)}
    if "frame" not in places:
        raise Refused("no column 'frame'")
    return places


def _wide(
    rows: Iterator[list[str]], places: Mapping[str, int], layout: Layout, coordinates: Sequence[str]
) -> Iterator[_Value]:
    has_scores = any(name.startswith("score_") for name in places)
    asked = (*coordinates, "score") if layout.is_image and has_scores else coordinates
    joints = [[_place(places, f"{c}_{v}", f"{c}_{name}") for c in asked] for v, name in enumerate(layout.joints)]
    for row in _whole_rows(rows, places):
        frame, body = _frame_and_body(row, places)
        for joint, own in enumerate(joints):
            yield _Value(frame, body, joint, [_number(row[at]) for at in own])


def _long(
    rows: Iterator[list[str]], places: Mapping[str, int], layout: Layout, coordinates: Sequence[str]
) -> Iterator[_Value]:
    asked = (*coordinates, "score") if layout.is_image and "score" in places else coordinates
    own = [_place(places, name) for name in asked]
    at_joint = _place(places, "joint")
    joints = {text: v for v, name in enumerate(layout.joints) for text in (name, str(v))}
    for row in _whole_rows(rows, places):
        frame, body = _frame_and_body(row, places)
        joint = joints.get(row[at_joint].strip())
        if joint is None:
            raise Refused(f"joint {row[at_joint][:40]!r} is not one of layout {layout.name}")
        yield _Value(frame, body, joint, [_number(row[at]) for at in own])


def _place(places: Mapping[str, int], *names: str) -> int:
    found = next((places[name] for name in names if name in places), None)
    if found is None:
        raise Refused(f"no column {' or '.join(map(repr, names))}")
    return found


def _whole_rows(rows: Iterator[list[str]], places: Mapping[str, int]) -> Iterator[list[str]]:
    """Rows of as many fields as the first line has; empty lines are passed over."""
    for row in rows:
        if row and len(row) != len(places):
            raise Refused(f"{len(row)} fields, expected {len(places)}")
        if row:
            yield row


def _frame_and_body(row: Sequence[str], places: Mapping[str, int]) -> tuple[int, int]:
    numbers = []
    for name, most in (("frame", 2**31), ("body", 2**63)):
        text = row[places[name]].strip() if name in places else "0"
        if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < most):
            raise Refused(f"{name} {text[:40]!r} is not a whole number")
        numbers.append(int(text))
    return numbers[0], numbers[1]


def _number(text: str) -> float:
    """As `float` reads it, but for digits with underscores; empty is nan."""
    text = text.strip()
    try:
        if "_" not in text:
            return float(text or "nan")
    except ValueError:
        pass
    raise Refused(f"{text[:40]!r} is not a number")


def _arrays(values: Sequence[_Value], n_joints: int, n_coordinates: int) -> CsvClip:
    frames, bodies, joints = (np.array([value[i] for value in values], np.int64) for i in range(3))
    numbers = np.array([value.numbers for value in values], np.float64)
    ids_M, rows = np.unique(bodies, return_inverse=True)
    frames -= frames.min()
    n_frames = int(frames.max()) + 1
    if n_frames > MAX_FRAMES or len(ids_M) > MAX_BODIES:
        raise Refused(f"{n_frames} frames and {len(ids_M)} bodies, more than {MAX_FRAMES} or {MAX_BODIES}")
    if len(ids_M) * n_frames * n_joints > 100 * len(values) + 2**22:
        raise Refused(f"{len(values)} joints scattered over {n_frames} frames and {len(ids_M)} bodies")
    count_MTV = np.zeros((len(ids_M), n_frames, n_joints), np.int64)
    np.add.at(count_MTV, (rows, frames, joints), 1)
    if count_MTV.max() > 1:
        body, frame, joint = (int(i) for i in np.unravel_index(int(count_MTV.argmax()), count_MTV.shape))
        raise Refused(f"frame {frame} after the first, body {ids_M[body]}: joint {joint} is given twice")
    all_MTVK = np.full((*count_MTV.shape, numbers.shape[1]), np.nan)
    all_MTVK[rows, frames, joints] = numbers
    all_MTVK[~count_MTV.any(axis=2)] = 0.0  # a body that is absent from a frame, not one that was not measured
    scores_MTV = all_MTVK[..., n_coordinates] if numbers.shape[1] > n_coordinates else None
    return CsvClip(all_MTVK[..., :n_coordinates], scores_MTV, ids_M)
