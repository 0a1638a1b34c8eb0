"""Tables with a column for each coordinate of named joints: FreeMoCap, Nuitrack and RealSense, Azure Kinect as CSV.

In: one line of names, `[frame,] nose_x, nose_y, nose_z, ..`; or two, joints over `x, y, z` (Nuitrack through ROS:
`joint_head` three times, with empty columns and an empty line between). Columns that end in score, visibility,
confidence or likelihood are confidences, of joints that have them; other columns are not used. Without a column of
frames a line is a frame. Units and the axis that points up are guessed where geometry tells (`space`). Sources:
FreeMoCap's docs on its output data, Nuitrack's JointType.
"""

import re
from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import plain
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import own_layout
from pipeline.parse.tools.poses import NamedBytes, Poses, frames_of
from pipeline.parse.tools.space import unit_of, up_of
from pipeline.parse.tools.tables import Numbers, first_row, floats, rows_of_text

_COLUMN = re.compile(r"(.+?)[ _.:](x|y|z|score|visibility|confidence|likelihood)", re.IGNORECASE)
_FRAMES = ("frame", "frame_id", "frame_index", "frame_number", "seq")


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """One file; RefusedError with the line for anything else."""
    (file,) = files
    rows = rows_of_text(file.data, spec.delimiter)
    header = first_row(rows)
    if sum(_COLUMN.fullmatch(name) is not None for name in header) < 4:
        header = _joined(header, next(rows, (2, []))[1])
    joints = _joints(header)
    axes = ("x", "y", "z") if all("z" in own for own in joints.values()) else ("x", "y")
    scored = all("score" in own for own in joints.values())
    order = [own[axis] for own in joints.values() for axis in (*axes, *(["score"] if scored else []))]
    stated, numbers = _numbers(rows, header, order)
    ordered = np.argsort(stated, kind="stable")
    frames, n_frames, notes = frames_of([stated[at] for at in ordered])
    values_PVK = numbers[ordered].reshape(len(numbers), len(joints), -1)
    places_PVC = values_PVK[..., : len(axes)]
    facts, said = _facts(places_PVC, tuple(joints))
    return Poses(
        layout=own_layout("named", tuple(joints), image=len(axes) == 2),
        named=True,
        n_frames=n_frames,
        frame_P=np.array(frames, np.int32),
        places_PVC=places_PVC,
        scores_PV=values_PVK[..., -1] if scored else None,
        id_P=np.zeros(len(frames), np.int64),
        pixels=float(np.abs(places_PVC).max(initial=0, where=np.isfinite(places_PVC))) > 2,
        unit_m=facts[0],
        up=facts[1],
        notes=(*notes, *said),
    )


def _joints(header: Sequence[str]) -> dict[str, dict[str, int]]:
    """Joint -> coordinate or `score` -> column, of joints that have x and y."""
    joints: dict[str, dict[str, int]] = {}
    for at, name in enumerate(header):
        match = _COLUMN.fullmatch(name)
        if match:
            kind = match[2].lower()
            joints.setdefault(_name(match[1]), {}).setdefault(kind if kind in "xyz" else "score", at)
    joints = {name: own for name, own in joints.items() if {"x", "y"} <= set(own)}
    if not joints:
        raise RefusedError("no columns of joints' names that end in _x and _y", line=1)
    return joints


def _numbers(
    rows: Iterator[tuple[int, list[str]]], header: Sequence[str], order: Sequence[int]
) -> tuple[list[int], NDArray[np.float64]]:
    """The number of each frame, and the numbers of its joints."""
    at_frame = next((at for at, name in enumerate(header) if name.split(" ")[-1].casefold() in _FRAMES), None)
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


def _joined(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Names of joints over names of coordinates as one line."""
    return [f"{one} {second[at]}" if at < len(second) and second[at] else one for at, one in enumerate(first)]


def _name(text: str) -> str:
    return plain(text).removeprefix("joint ")


def _facts(places_PVC: NDArray[np.float64], joints: Sequence[str]) -> tuple[tuple[float, str], tuple[str, ...]]:
    """Unit and axis, and notes on them."""
    if places_PVC.shape[2] == 2:
        return (1.0, "y"), ()
    unit_m, said = unit_of(places_PVC, joints)
    up, turned = up_of(places_PVC, joints)
    return (unit_m, up), (*said, *turned)
