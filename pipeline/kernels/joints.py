"""Finds the joints that were measured, and lays them out: bodies x frames x joints x coordinates.

In: one clip's observations as the source has them. Out: an array with gaps, and where they are;
`dastm.contract.clips.fill` fills them. A joint is missing where it is not finite, or without confidence (how OpenPose
marks what it did not find, Cao et al., CVPR 2017). Sources in which (0, 0, 0) marks a lost joint are read with nan
there (`formats.tracks.mark_zeros`): in all others it is a position like any other, for example of the root in
root-centred data.

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
