"""Normalises where a clip stands, which way it faces and how large it is.

In: joints without a gap, float64. Out: the same joints moved, turned and scaled. Everything is measured on the first
body and applied to all, so that the bodies keep their positions relative to each other.

`upright` with `origin: every_frame` is the pre-normalisation of 2s-AGCN (Shi et al., CVPR 2019): centre joint to the
origin, spine onto z, then the line from the left to the right shoulder onto x, each by the smallest turn that does it.

Axes: M bodies, T frames, V joints, C coordinates.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dastm.contract.compiled import compiled
from dastm.contract.skeleton import Layout

SHORTEST = 1e-6
"""A line shorter than this (metres) has no direction."""
SMALLEST_TORSO = 0.01
"""A torso below this share of the clip's largest coordinate is a failed measurement, not a length."""


def to_origin(joints_MTVC: NDArray[np.float64], centre: int, every_frame: bool) -> NDArray[np.float64]:
    """Subtract the first body's centre joint: that of its first frame from all frames, or that of each frame from this
    frame.

    Shapes: (M, T, V, C) -> (M, T, V, C), a new array.
    """
    frames = slice(None) if every_frame else slice(1)
    return joints_MTVC - joints_MTVC[:1, frames, centre : centre + 1]


def rotation(frame_VC: NDArray[np.float64], layout: Layout, upright: bool) -> tuple[NDArray[np.float64], bool]:
    """The turn that brings the first body's first frame into line, and whether every line had a direction.

    A line without a direction (shorter than a micrometre; for yaw, vertical) is not turned. A line that points the
    opposite way is turned by 180 degrees: about x if it should lie on z, about z if it should lie on x.

    Shapes: (V, 3) -> (3, 3) matrix R, a point p goes to R p.
    Raises: ValueError where `check_rotation` does.
    """
    spine, shoulders = check_rotation(layout, upright)
    line = frame_VC[shoulders[1]] - frame_VC[shoulders[0]]
    if not upright:
        matrix, clear = _yaw(line)
        return matrix, bool(clear)
    onto_z, spine_clear = _turn_onto(frame_VC[spine[1]] - frame_VC[spine[0]], 2)
    onto_x, shoulders_clear = _turn_onto(_apply(line.reshape(1, 3), onto_z)[0], 0)
    return _apply(onto_z.T.copy(), onto_x).T.copy(), bool(spine_clear and shoulders_clear)


def check_rotation(layout: Layout, upright: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """The layout's spine and shoulders; ValueError if they do not define how to turn a skeleton."""
    if layout.is_image or len(layout.coordinates) != 3:
        raise ValueError(f"rotate: layout {layout.name} is not 3-D, only rotate: none is possible")
    if layout.shoulders is None:
        raise ValueError(f"rotate: layout {layout.name} names no shoulders")
    if upright and layout.spine is None:
        raise ValueError(f"rotate: upright: layout {layout.name} names no spine")
    return layout.spine or layout.shoulders, layout.shoulders


@compiled()
def _yaw(line):  # type: ignore[no-untyped-def]
    """About y, until the horizontal projection of `line` lies along +x."""
    length = math.sqrt(line[0] ** 2 + line[2] ** 2)
    if length < SHORTEST:
        return np.eye(3), False
    cos, sin = line[0] / length, line[2] / length
    return np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]]), True


@compiled()
def _turn_onto(line, axis):  # type: ignore[no-untyped-def]
    """The smallest turn of `line` onto a coordinate axis: I + [w] + [w]^2 / (1 + cos), w = unit line x axis."""
    length = math.sqrt((line**2).sum())
    if length < SHORTEST:
        return np.eye(3), False
    unit, goal = line / length, np.zeros(3)
    goal[axis] = 1.0
    cos = unit[axis]
    if 1.0 + cos < 1e-8:
        half_turn = -np.eye(3)
        kept = 0 if axis == 2 else 2
        half_turn[kept, kept] = 1.0
        return half_turn, True
    w0 = unit[1] * goal[2] - unit[2] * goal[1]
    w1 = unit[2] * goal[0] - unit[0] * goal[2]
    w2 = unit[0] * goal[1] - unit[1] * goal[0]
    skew = np.array([[0.0, -w2, w1], [w2, 0.0, -w0], [-w1, w0, 0.0]])
    matrix = np.eye(3) + skew
    for i in range(3):
        for j in range(3):
            for k in range(3):
                matrix[i, j] += skew[i, k] * skew[k, j] / (1.0 + cos)
    return matrix, True


def rotate(joints_MTVC: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn every joint about the origin. Shapes: (M, T, V, 3), (3, 3) -> (M, T, V, 3), a new array."""
    turned: NDArray[np.float64] = _apply(np.ascontiguousarray(joints_MTVC).reshape(-1, 3), matrix)
    return turned.reshape(joints_MTVC.shape)


@compiled()
def _apply(points_N3, matrix):  # type: ignore[no-untyped-def]
    out = np.empty((len(points_N3), 3))
    for n in range(len(points_N3)):
        x, y, z = points_N3[n, 0], points_N3[n, 1], points_N3[n, 2]
        for c in range(3):
            out[n, c] = matrix[c, 0] * x + matrix[c, 1] * y + matrix[c, 2] * z
    return out


def torso_length(
    joints_MTVC: NDArray[np.float64],
    measured_MTV: NDArray[np.bool_],
    torso: tuple[tuple[int, ...], tuple[int, ...]],
) -> float | None:
    """Median over frames of the distance between the means of the first body's two groups of joints.

    Frames in which one of these joints is missing are left out. None if no frame is left, or if the length is below a
    hundredth of the clip's largest coordinate (a person seen from above, two joints found in one place).
    Units: those of the joints.
    """
    low, high = (list(group) for group in torso)
    whole_T = measured_MTV[0][:, low + high].all(axis=1)
    if not whole_T.any():
        return None
    body_TVC = joints_MTVC[0, whole_T]
    lengths_T = np.linalg.norm(body_TVC[:, low].mean(axis=1) - body_TVC[:, high].mean(axis=1), axis=1)
    length = float(np.median(lengths_T))
    return length if length > 0.0 and length >= SMALLEST_TORSO * float(np.abs(joints_MTVC).max()) else None
