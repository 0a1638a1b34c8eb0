"""Tables with a column for each coordinate of named joints: FreeMoCap, Nuitrack and RealSense, Azure Kinect as CSV.

In: one line of names, `[frame,] nose_x, nose_y, nose_z, ..` (also x_nose, noseX, J1_x or joint1X); or two, joints over
`x, y, z` (Nuitrack through ROS: `joint_head` three times, with empty columns and an empty line between; Kinect-2-CSV:
each name once). `Hips_position_x` (Rokoko, Unity) and `head_real_x` (Nuitrack) are places; rotations, speeds and, where
there are places, points of an image are not read. Columns of score, visibility, confidence or likelihood are
confidences, of joints that have them; other columns are not used. Without a column of frames the column of times says
which frame a line is (`csv_frames`); without either a line is a frame. Units
and the axis that points up are guessed where geometry tells (`space`), and so are MediaPipe's joints in an image
(`guesses`). Sources: FreeMoCap's docs on its output data, Nuitrack's JointType, Rokoko's "CSV Export - Technical
Information", Kinect-2-CSV's KinectCSVManager.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS, words_of
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.csv_frames import frames_at
from pipeline.parse.sources.times import unit_in
from pipeline.parse.tools.guesses import is_mediapipe, own_layout
from pipeline.parse.tools.landmark_lines import BODIES, ids_of
from pipeline.parse.tools.poses import NamedBytes, Poses, frames_of
from pipeline.parse.tools.quick_tables import after_lines, numbered_columns
from pipeline.parse.tools.space import joint_names, of_animators, spoken, unit_of, up_of
from pipeline.parse.tools.tables import (
    Numbers,
    check_given_once,
    delimiter_of,
    first_row,
    floats,
    rate_of_times,
    rows_of_text,
    texts_of,
)

_KINDS = "x|y|z|score|visibility|confidence|conf|likelihood"
_BEHIND = re.compile(rf"(.+?)[ _.:/]({_KINDS})", re.IGNORECASE)
_AT_ONCE = re.compile(r"(.*[a-z0-9])([XYZ])")
_BEFORE = re.compile(rf"({_KINDS})[ _.:](.*[a-z].*)", re.IGNORECASE)
_PLACED = ("position", "pos", "location", "translation", "real", "world", "camera")
_PICTURED = ("proj", "depth", "color", "colour", "pixel", "image", "screen")
_TURNED = (
    *("rotation", "rot", "orientation", "quaternion", "quat", "euler", "angle", "velocity", "vel", "speed"),
    *("acceleration", "acc", "angular velocity", "angular acceleration"),
)
_KIND_OF = {
    **dict.fromkeys(_PLACED, ""),
    **dict.fromkeys(_PICTURED, "image"),
    **dict.fromkeys(_TURNED, "turn"),
}
"""What a word behind a joint's name says of its x, y and z: a place like those without a word, a point, no place."""
_REMEMBERED = 4096
"""Names of columns that are remembered: ten thousand clips of one tool have the same."""
_PIECE = re.compile(r"(pose|left hand|right hand) (\d{1,2})")
_STARTS = {"pose": 0, "left hand": 33, "right hand": 54}
HOLISTIC75 = KNOWN_LAYOUTS["holistic75"]
_BODIES = tuple(name for name in BODIES if name not in ("hand", "id", "skeleton"))
_FRAMES = ("frame", "frame_id", "frame_index", "frame_number", "seq")


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """One file; RefusedError with the line for anything else."""
    (file,) = files
    rows = rows_of_text(file.data, spec.delimiter)
    header, n_heads = first_row(rows), 1
    if sum(column_of(name) is not None for name in header) < 4:
        n_heads, second = next(rows, (2, []))
        header = joined(header, second)
    joints = _joints(header)
    axes = ("x", "y", "z") if all("z" in own for own in joints.values()) else ("x", "y")
    scored = all("score" in own for own in joints.values())
    order = [own[axis] for own in joints.values() for axis in (*axes, *(["score"] if scored else []))]
    check_given_once(header, order)
    at_frame = next((at for at, name in enumerate(header) if name.split(" ")[-1].casefold() in _FRAMES), None)
    start, delimiter = after_lines(file.data, n_heads), delimiter_of(file.data, spec.delimiter)
    quick = numbered_columns(file.data, start, delimiter, at_frame, order)
    stated, numbers = quick if quick is not None else _numbers(rows, header, at_frame, order)
    bodies = _ids(file.data, header, n_heads, delimiter, len(numbers))
    by_time = None if at_frame is not None else _by_time(file.data, header, n_heads, delimiter, bodies)
    stated, timed = by_time or (stated, ())
    ordered = np.argsort(stated, kind="stable")
    frames, n_frames, notes = frames_of([stated[at] for at in ordered])
    values_PVK = numbers[ordered].reshape(len(numbers), len(joints), -1)
    fps, told = rate_of_times(file.data, header, n_heads, spec.delimiter)
    places_PVC = values_PVK[..., : len(axes)]
    image = len(axes) == 2 or is_mediapipe(places_PVC, tuple(joints))
    facts, said = ((1.0, "y"), ()) if image else _facts(places_PVC, tuple(joints))
    return Poses(
        layout=own_layout("named", tuple(joints), image=image),
        named=True,
        n_frames=n_frames,
        frame_P=np.array(frames, np.int32),
        places_PVC=places_PVC,
        scores_PV=values_PVK[..., -1] if scored else None,
        id_P=np.array(bodies, np.int64)[ordered],
        pixels=float(np.abs(places_PVC).max(initial=0, where=np.isfinite(places_PVC))) > 2,
        unit_m=facts[0],
        up=facts[1],
        fps=fps,
        notes=(*notes, *timed, *said, *told),
    )


def _ids(data: bytes, header: Sequence[str], n_heads: int, delimiter: str, n_rows: int) -> list[int]:
    """The body of each row, where a column says it."""
    at = next((at for at, name in enumerate(header) if name.casefold() in _BODIES), None)
    texts = [] if at is None else texts_of(data, n_heads, delimiter, at)
    return ids_of(texts) if len(texts) == n_rows else [0] * n_rows


def _by_time(
    data: bytes, header: Sequence[str], n_heads: int, delimiter: str, bodies: Sequence[int]
) -> tuple[list[int], tuple[str, ...]] | None:
    """The frame of each row by its time stamp, and notes; None without stamps that tell the rows of a body apart."""
    at = next((at for at, name in enumerate(header) if unit_in(name) is not None), None)
    texts = [] if at is None else texts_of(data, n_heads, delimiter, at)
    found = frames_at(header[at], texts, bodies) if at is not None and len(texts) == len(bodies) else None
    if found is None or len(set(zip(found[0], bodies, strict=True))) < len(bodies):
        return None
    return found


def _joints(header: Sequence[str]) -> dict[str, dict[str, int]]:
    """Joint -> coordinate or `score` -> column, of joints that have x and y; points of an image where there are no
    places."""
    kinds: dict[str, dict[str, dict[str, int]]] = {"": {}, "image": {}, "turn": {}}
    for at, name in enumerate(header):
        told = _told(name)
        if told is not None:
            joint, kind, coordinate = told
            kinds[kind].setdefault(joint, {}).setdefault(coordinate, at)
    for joints in (kinds[""], kinds["image"]):
        found = {name: own for name, own in joints.items() if {"x", "y"} <= set(own)}
        if of_animators(tuple(found)):  # Rokoko, ARKit
            return dict(zip(joint_names(tuple(found)), found.values(), strict=True))
        if found:
            return found
    raise RefusedError("no columns of joints' names that end in _x and _y", line=1)


@lru_cache(maxsize=_REMEMBERED)
def _told(name: str) -> tuple[str, str, str] | None:
    """Joint, what its x, y and z are, and which of them a column has; None for another column."""
    column = column_of(name)
    if column is None:
        return None
    words, kind = _told_apart(words_of(column[0]))
    return _name(words), kind, column[1]


def _told_apart(words: str) -> tuple[str, str]:
    """A joint, and what its x, y and z are: `hips position` is the place of the hips."""
    for word, kind in _KIND_OF.items():
        if words.endswith(f" {word}"):
            return _told_apart(words.removesuffix(f" {word}"))[0], kind
    return words, ""


def _numbers(
    rows: Iterator[tuple[int, list[str]]], header: Sequence[str], at_frame: int | None, order: Sequence[int]
) -> tuple[list[int], NDArray[np.float64]]:
    """The number of each frame, and the numbers of its joints."""
    stated: list[int] = []
    numbers, pick, most = Numbers(), itemgetter(*order), max(order)
    for line, row in rows:
        if len(row) <= most:
            raise RefusedError(f"{len(row)} fields, expected {len(header)}", line=line)
        number = floats([row[at_frame]], line)[0] if at_frame is not None else float(len(stated))
        if not abs(number) < 2**31 or number % 1:
            raise RefusedError(f"frame {row[at_frame or 0][:40]!r} is not a whole number", line=line)
        stated.append(int(number))
        numbers.add(pick(row), line)
    if not stated:
        raise RefusedError("no line but the first", line=1)
    return stated, numbers.rows(len(order))


def joined(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Names of joints over names of coordinates as one line; a name may stand over the first of its three only."""
    names, told = [], ""
    for at, axis in enumerate(second):
        own = first[at] if at < len(first) else ""
        told = own or (told if axis.lower() in ("y", "z") else "")
        names.append(f"{told} {axis}" if told and axis else told or axis)
    return [*names, *first[len(second) :]]


@lru_cache(maxsize=_REMEMBERED)
def column_of(name: str) -> tuple[str, str] | None:
    """Joint, and coordinate or `score`, of a column: nose_x, x_nose, SpineBaseX; None for another column."""
    behind = _BEHIND.fullmatch(name) or _AT_ONCE.fullmatch(name)
    before = None if behind else _BEFORE.fullmatch(name)
    if not behind and not before:
        return None
    joint, kind = (behind[1], behind[2]) if behind else (before[2], before[1]) if before else ("", "")
    return joint, kind.lower() if kind.lower() in "xyz" else "score"


def _name(text: str) -> str:
    """The joint's name in words; numbered landmarks of MediaPipe's holistic solution have its names."""
    word = spoken(text)
    piece = _PIECE.fullmatch(word)
    at = _STARTS[piece[1]] + int(piece[2]) if piece else HOLISTIC75.n_joints
    return HOLISTIC75.joints[at] if at < HOLISTIC75.n_joints else word


def _facts(places_PVC: NDArray[np.float64], joints: Sequence[str]) -> tuple[tuple[float, str], tuple[str, ...]]:
    """Unit and axis, and notes on them."""
    unit_m, said = unit_of(places_PVC, joints)
    up, turned = up_of(places_PVC, joints)
    return (unit_m, up), (*said, *turned)
