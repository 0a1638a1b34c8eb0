"""Measures every body track: the numbers by which bodies are chosen later.

In: the tracks as parsed and which joints were measured. Out: `TrackMeasures`, which the parsed table keeps, so that
choices can be queried. Sums in float64, one clip in memory.

Axes: P observations, B tracks, V joints, C coordinates.
"""

import numpy as np
from numpy.typing import NDArray

from dastm.contract.compiled import compiled
from pipeline.kernels import joints
from pipeline.tracks import TrackMeasures, Tracks

Floats = NDArray[np.float64]

UPRIGHT = 0.8
"""A frame is upright if its x extent is at most this share of its y extent (CTR-GCN, PYSKL)."""


def measure(tracks: Tracks) -> TrackMeasures:
    """All measures of the tracks of one clip."""
    measured_PV = joints.measured(tracks.joints_PVC, tracks.scores_PV)
    extents_PC, travel_B = extents(tracks, measured_PV)
    seen_P, largest_P = extents_PC[:, 0] >= 0.0, extents_PC.max(axis=1, initial=-1.0)
    upright_P = seen_P & (extents_PC[:, 0] <= UPRIGHT * extents_PC[:, 1])
    spread_B, motion_B = spread_and_motion(tracks, measured_PV)
    upright_motion_B = motion_B
    if not np.array_equal(upright_P, seen_P):
        upright_motion_B = spread_and_motion(tracks, measured_PV & upright_P[:, None])[1]
    tracks_P = np.split(np.arange(len(seen_P)), np.cumsum(tracks.lengths)[:-1])
    seen_in = [rows[seen_P[rows]] for rows in tracks_P[: len(tracks.lengths)]]
    return TrackMeasures(
        spread=spread_B,
        motion=motion_B,
        upright=np.array([upright_P[rows].mean() if len(rows) else -1.0 for rows in seen_in]),
        upright_motion=upright_motion_B,
        extent=np.array([np.median(largest_P[rows]) if len(rows) else -1.0 for rows in seen_in]),
        travel=travel_B,
        confidence=_confidence(tracks, measured_PV, seen_in),
    )


def spread_and_motion(tracks: Tracks, counted_PV: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Standard deviations, and variances, of each track's coordinates over all joints that count, added up: (B,) each.

    -1 where no joint of a track counts.
    """
    variance_BC = _variance(tracks.joints_PVC, counted_PV, tracks.lengths)
    none_B = np.isnan(variance_BC).any(axis=1)
    return (
        np.where(none_B, -1.0, np.sqrt(variance_BC).sum(axis=1)),
        np.where(none_B, -1.0, variance_BC.sum(axis=1)),
    )


@compiled()
def _variance(joints_PVC, counted_PV, lengths_B):  # type: ignore[no-untyped-def]
    n_joints, n_coordinates = joints_PVC.shape[1:]
    variance_BC = np.full((len(lengths_B), n_coordinates), np.nan)
    start = 0
    for b in range(len(lengths_B)):
        stop = start + lengths_B[b]
        count = counted_PV[start:stop].sum()
        if count > 0:
            for c in range(n_coordinates):
                # Two passes: the variance of a body far from the origin must not drown in its mean.
                total, squares = 0.0, 0.0
                for p in range(start, stop):
                    for v in range(n_joints):
                        if counted_PV[p, v]:
                            total += np.float64(joints_PVC[p, v, c])
                for p in range(start, stop):
                    for v in range(n_joints):
                        if counted_PV[p, v]:
                            squares += (np.float64(joints_PVC[p, v, c]) - total / count) ** 2
                variance_BC[b, c] = squares / count
        start = stop
    return variance_BC


def extents(tracks: Tracks, measured_PV: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Largest minus smallest coordinate: of each frame, (P, C), and over time of each track's farthest travelled joint,
    (B,).

    -1 where there is no measured joint.
    """
    extents_PC, travel_B = _extents(tracks.joints_PVC, measured_PV, tracks.lengths)
    return extents_PC, travel_B


@compiled()
def _extents(joints_PVC, measured_PV, lengths_B):  # type: ignore[no-untyped-def]
    n_observations, n_joints, n_coordinates = joints_PVC.shape
    extents_PC, travel_B = np.full((n_observations, n_coordinates), -1.0), np.full(len(lengths_B), -1.0)
    start = 0
    for b in range(len(lengths_B)):
        stop = start + lengths_B[b]
        for c in range(n_coordinates):
            low_V, high_V = np.full(n_joints, np.inf), np.full(n_joints, -np.inf)
            for p in range(start, stop):
                low, high = np.inf, -np.inf
                for v in range(n_joints):
                    if measured_PV[p, v]:
                        x = np.float64(joints_PVC[p, v, c])
                        low, high = min(low, x), max(high, x)
                        low_V[v], high_V[v] = min(low_V[v], x), max(high_V[v], x)
                if high >= low:
                    extents_PC[p, c] = high - low
            for v in range(n_joints):
                if high_V[v] >= low_V[v]:
                    travel_B[b] = max(travel_B[b], high_V[v] - low_V[v])
        start = stop
    return extents_PC, travel_B


def _confidence(tracks: Tracks, measured_PV: NDArray[np.bool_], seen_in: list[NDArray[np.int64]]) -> Floats | None:
    if tracks.scores_PV is None:
        return None
    mean_P = np.where(measured_PV, tracks.scores_PV.astype(np.float64), 0.0).mean(axis=1)
    return np.array([mean_P[rows].mean() if len(rows) else -1.0 for rows in seen_in])
