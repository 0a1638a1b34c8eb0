"""Numbered landmarks as CSV, as MediaPipe's users write them: a line a frame, or a line a joint.

In: wide, `frame, L0_x, L0_y, L0_z, L0_visibility, L1_x, ..`, also called x0, x_0, landmark_0_x, x1 .. v33, 0_x, lm0.x;
the smallest number is joint 0. Long, `[frame,] [..,] Landmark, X, Y, [Z,] [Visibility]`, whose landmarks are numbers,
end in one, or are names; without a column of frames a new one begins where a joint comes again. Other columns (class,
image size) are not used, but a file of several classes is a collection of single poses and no clip. Without frame or
time a line is a frame. A long table with reprojection_error is FreeMoCap's: joints in space. Sources: MediaPipe's
guides, and the tutorials whose column names these are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.csv_frames import TIMES, FrameColumn, whole
from pipeline.parse.tools.guesses import guessed, own_layout
from pipeline.parse.tools.poses import NamedBytes, Poses, frames_of
from pipeline.parse.tools.quick_tables import after_lines, numbered_columns, with_gaps
from pipeline.parse.tools.space import spoken, unit_of, up_of
from pipeline.parse.tools.tables import Numbers, delimiter_of, first_row, floats, of_width, rate_of_times, rows_of_text

_WORDS = {"x": 0, "y": 1, "z": 2, "v": 3, "visibility": 3, "vis": 3, "score": 3, "confidence": 3, "presence": 4}
_FIRST = re.compile(r"(x|y|z|v|visibility|score)[_ .]?(\d{1,4})")
_LAST = re.compile(
    r"(?:l|landmark|lm|p|point|pose|joint|kp|keypoint|hand|left_hand|right_hand)?[_ .]?(\d{1,4})[_ .]?([a-z]+)"
)
_NUMBER = re.compile(r"(?:landmark|lm|joint|point|l|p|kp|keypoint)?[ _.-]*(\d{1,4})", re.IGNORECASE)
JOINTS = (
    *("landmark", "landmark_id", "landmark_index", "landmark_idx", "landmark_name", "joint", "joint_id", "jointtype"),
    *("joint_type", "joint_name", "keypoint", "keypoint_id", "keypoint_name", "body_part", "bodypart", "id", "name"),
)
"""What the column of the joint may be called where a line is a joint, the first one found counts."""
_FRAMES = ("frame", "frame_id", "frame_index", "frame_idx", "frame_number", "frame_no", "framenumber", "image")
_BODIES = ("body", "person", "person_id", "id", "track", "track_id")
_CLASSES = ("class", "label", "action", "pose")


class _Line(NamedTuple):
    frame: int
    body: int


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """One file; RefusedError with the line for what is no table of landmarks."""
    (file,) = files
    rows = rows_of_text(file.data, spec.delimiter)
    header = first_row(rows)
    low = [name.casefold() for name in header]
    places = {name: at for at, name in reversed(list(enumerate(low)))}
    if {"x", "y"} <= set(places) and any(name in places for name in JOINTS):
        poses = _long(rows, places, len(low), layout)
    else:
        poses = _of_columns(file.data, rows, places, low, spec, layout)
    return replace(poses, fps=rate_of_times(file.data, low, 1, spec.delimiter))


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
    n_joints, width = 1 + max(v for v, _ in columns), 1 + max(k for _, k in columns)
    order = [columns.get((v, k), -1) for v in range(n_joints) for k in range(width)]
    lines, values_PK = _plain(data, places, order, len(low), spec) or _wide(rows, places, order, len(low), spec)
    return _poses(
        lines, values_PK.reshape(len(lines), n_joints, width), layout, ids="body" in _which(places, _BODIES, "body")
    )


def _columns(low: Sequence[str]) -> dict[tuple[int, int], int]:
    """(joint, coordinate) -> column; joints from 0 on."""
    found: dict[tuple[int, int], int] = {}
    for at, name in enumerate(low):
        first, last = _FIRST.fullmatch(name), _LAST.fullmatch(name)
        word, number = (first[1], first[2]) if first else (last[2], last[1]) if last else ("", "")
        if word in _WORDS and _WORDS[word] < 4:
            found.setdefault((int(number), _WORDS[word]), at)
    if not found or any((v, k) not in found for v in {v for v, _ in found} for k in (0, 1)):
        raise RefusedError("no columns of x and y for each landmark, such as L0_x and L0_y", line=1)
    start = min(v for v, _ in found)
    if len({v for v, _ in found}) != 1 + max(v for v, _ in found) - start:
        raise RefusedError("landmarks whose numbers leave some out", line=1)
    return {(v - start, k): at for (v, k), at in found.items()}


def _which(places: Mapping[str, int], names: Sequence[str], called: str) -> dict[str, int]:
    """The first of some columns under the name that is used here; empty where there is none."""
    return next(({called: places[name]} for name in names if name in places), {})


def _plain(
    data: bytes, places: Mapping[str, int], order: Sequence[int], width: int, spec: SourceSpec
) -> tuple[list[_Line], NDArray[np.float64]] | None:
    """As `_wide`, of a plain table of one body whose frames, if any, are numbers."""
    frame = _which(places, _FRAMES, "frame")
    if any(name in places for name in (*_BODIES, *_CLASSES)) or (not frame and any(name in places for name in TIMES)):
        return None
    start, delimiter = after_lines(data, 1), delimiter_of(data, spec.delimiter)
    quick = numbered_columns(data, start, delimiter, frame.get("frame"), order, width)
    if quick is None:
        return None
    stated, values_NK = quick
    frame_N = np.array(stated, np.int64)
    if frame:
        frame_N, _ = FrameColumn({"frame": 0}, spec.frame_step).settle(frame_N)
    ordered = np.argsort(frame_N, kind="stable")
    return [_Line(at, 0) for at in frame_N[ordered].tolist()], values_NK[ordered]


def _wide(
    rows: Iterator[tuple[int, list[str]]],
    places: Mapping[str, int],
    order: Sequence[int],
    width: int,
    spec: SourceSpec,
) -> tuple[list[_Line], NDArray[np.float64]]:
    """Each line's frame and body, and its numbers in `order`; nan for columns that are not there (-1)."""
    column = _frame_column(places, spec)
    at_body = _which(places, _BODIES, "body").get("body")
    at_class = _which(places, _CLASSES, "class").get("class")
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
        bodies.append(row[at_body] if at_body is not None else "0")
        numbers.add(pick(row), line)
    if not frames:
        raise RefusedError("no line but the first", line=1)
    if len(classes) > 1 and column is None:
        raise RefusedError(f"single poses of {len(classes)} classes, not the frames of a clip")
    values_NK = with_gaps(numbers.rows(sum(at >= 0 for at in order)), order)
    frame_N = np.array(frames, np.int64)
    if column is not None:
        frame_N, _ = column.settle(frame_N)
    ids = _ids(bodies)
    ordered = np.argsort(frame_N, kind="stable").tolist()
    return [_Line(int(frame_N[at]), ids[at]) for at in ordered], values_NK[ordered]


def _ids(texts: Sequence[str]) -> list[int]:
    """Each body's number where all have one, or else the place of its name among the names."""
    try:
        return [whole("body", text, 2**63) for text in texts]
    except RefusedError:
        places = {text: at for at, text in enumerate(dict.fromkeys(texts))}
        return [places[text] for text in texts]


def _frame_column(places: Mapping[str, int], spec: SourceSpec) -> FrameColumn | None:
    own = _which(places, _FRAMES, "frame") or {name: places[name] for name in TIMES if name in places}
    return FrameColumn(own, spec.frame_step) if own else None


def _long(rows: Iterator[tuple[int, list[str]]], places: Mapping[str, int], width: int, layout: Layout | None) -> Poses:
    at_joint = next(places[name] for name in JOINTS if name in places)
    at_frame = _which(places, _FRAMES, "frame").get("frame")
    own = [(k, places[word]) for word, k in _WORDS.items() if word in places and k < 4]
    names: dict[str, int] = {}
    frames: list[dict[int, list[float]]] = []
    stated: list[int] = []
    for line, fields in rows:
        row = of_width(fields, width, line)
        joint = _joint(row[at_joint], names, is_first=not frames)
        if joint is None:
            raise RefusedError(f"{row[at_joint][:40]!r} is not the number of a landmark", line=line)
        try:
            number = whole("frame", row[at_frame], 2**31) if at_frame is not None else len(stated)
        except RefusedError as why:
            raise RefusedError(why.reason, line=line) from None
        if not frames or (joint in frames[-1] if at_frame is None else number != stated[-1]):
            frames.append({})
            stated.append(number)
        if joint in frames[-1]:
            raise RefusedError(f"landmark {joint} of frame {number} is given twice", line=line)
        frames[-1][joint] = floats([row[at] for _, at in own], line)
    if not frames:
        raise RefusedError("no line but the first", line=1)
    start = min(min(frame) for frame in frames)
    n_joints = 1 + max(max(frame) for frame in frames) - start
    if len(frames) * n_joints > 4 * sum(map(len, frames)) + 2**20:
        raise RefusedError(f"landmarks of numbers up to {start + n_joints - 1}, most of them never given")
    values_PVK = np.full((len(frames), n_joints, 1 + max(k for k, _ in own)), np.nan)
    for at, frame in enumerate(frames):
        for joint, values in frame.items():
            values_PVK[at, joint - start, [k for k, _ in own]] = values
    ordered = sorted(range(len(stated)), key=stated.__getitem__)
    poses = _poses([_Line(stated[at], 0) for at in ordered], values_PVK[ordered], layout, tuple(names), ids=False)
    return _in_space(poses) if "reprojection_error" in places else poses


def _in_space(poses: Poses) -> Poses:
    """The joints as FreeMoCap has triangulated them, whatever they are called."""
    joints = poses.layout.joints
    (unit_m, by_size), (up, by_head) = unit_of(poses.places_PVC, joints), up_of(poses.places_PVC, joints)
    return replace(
        poses,
        layout=own_layout("own", joints, image=False),
        unit_m=unit_m,
        up=up,
        notes=(*poses.notes, *by_size, *by_head),
    )


def _joint(text: str, names: dict[str, int], *, is_first: bool) -> int | None:
    """The number of a line's joint; where the first line has a name, joints are numbered as their names appear."""
    match = _NUMBER.fullmatch(text)
    if match is None and text and (names or is_first):
        return names.setdefault(spoken(text), len(names))
    return int(match[1]) if match is not None and not names else None


def _poses(
    lines: Sequence[_Line],
    values_PVK: NDArray[np.float64],
    layout: Layout | None,
    joints: Sequence[str] = (),
    *,
    ids: bool,
) -> Poses:
    frames, n_frames, notes = frames_of([line.frame for line in lines])
    space = values_PVK.shape[2] >= 3 and bool(np.isfinite(values_PVK[..., 2]).any())
    facts = guessed(values_PVK[..., : 3 if space else 2], layout, joints)
    return Poses(
        n_frames=n_frames,
        frame_P=np.array(frames, np.int32),
        places_PVC=values_PVK[..., : 3 if space else 2],
        scores_PV=values_PVK[..., 3] if values_PVK.shape[2] == 4 else None,
        id_P=np.array([line.body for line in lines], np.int64) if ids else None,
        notes=notes,
        **facts,
    )
