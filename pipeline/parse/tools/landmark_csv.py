"""Numbered landmarks as CSV, as MediaPipe's users write them: a line a frame, or a line a joint.

In: wide, `frame, L0_x, L0_y, L0_z, L0_visibility, L1_x, ..`, also called x0, x_0, landmark_0_x, x1 .. v33, 0_x, lm0.x;
the smallest number is joint 0. Long, `[frame,] [..,] Landmark, X, Y, [Z,] [Visibility]`, whose landmarks are numbers,
end in one, or are names; without a column of frames or times a new frame begins where a joint comes again. Either may
have a column of bodies, which may be called hand. Other columns (class, image size) are not used, but a file of several
classes is a collection of single poses and no clip. Without frame or time a line is a frame. A long table with
reprojection_error is FreeMoCap's: joints in space; one with `jointType, position.X, ..` is a Kinect's. Sources:
MediaPipe's guides, the tutorials whose column names these are, and DumpKinectSkeleton.

Axes: N lines, P bodies in frames, V joints, K numbers of a joint.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import is_mediapipe
from pipeline.parse.tools.landmark_lines import (
    BODIES,
    FRAMES,
    JOINTS,
    WORDS,
    frame_column,
    frame_of,
    ids_of,
    poses_of,
    read_long,
)
from pipeline.parse.tools.poses import NamedBytes, Poses
from pipeline.parse.tools.quick_tables import after_lines, numbered_columns, text_column, with_gaps
from pipeline.parse.tools.tables import (
    Numbers,
    check_given_once,
    delimiter_of,
    first_row,
    of_width,
    rate_of_times,
    rows_of_text,
)

NOTE_SOME = "numbers_taken_for_mediapipes"
_FIRST = re.compile(r"(x|y|z|v|visibility|score)[_ .]?(\d{1,4})")
_LAST = re.compile(
    r"(?:l|landmark|lm|p|point|pose|j|joint|node|kp|kpt|keypoint|(?:left_|right_)?hand)?[_ .]?(\d{1,4})[_ .]?([a-z]+)"
)
_CLASSES = ("class", "label", "action", "pose")
_PLACED = re.compile(r"(?:position|pos|location|camera|real|world)[ _.]?([xyz])")


def words_of(header: Sequence[str]) -> list[str]:
    """The columns' names in small letters; `position.X` is x where no other column is."""
    low = [name.lstrip("# ").casefold() for name in header]
    if "x" in low:
        return low
    return [match[1] if (match := _PLACED.fullmatch(name)) else name for name in low]


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """One file; RefusedError with the line for what is no table of landmarks."""
    (file,) = files
    rows = rows_of_text(file.data, spec.delimiter)
    header = first_row(rows)
    low = words_of(header)
    places = {name: at for at, name in reversed(list(enumerate(low)))}
    if {"x", "y"} <= set(places) and any(name in places for name in JOINTS):
        poses = read_long(file.data, rows, places, len(low), spec, layout)
    else:
        poses = _of_columns(file.data, rows, places, low, spec, layout)
    fps, told = rate_of_times(file.data, header, 1, spec.delimiter)
    return replace(poses, fps=fps, notes=(*poses.notes, *told))


def _of_columns(
    data: bytes,
    rows: Iterator[tuple[int, list[str]]],
    places: Mapping[str, int],
    low: Sequence[str],
    spec: SourceSpec,
    layout: Layout | None,
) -> Poses:
    """The poses of a table with a line a frame."""
    columns = _columns(low)
    joints, width = sorted({v for v, _ in columns}), 1 + max(k for _, k in columns)
    order = [columns.get((v, k), -1) for v in joints for k in range(width)]
    check_given_once(low, order)
    frame_N, bodies, values_NK = _plain(data, places, order, len(low), spec) or _wide(
        rows, places, order, len(low), spec
    )
    ordered = np.argsort(frame_N, kind="stable")
    values_PVK = values_NK[ordered].reshape(len(frame_N), len(joints), width)
    ids_P = np.array(ids_of(bodies), np.int64)[ordered] if _body(places) is not None else None
    names, notes = _names_of(joints, values_PVK)
    poses = poses_of(frame_N[ordered].tolist(), values_PVK, layout, names, ids_P)
    return replace(poses, notes=(*poses.notes, *notes))


def _columns(low: Sequence[str]) -> dict[tuple[int, int], int]:
    """(joint's number, coordinate) -> column."""
    found: dict[tuple[int, int], int] = {}
    for at, name in enumerate(low):
        first, last = _FIRST.fullmatch(name), _LAST.fullmatch(name)
        word, number = (first[1], first[2]) if first else (last[2], last[1]) if last else ("", "")
        if word in WORDS and WORDS[word] < 4:
            found.setdefault((int(number), WORDS[word]), at)
    if not found or any((v, k) not in found for v in {v for v, _ in found} for k in (0, 1)):
        raise RefusedError("no columns of x and y for each landmark, such as L0_x and L0_y", line=1)
    return found


def _names_of(joints: Sequence[int], values_PVK: NDArray[np.float64]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of joints whose numbers leave some out, and a note; none where they are all there from 0 or 1 on.

    With x, y and z in an image they are MediaPipe's.
    """
    if joints[0] <= 1 and joints[-1] - joints[0] < len(joints):
        return (), ()
    names = KNOWN_LAYOUTS["blazepose33"].joints
    if joints[-1] < len(names):
        chosen = tuple(names[v] for v in joints)
        if is_mediapipe(values_PVK[..., :3], chosen):
            return chosen, (NOTE_SOME,)
    return tuple(f"joint {v}" for v in joints), ()


def _plain(
    data: bytes, places: Mapping[str, int], order: Sequence[int], width: int, spec: SourceSpec
) -> tuple[NDArray[np.int64], list[str], NDArray[np.float64]] | None:
    """As `_wide`, of a plain table, all lines at once; None as well where one of them is wrong."""
    name, start, delimiter = frame_of(places), after_lines(data, 1), delimiter_of(data, spec.delimiter)
    at_frame = places[name] if name in FRAMES else None
    quick = numbered_columns(data, start, delimiter, at_frame, order, width)
    if quick is None:
        return None
    told = [name if name not in FRAMES else None, _body(places), next((n for n in _CLASSES if n in places), None)]
    columns = [text_column(data, start, delimiter, places[one]) if one is not None else [] for one in told]
    times, bodies, classes = columns
    if times is None or bodies is None or classes is None or (name is None and len(set(classes)) > 1):
        return None
    stated, values_NK = quick
    if name is None:
        return np.array(stated, np.int64), bodies, values_NK
    column = frame_column(name, 0, spec)
    try:
        numbers = stated if name in FRAMES else [column.number([text]) for text in times]
        return column.settle(np.array(numbers, np.int64))[0], bodies, values_NK
    except RefusedError:
        return None


def _body(places: Mapping[str, int]) -> str | None:
    """The column that tells a line's body."""
    return next((name for name in BODIES if name in places), None)


def _wide(
    rows: Iterator[tuple[int, list[str]]],
    places: Mapping[str, int],
    order: Sequence[int],
    width: int,
    spec: SourceSpec,
) -> tuple[NDArray[np.int64], list[str], NDArray[np.float64]]:
    """Each line's frame and body, and its numbers in `order`; nan for columns that are not there (-1)."""
    name = frame_of(places)
    column = None if name is None else frame_column(name, places[name], spec)
    body = _body(places)
    at_body = places[body] if body is not None else None
    at_class = next((places[name] for name in _CLASSES if name in places), None)
    frames: list[int] = []
    bodies: list[str] = []
    numbers, pick = Numbers(), itemgetter(*(at for at in order if at >= 0))
    classes: set[str] = set()
    for line, fields in rows:
        row = of_width(fields, width, line)
        if at_class is not None:
            classes.add(row[at_class])
        try:
            frames.append(column.number(row) if column is not None else len(frames))
        except RefusedError as why:
            raise RefusedError(why.reason, line=line) from None
        bodies += [row[at_body]] if at_body is not None else []
        numbers.add(pick(row), line)
    if not frames:
        raise RefusedError("no line but the first", line=1)
    if len(classes) > 1 and column is None:
        raise RefusedError(f"single poses of {len(classes)} classes, not the frames of a clip")
    values_NK = with_gaps(numbers.rows(sum(at >= 0 for at in order)), order)
    frame_N = np.array(frames, np.int64)
    return frame_N if column is None else column.settle(frame_N)[0], bodies, values_NK
