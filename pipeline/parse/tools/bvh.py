"""BVH motion capture: a skeleton of offsets, and angles of its joints a frame -> places of the joints.

In: `HIERARCHY`, `ROOT name { OFFSET x y z  CHANNELS n names  JOINT .. End Site { OFFSET } }`, `MOTION`, `Frames: n`,
`Frame Time: s` and a line a frame. Source: M. Meredith and S. Maddock, "Motion Capture File Formats Explained"
(Sheffield, 2001). Rotations are in degrees and apply in the order in which the channels are listed, each about the axes
of the joint as the ones before have turned it; a position channel replaces the offset's coordinate, as motion capture
programs write it, but for a joint whose positions are zero all through. Ends are joints called `<parent> end`. Names
and layout are those of the file; the unit is guessed, because the form has none.

Axes: T frames, V joints, C coordinates, K channels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import MAX_JOINTS, Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.guesses import own_layout
from pipeline.parse.tools.markers import unlike
from pipeline.parse.tools.poses import NamedBytes, Poses
from pipeline.parse.tools.quick_tables import quick_rows
from pipeline.parse.tools.space import joint_names, unit_of, up_of
from pipeline.parse.tools.tables import Numbers, floats, lines_of, text_of
from pipeline.tracks import MAX_FRAMES

_AXES = {"x": 0, "y": 1, "z": 2}


@dataclass
class _Joint:
    name: str
    parent: int
    offset: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    channels: list[str] = field(default_factory=list)


def read(files: Sequence[NamedBytes], spec: SourceSpec, layout: Layout | None = None) -> Poses:
    """One file; RefusedError, with the line in the motion, for anything else."""
    (file,) = files
    hierarchy, motion, start = _halves(text_of(file.data))
    joints = _joints(hierarchy.split())
    values_TK, step_s = _motion(motion, start, sum(len(joint.channels) for joint in joints))
    places_TVC = _places(joints, values_TK)
    if not np.isfinite(places_TVC).all():
        raise RefusedError("angles or offsets that are not finite")
    names = joint_names(unlike([joint.name for joint in joints]))
    own = own_layout("bvh", names, image=False)
    bones = tuple((v, joint.parent) for v, joint in enumerate(joints) if joint.parent >= 0)
    unit_m, said = unit_of(places_TVC)
    up, turned = up_of(places_TVC, names)
    return Poses(
        layout=replace(own, bones=bones),
        named=True,
        n_frames=len(values_TK),
        frame_P=np.arange(len(values_TK), dtype=np.int32),
        places_PVC=places_TVC,
        id_P=np.zeros(len(values_TK), np.int64),
        unit_m=unit_m,
        up=up,
        fps=1 / step_s if step_s > 0 else None,
        notes=(*said, *turned),
    )


def _halves(text: str) -> tuple[str, list[str], int]:
    """What stands before and after the line MOTION, and the number of that line."""
    lines = lines_of(text)
    at = next((at for at, line in enumerate(lines) if line.strip().upper() == "MOTION"), None)
    if not text.lstrip().upper().startswith("HIERARCHY") or at is None:
        raise RefusedError("no HIERARCHY and MOTION", line=1)
    hierarchy = [line for line in lines[:at] if not line.lstrip().startswith("#")]
    return "\n".join(hierarchy), lines[at + 1 :], at + 1


def _joints(words: Sequence[str]) -> list[_Joint]:
    joints: list[_Joint] = []
    open_: list[int] = []
    at = 1
    try:
        while at < len(words):
            word = words[at].upper()
            if word in ("ROOT", "JOINT", "END"):
                stop = words.index("{", at)
                parent = open_[-1] if open_ else -1
                if word == "ROOT" and joints and parent < 0:
                    raise RefusedError("several ROOTs: more than one skeleton; export each as a file of its own")
                if (parent < 0) != (word == "ROOT") or len(joints) >= MAX_JOINTS:
                    raise RefusedError(f"{word} {words[at + 1][:40]} out of place, or more than {MAX_JOINTS} joints")
                name = f"{joints[parent].name} end" if word == "END" else " ".join(words[at + 1 : stop])
                joints.append(_Joint(name, parent))
                open_.append(len(joints) - 1)
                at = stop + 1
            elif word == "OFFSET":
                joints[open_[-1]].offset = floats(words[at + 1 : at + 4], 1)
                at += 4
            elif word == "CHANNELS":
                count = int(words[at + 1])
                joints[open_[-1]].channels = [_channel(name) for name in words[at + 2 : at + 2 + count]]
                at += 2 + count
            elif word == "}":
                open_.pop()
                at += 1
            else:
                raise RefusedError(f"{words[at][:40]!r} in the hierarchy")
    except (IndexError, ValueError):
        raise RefusedError("a hierarchy that is cut off, or whose brackets do not match") from None
    if open_ or not joints or any(len(joint.offset) != 3 for joint in joints):
        raise RefusedError("a hierarchy that is cut off, or whose brackets do not match")
    return joints


def _channel(name: str) -> str:
    """`zr` of Zrotation, `yp` of Yposition."""
    low = name.lower()
    if low[:1] not in _AXES or low[1:] not in ("rotation", "position"):
        raise RefusedError(f"channel {name[:40]!r}")
    return low[:2]


def _motion(lines: Sequence[str], start: int, n_channels: int) -> tuple[NDArray[np.float64], float]:
    """The values of all channels in all frames, and the time of one frame in seconds."""
    said = [line for line in lines[:6] if ":" in line]
    stated = {line.split(":")[0].strip().lower(): line.split(":")[1].strip() for line in said}
    step_s = floats([stated.get("frame time", "")], start + 2)[0]
    frames = [(at, line) for at, line in enumerate(lines, start + 1) if line.strip() and ":" not in line]
    rows_TK = quick_rows("\n".join(line for _, line in frames).encode())
    if rows_TK is None or rows_TK.shape != (len(frames), n_channels):
        rows_TK = _rows(frames, n_channels)
    n_rows, claimed = len(frames), stated.get("frames", "")
    if not n_rows or claimed != str(n_rows):
        raise RefusedError(f"{n_rows} lines of motion, 'Frames:' says {claimed[:40]!r}", line=start + 1)
    if n_rows > MAX_FRAMES:
        raise RefusedError(f"{n_rows} frames, more than {MAX_FRAMES}")
    return rows_TK, step_s if math.isfinite(step_s) else 0.0


def _rows(frames: Sequence[tuple[int, str]], n_channels: int) -> NDArray[np.float64]:
    """The numbers of lines with their numbers, line by line."""
    numbers = Numbers()
    for at, line in frames:
        row = line.split()
        numbers.add(row, at)
        if len(row) != n_channels:
            raise RefusedError(f"{len(row)} numbers, the hierarchy has {n_channels} channels", line=at)
    return numbers.rows(n_channels)


def _places(joints: Sequence[_Joint], values_TK: NDArray[np.float64]) -> NDArray[np.float64]:
    """Forward kinematics: parents come before their children. Frames are last in memory while it computes, so that
    each step goes through whole rows."""
    n_frames = len(values_TK)
    values_KT = np.ascontiguousarray(values_TK.T)
    places_VCT = np.zeros((len(joints), 3, n_frames))
    turns_V: list[NDArray[np.float64]] = []
    at = 0
    for v, joint in enumerate(joints):
        is_root = joint.parent < 0
        above_CCT = np.tile(np.eye(3)[..., None], n_frames) if is_root else turns_V[joint.parent]
        own_CT, turn_CCT = np.tile(np.array(joint.offset)[:, None], n_frames), above_CCT
        for channel in joint.channels:
            axis, value_T = _AXES[channel[0]], values_KT[at]
            at += 1
            if channel[1] == "r":
                turn_CCT = _turned(turn_CCT, axis, np.deg2rad(value_T))
            elif is_root or value_T.any():
                own_CT[axis] = value_T
        places_VCT[v] = own_CT if is_root else places_VCT[joint.parent] + np.einsum("ijt,jt->it", above_CCT, own_CT)
        turns_V.append(turn_CCT)
    return places_VCT.transpose(2, 0, 1)


def _turned(turn_CCT: NDArray[np.float64], axis: int, angle_T: NDArray[np.float64]) -> NDArray[np.float64]:
    """The axes of each frame, turned about one of them: the product with that turn's matrix."""
    one, other = (axis + 1) % 3, (axis + 2) % 3
    cos_T, sin_T = np.cos(angle_T), np.sin(angle_T)
    turned_CCT = turn_CCT.copy()
    turned_CCT[:, one] = turn_CCT[:, one] * cos_T + turn_CCT[:, other] * sin_T
    turned_CCT[:, other] = turn_CCT[:, other] * cos_T - turn_CCT[:, one] * sin_T
    return turned_CCT
