"""A line a joint: the long tables of landmarks, and what they share with the wide ones of `landmark_csv`.

In: the columns of a table by name, and its rows. Out: `Poses`. Columns of plain tables are converted at once
(`quick_tables`); what is unusual is read line by line, which also says which line is wrong.

Axes: N lines, P bodies in frames, V joints, K numbers of a joint.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.csv_frames import FrameColumn, whole
from pipeline.parse.sources.times import unit_in
from pipeline.parse.tools.guesses import guessed, own_layout
from pipeline.parse.tools.poses import Poses, frames_of
from pipeline.parse.tools.quick_tables import Coded, after_lines, coded_column, quick_columns
from pipeline.parse.tools.space import spoken, unit_of, up_of
from pipeline.parse.tools.tables import Numbers, delimiter_of, of_width

WORDS = {"x": 0, "y": 1, "z": 2, "v": 3, "visibility": 3, "vis": 3, "score": 3, "confidence": 3, "presence": 4}
JOINTS = (
    *("landmark", "landmark_id", "landmark_index", "landmark_idx", "landmark_name", "joint", "joint_id", "jointtype"),
    *("joint_type", "joint_name", "keypoint", "keypoint_id", "keypoint_name", "body_part", "bodypart", "id", "name"),
)
"""What the column of the joint may be called where a line is a joint, the first one found counts."""
FRAMES = ("frame", "frame_id", "frame_index", "frame_idx", "frame_number", "frame_no", "framenumber", "image")
BODIES = (
    *("body", "body_id", "bodyid", "person", "person_id", "personid", "tracking_id", "trackingid", "track", "track_id"),
    *("skeleton", "skeleton_id", "hand", "handedness", "id"),
)
_NUMBER = re.compile(r"(?:landmark|lm|joint|point|l|p|kp|keypoint)?[ _.-]*(\d{1,4})", re.IGNORECASE)


def read_long(
    data: bytes,
    rows: Iterator[tuple[int, list[str]]],
    places: Mapping[str, int],
    width: int,
    spec: SourceSpec,
    layout: Layout | None,
) -> Poses:
    """The poses of a table with a line a joint; RefusedError with the line for what is none."""
    joint = next(name for name in JOINTS if name in places)
    frame, body = frame_of(places), next((name for name in BODIES if name in places and name != joint), None)
    found = [(k, places[word]) for word, k in WORDS.items() if word in places and k < 4]
    kinds, own = [k for k, _ in found], [at for _, at in found]
    told = [None if name is None else places[name] for name in (joint, frame, body)]
    quick = _at_once(data, told, own, width, spec)
    if quick is not None:
        with suppress(RefusedError):  # which line it is, is told line by line
            return _clip(quick, frame, kinds, places, layout)
    return _clip(_one_by_one(rows, told, own, width), frame, kinds, places, layout)


def frame_of(places: Mapping[str, int]) -> str | None:
    """The column that tells a line's frame: its number, or else a time."""
    found = next((name for name in FRAMES if name in places), None)
    return found or next((name for name in places if unit_in(name) is not None), None)


def frame_column(name: str, at: int, spec: SourceSpec) -> FrameColumn:
    """The column of that name as `FrameColumn` reads it."""
    return FrameColumn({"frame" if name in FRAMES else name: at}, spec.frame_step)


def ids_of(texts: Sequence[str]) -> list[int]:
    """Each body's number where all have one, or else the place of its name among the names."""
    try:
        return [whole("body", text, 2**63) for text in texts]
    except RefusedError:
        places = {text: at for at, text in enumerate(dict.fromkeys(texts))}
        return [places[text] for text in texts]


class _Lines(NamedTuple):
    """What the lines have: texts of joint, frame and body, the numbers, and where each stands in the file."""

    joints: Coded
    frames: Coded | None
    bodies: Coded | None
    values_NK: NDArray[np.float64]
    lines: Sequence[int]


def _at_once(
    data: bytes, told: Sequence[int | None], own: Sequence[int], width: int, spec: SourceSpec
) -> _Lines | None:
    start, delimiter = after_lines(data, 1), delimiter_of(data, spec.delimiter)
    values_NK = quick_columns(data, start, delimiter, own, width)
    if values_NK is None:
        return None
    joints, frames, bodies = (None if at is None else coded_column(data, start, delimiter, at) for at in told)
    if joints is None or (frames is None) != (told[1] is None) or (bodies is None) != (told[2] is None):
        return None
    return _Lines(joints, frames, bodies, values_NK, range(len(values_NK)))


def _one_by_one(
    rows: Iterator[tuple[int, list[str]]], told: Sequence[int | None], own: Sequence[int], width: int
) -> _Lines:
    texts: list[list[str]] = [[], [], []]
    numbers, lines, pick = Numbers(), [], itemgetter(*own)
    for line, fields in rows:
        row = of_width(fields, width, line)
        for column, at in zip(texts, told, strict=True):
            if at is not None:
                column.append(row[at])
        numbers.add(pick(row), line)
        lines.append(line)
    joints, frames, bodies = (Coded.of(column) for column in texts)
    has_frames, has_bodies = (at is not None for at in told[1:])
    return _Lines(joints, frames if has_frames else None, bodies if has_bodies else None, numbers.rows(len(own)), lines)


def _clip(
    lines: _Lines, frame: str | None, kinds: Sequence[int], places: Mapping[str, int], layout: Layout | None
) -> Poses:
    if not len(lines.lines):
        raise RefusedError("no line but the first", line=1)
    names: dict[str, int] = {}
    joint_N = _each(lines.joints, lines.lines, _joints_of(lines.joints.different[0], names))
    body_N = np.zeros(len(joint_N), np.int64)
    if lines.bodies is not None:
        body_N = np.array(ids_of(lines.bodies.different), np.int64)[lines.bodies.code_N]
    frame_N = _frames_of(lines, frame, joint_N, body_N)
    start = int(joint_N.min())
    n_joints = 1 + int(joint_N.max()) - start
    seen_P2, row_N = np.unique(np.column_stack([frame_N, body_N]), axis=0, return_inverse=True)
    row_N = row_N.reshape(-1)
    if len(seen_P2) * n_joints > 4 * len(joint_N) + 2**20:
        raise RefusedError(f"landmarks of numbers up to {start + n_joints - 1}, most of them never given")
    cell_N = row_N * n_joints + joint_N - start
    _, first_N = np.unique(cell_N, return_index=True)
    if len(first_N) < len(cell_N):
        at = min(set(range(len(cell_N))) - set(first_N.tolist()))
        told = f"landmark {lines.joints.at(at)} of frame {lines.frames.at(at) if lines.frames else frame_N[at]}"
        raise RefusedError(f"{told} is given twice", line=lines.lines[at])
    values_PVK = np.full((len(seen_P2), n_joints, 1 + max(kinds)), np.nan)
    values_PVK[row_N[:, None], (joint_N - start)[:, None], np.array(kinds)] = lines.values_NK
    ids_P = seen_P2[:, 1] if lines.bodies is not None else None
    poses = poses_of(seen_P2[:, 0].tolist(), values_PVK, layout, tuple(names), ids_P)
    return _in_space(poses) if "reprojection_error" in places else poses


def _each(texts: Coded, lines: Sequence[int], number: "Joints | FrameColumn") -> NDArray[np.int64]:
    """The number of each line's text; the same texts are asked for once."""
    numbers = []
    for code, text in enumerate(texts.different):
        try:
            numbers.append(number.number([text]))
        except RefusedError as why:
            raise RefusedError(why.reason, line=lines[int(np.argmax(texts.code_N == code))]) from None
    return np.array(numbers, np.int64)[texts.code_N]


class Joints:
    """Numbers of joints: those in their texts, or the order in which their names appear."""

    def __init__(self, names: dict[str, int], is_named: bool) -> None:
        """`names` is filled as they appear."""
        self._names, self._is_named = names, is_named

    def number(self, row: Sequence[str]) -> int:
        """The number of the joint that the only field of a row says; RefusedError where it says none."""
        (text,) = row
        match = _NUMBER.fullmatch(text)
        if self._is_named and match is None and text:
            return self._names.setdefault(spoken(text), len(self._names))
        if self._is_named or match is None:
            raise RefusedError(f"{text[:40]!r} is not the number of a landmark")
        return int(match[1])


def _joints_of(first: str, names: dict[str, int]) -> Joints:
    return Joints(names, bool(first) and _NUMBER.fullmatch(first) is None)


def _frames_of(
    lines: _Lines, name: str | None, joint_N: NDArray[np.int64], body_N: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The frame of each line: its number, that of its time, or the next one where a joint of a body comes again."""
    if name is not None and lines.frames is not None:
        column = frame_column(name, 0, SourceSpec())
        numbers_N = _each(lines.frames, lines.lines, column)
        return numbers_N if name in FRAMES else column.settle(numbers_N)[0]
    frame, found = 0, []
    seen: set[tuple[int, int]] = set()
    for own in zip(body_N.tolist(), joint_N.tolist(), strict=True):
        if own in seen:
            frame += 1
            seen.clear()
        seen.add(own)
        found.append(frame)
    return np.array(found, np.int64)


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


def poses_of(
    stated: Sequence[int],
    values_PVK: NDArray[np.float64],
    layout: Layout | None,
    joints: Sequence[str],
    ids_P: NDArray[np.int64] | None,
) -> Poses:
    """Poses of numbers x, y, [z, [confidence]] a joint; frames ascend as they are stated."""
    frames, n_frames, notes = frames_of(stated)
    space = values_PVK.shape[2] >= 3 and bool(np.isfinite(values_PVK[..., 2]).any())
    places_PVC = values_PVK[..., : 3 if space else 2]
    return Poses(
        n_frames=n_frames,
        frame_P=np.array(frames, np.int32),
        places_PVC=places_PVC,
        scores_PV=values_PVK[..., 3] if values_PVK.shape[2] == 4 else None,
        id_P=ids_P,
        notes=notes,
        **guessed(places_PVC, layout, joints),
    )
