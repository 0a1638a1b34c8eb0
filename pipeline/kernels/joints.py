"""Finds the joints that were measured, and fills in those that were not.

In: one clip's observations as the source has them. Out: a whole array, bodies x frames x joints x coordinates, without
a gap. A joint is missing where it is not finite, or without confidence (how OpenPose marks what it did not find, Cao
et al., CVPR 2017). Sources in which (0, 0, 0) marks a lost joint are read with nan there (`formats.tracks.mark_zeros`):
in all others it is a position like any other, for example of the root in root-centred data.

Axes: P observations, M bodies kept, T frames, V joints, C coordinates.
"""

import numpy as np
from numpy.typing import NDArray

from dastm.contract.compiled import compiled

Floats = NDArray[np.float32] | NDArray[np.float64]


def measured(joints_PVC: Floats, scores_PV: Floats | None) -> NDArray[np.bool_]:
    """Whether each joint holds a measurement.

    Shapes: (P, V, C) and, where the source has confidences, (P, V) -> (P, V) bool.
    """
    scores = np.ones(joints_PVC.shape[:2], np.float32) if scores_PV is None else scores_PV
    result: NDArray[np.bool_] = _measured(joints_PVC, scores)
    return result


@compiled()
def _measured(joints_PVC, scores_PV):  # type: ignore[no-untyped-def]
    n_observations, n_joints, n_coordinates = joints_PVC.shape
    measured_PV = np.empty((n_observations, n_joints), np.bool_)
    for p in range(n_observations):
        for v in range(n_joints):
            finite = True
            for c in range(n_coordinates):
                finite = finite and np.isfinite(joints_PVC[p, v, c])
            measured_PV[p, v] = finite and scores_PV[p, v] > 0.0 and np.isfinite(scores_PV[p, v])
    return measured_PV


def lay_out(
    joints_PVC: Floats, measured_PV: NDArray[np.bool_], places_MT: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Put the chosen observations at their places; what was not measured stays 0 and is marked False.

    Shapes: (P, V, C), (P, V), (M, T) -> joints (M, T, V, C) float64 and measured (M, T, V).
    Args:
        places_MT: the observation that each body takes in each frame, -1 where the body is absent.
    """
    joints_MTVC, measured_MTV = _lay_out(joints_PVC, measured_PV, places_MT)
    return joints_MTVC, measured_MTV


@compiled()
def _lay_out(joints_PVC, measured_PV, places_MT):  # type: ignore[no-untyped-def]
    n_bodies, n_frames = places_MT.shape
    n_joints, n_coordinates = joints_PVC.shape[1:]
    joints_MTVC = np.zeros((n_bodies, n_frames, n_joints, n_coordinates))
    measured_MTV = np.zeros((n_bodies, n_frames, n_joints), np.bool_)
    for m in range(n_bodies):
        for t in range(n_frames):
            p = places_MT[m, t]
            if p < 0:
                continue
            for v in range(n_joints):
                if measured_PV[p, v]:
                    measured_MTV[m, t, v] = True
                    for c in range(n_coordinates):
                        joints_MTVC[m, t, v, c] = joints_PVC[p, v, c]
    return joints_MTVC, measured_MTV


def fill(joints_MTVC: NDArray[np.float64], measured_MTV: NDArray[np.bool_], centre: int) -> NDArray[np.float64]:
    """Give every joint a position in every frame: linear in time between measurements, held before and after them.

    A joint that its body never shows takes the place of the centre joint, or of the mean of the joints that are shown
    where the centre is not among them. A body without any measurement stays 0.

    Shapes: (M, T, V, C) and (M, T, V) -> (M, T, V, C), a new array.
    """
    filled: NDArray[np.float64] = joints_MTVC.copy()
    _interpolate(filled, measured_MTV)
    for body_TVC, shown_TV in zip(filled, measured_MTV, strict=True):
        shown_V = np.any(shown_TV, axis=0)
        if shown_V.any() and not shown_V.all():
            stand_in_TC = body_TVC[:, centre] if shown_V[centre] else body_TVC[:, shown_V].mean(axis=1)
            body_TVC[:, ~shown_V] = stand_in_TC[:, None]
    return filled


@compiled()
def _interpolate(joints_MTVC, measured_MTV):  # type: ignore[no-untyped-def]
    """Interpolate in place; a joint without any measurement is not changed."""
    n_bodies, n_frames, n_joints, n_coordinates = joints_MTVC.shape
    for m in range(n_bodies):
        for v in range(n_joints):
            last = -1
            for t in range(n_frames):
                if not measured_MTV[m, t, v]:
                    continue
                for gap in range(last + 1, t):
                    for c in range(n_coordinates):
                        after = joints_MTVC[m, t, v, c]
                        before = after if last < 0 else joints_MTVC[m, last, v, c]
                        joints_MTVC[m, gap, v, c] = before + (after - before) / (t - last) * (gap - last)
                last = t
            if last >= 0:
                for gap in range(last + 1, n_frames):
                    for c in range(n_coordinates):
                        joints_MTVC[m, gap, v, c] = joints_MTVC[m, last, v, c]


def unseen(measured_MTV: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which joints `missing_joints: zero` sets to 0.

    These are the joints that are missing in a frame that shows other joints of the same body, and those that the body
    never shows. In frames without the body, its joints keep their interpolated positions.

    Shapes: (M, T, V) -> (M, T, V) bool.
    """
    present_MT1 = measured_MTV.any(axis=2, keepdims=True)
    never_M1V = ~measured_MTV.any(axis=1, keepdims=True)
    result: NDArray[np.bool_] = (present_MT1 & ~measured_MTV) | never_M1V
    return result


def image_axes(joints_MTVC: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractions of the image, x right and y down, to x right and y up from its middle: x - 0.5, 0.5 - y.

    Shapes: (M, T, V, 2) -> (M, T, V, 2), a new array.
    """
    centred: NDArray[np.float64] = (joints_MTVC - 0.5) * np.array([1.0, -1.0])
    return centred
