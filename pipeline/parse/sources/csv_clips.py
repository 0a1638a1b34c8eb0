"""A clip as CSV -> tracks: one line for each body and frame (wide), or one line for each joint (long).

In: UTF-8 text whose first line names its columns: `frame` (or `time`, see `csv_frames`), `body` where there is more
than one, then wide `x_0, y_0, z_0, x_1, ..` (with the joint's number or name) or long `joint, x, y, z`; 2-D has no z.
Either may have `score` or `score_0, ..`, also called `visibility` (MediaPipe) or `confidence` (Azure Kinect); 0: not
measured. Frames are whole numbers, the smallest is the clip's first; an empty field or nan is a joint that was not
measured. Out: arrays of the bodies seen, for `dense_tracks`; a body not named in a frame is absent from it.
"""

import csv
import io
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.parse.formats.number_text import field_number
from pipeline.parse.sources.csv_frames import FrameColumn, whole
from pipeline.tracks import MAX_FRAMES

SCORES = ("score", "visibility", "confidence")
"""Names of a column of confidences; the first one found is used."""
MAX_BODIES = 1000
MAX_CSV_BYTES = 32 * 2**20
"""Largest accepted file, 40,000 frames of 25 joints: numbers need more memory than their text."""


class CsvClip(NamedTuple):
    """Bodies x frames x joints; nan where nothing was measured."""

    places_MTVC: NDArray[np.float64]
    scores_MTV: NDArray[np.float64] | None
    ids_M: NDArray[np.int64]
    """The body ids as the file states them, ascending."""
    notes: tuple[str, ...]
    """Notes on the steps between its frames."""


class _Value(NamedTuple):
    frame: int
    body: int
    joint: int
    numbers: list[float]


def parse_csv(
    data: bytes, layout: Layout, columns: str = "wide", delimiter: str = ",", frame_step: int | None = None
) -> CsvClip:
    """Read one file. Raises: RefusedError with the line for anything else, including a joint that occurs twice."""
    if len(data) > MAX_CSV_BYTES:
        raise RefusedError(f"{len(data)} bytes, more than the {MAX_CSV_BYTES} that a clip as CSV may have")
    reader = csv.reader(io.StringIO(_text(data), newline=""), delimiter=delimiter, strict=True)
    coordinates = ("x", "y") if layout.is_image else layout.coordinates
    try:
        header = [name.strip() for name in next(reader, [])]
        places = _columns(header)
        frames = FrameColumn(places, frame_step)
        read = _wide if columns == "wide" else _long
        indices, numbers = _collect(read(reader, places, frames, layout, coordinates))
    except csv.Error as error:
        raise RefusedError(f"not CSV: {error}", line=reader.line_num) from None
    except RefusedError as why:
        raise RefusedError(why.reason, line=max(1, reader.line_num)) from None
    if not len(indices):
        raise RefusedError("no line but the first", line=1)
    frame_N, notes = frames.settle(indices[:, 0])
    indices = np.column_stack([frame_N, indices[:, 1:]])
    return _arrays(indices, numbers.reshape(len(indices), -1), layout.n_joints, len(coordinates), notes)


def _collect(values: Iterable[_Value]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(n, 3) frames, bodies and joints, and all numbers one after the other; no Python object a number is kept."""
    indices, numbers = array("q"), array("d")
    for value in values:
        indices.extend(value[:3])
        numbers.extend(value.numbers)
    return np.frombuffer(indices, np.int64).reshape(-1, 3), np.frombuffer(numbers, np.float64)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError("not UTF-8 text", byte=error.start) from None


def _columns(header: Sequence[str]) -> dict[str, int]:
    if len(set(header)) != len(header):
        raise RefusedError("a column name occurs twice")
    return {name: at for at, name in enumerate(header)}


def _wide(
    rows: Iterator[list[str]],
    places: Mapping[str, int],
    frames: FrameColumn,
    layout: Layout,
    coordinates: Sequence[str],
) -> Iterator[_Value]:
    joints_named = {text for v, name in enumerate(layout.joints) for text in (str(v), name)}
    score = next((word for word in SCORES if any(f"{word}_{joint}" in places for joint in joints_named)), None)
    asked = (*coordinates, score) if score is not None else coordinates
    joints = [[_place(places, f"{c}_{v}", f"{c}_{name}") for c in asked] for v, name in enumerate(layout.joints)]
    for row in _whole_rows(rows, places):
        frame, body = frames.number(row), _body(row, places)
        for joint, own in enumerate(joints):
            yield _Value(frame, body, joint, [_number(row[at]) for at in own])


def _long(
    rows: Iterator[list[str]],
    places: Mapping[str, int],
    frames: FrameColumn,
    layout: Layout,
    coordinates: Sequence[str],
) -> Iterator[_Value]:
    asked = (*coordinates, *[word for word in SCORES if word in places][:1])
    own = [_place(places, name) for name in asked]
    at_joint = _place(places, "joint")
    joints = {text: v for v, name in enumerate(layout.joints) for text in (name, str(v))}
    for row in _whole_rows(rows, places):
        frame, body = frames.number(row), _body(row, places)
        joint = joints.get(row[at_joint].strip())
        if joint is None:
            raise RefusedError(f"joint {row[at_joint][:40]!r} is not one of layout {layout.name}")
        yield _Value(frame, body, joint, [_number(row[at]) for at in own])


def _place(places: Mapping[str, int], *names: str) -> int:
    found = next((places[name] for name in names if name in places), None)
    if found is None:
        raise RefusedError(f"no column {' or '.join(map(repr, names))}")
    return found


def _whole_rows(rows: Iterator[list[str]], places: Mapping[str, int]) -> Iterator[list[str]]:
    """Rows of as many fields as the first line has; empty lines are passed over."""
    for row in rows:
        if row and len(row) != len(places):
            raise RefusedError(f"{len(row)} fields, expected {len(places)}")
        if row:
            yield row


def _body(row: Sequence[str], places: Mapping[str, int]) -> int:
    return whole("body", row[places["body"]].strip(), 2**63) if "body" in places else 0


def _number(text: str) -> float:
    """As `field_number` reads it, but for digits with underscores."""
    text = text.strip()
    try:
        if "_" not in text:
            return field_number(text)
    except ValueError:
        pass
    raise RefusedError(f"{text[:40]!r} is not a number")


def _arrays(
    indices: NDArray[np.int64],
    numbers: NDArray[np.float64],
    n_joints: int,
    n_coordinates: int,
    notes: tuple[str, ...],
) -> CsvClip:
    n_values = len(indices)
    ids_M, rows = np.unique(indices[:, 1], return_inverse=True)
    frames, joints = indices[:, 0], indices[:, 2]
    n_frames = int(frames.max()) + 1
    if n_frames > MAX_FRAMES or len(ids_M) > MAX_BODIES:
        raise RefusedError(f"{n_frames} frames and {len(ids_M)} bodies, more than {MAX_FRAMES} or {MAX_BODIES}")
    shape_MTV = (len(ids_M), n_frames, n_joints)
    if len(ids_M) * n_frames * n_joints > 4 * n_values + 2**20:
        raise RefusedError(f"{n_values} joints scattered over {n_frames} frames and {len(ids_M)} bodies")
    places = np.ravel_multi_index((rows, frames, joints), shape_MTV)
    ordered = np.sort(places)
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(twice):
        body, frame, joint = (int(i) for i in np.unravel_index(int(ordered[twice[0]]), shape_MTV))
        raise RefusedError(f"frame {frame + 1} of the clip, body {ids_M[body]}: joint {joint} is given twice")
    all_MTVK = np.full((*shape_MTV, numbers.shape[1]), np.nan)
    all_MTVK.reshape(-1, numbers.shape[1])[places] = numbers
    named_MT = np.zeros(shape_MTV[:2], np.bool_)
    named_MT[rows, frames] = True
    all_MTVK[~named_MT] = 0.0  # a body that is absent from a frame, not one that was not measured
    scores_MTV = all_MTVK[..., n_coordinates] if numbers.shape[1] > n_coordinates else None
    return CsvClip(all_MTVK[..., :n_coordinates], scores_MTV, ids_M, notes)
