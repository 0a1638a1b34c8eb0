"""Which bodies of a clip are kept, and which observation each of them takes in each frame.

In: the tracks as parsed and which joints were measured. Out: `places_MT`, for each kept body and frame the number of an
observation or -1 where that body is absent. Frames in which a body has no measured joint count as absent.

`motion` is the choice of 2s-AGCN's NTU preparation (Shi et al., CVPR 2019): whole tracks, ordered by their spread, the
standard deviations of x, y and z over all joints and all frames in which the track is seen, added up. A body that is a
crumpled or frozen ghost has little of it. Tracks that end and begin again under a new id are not joined.
`confidence` is the choice of ST-GCN's Kinetics feeder (Yan et al., AAAI 2018): in every frame on its own, the bodies of
the largest summed confidence among the first five listed.

Axes: P observations, B tracks, M bodies kept, T frames, V joints, C coordinates.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.formats.tracks import Tracks

MOST_LISTED = 5
"""`confidence` looks at this many bodies of a frame's list."""


def places_by_motion(tracks: Tracks, measured_PV: NDArray[np.bool_], n_bodies: int) -> NDArray[np.int64]:
    """The `n_bodies` tracks of the largest spread, largest first; equal spreads: the longer, then the earlier track.

    Returns (M, T) observation numbers, -1 where absent; M <= n_bodies, 0 where no track has a measured joint.
    """
    starts_B = np.cumsum(tracks.lengths) - tracks.lengths
    spread_B = spread(tracks, measured_PV)
    order = np.lexsort((-tracks.lengths, -spread_B))
    kept = [int(b) for b in order if spread_B[b] >= 0.0][:n_bodies]
    places_MT = np.full((len(kept), tracks.frames), -1, np.int64)
    for m, b in enumerate(kept):
        rows = np.arange(starts_B[b], starts_B[b] + tracks.lengths[b])
        rows = rows[measured_PV[rows].any(axis=1)]
        places_MT[m, tracks.frame_index[rows]] = rows
    return places_MT


def spread(tracks: Tracks, measured_PV: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Sum over coordinates of the standard deviation over all measured joints of a track, (B,); -1 where there is none.

    In the source's units (metres, or fractions of the image).
    """
    result: NDArray[np.float64] = _spread(tracks.joints_PVC, measured_PV, tracks.lengths)
    return result


@njit(cache=True)
def _spread(joints_PVC, measured_PV, lengths_B):  # type: ignore[no-untyped-def]
    n_joints, n_coordinates = joints_PVC.shape[1:]
    spread_B = np.full(len(lengths_B), -1.0)
    start = 0
    for b in range(len(lengths_B)):
        stop = start + lengths_B[b]
        count = measured_PV[start:stop].sum()
        if count > 0:
            spread_B[b] = 0.0
            for c in range(n_coordinates):
                # Two passes: the variance of a body far from the origin must not drown in its mean.
                total, squares = 0.0, 0.0
                for p in range(start, stop):
                    for v in range(n_joints):
                        if measured_PV[p, v]:
                            total += np.float64(joints_PVC[p, v, c])
                for p in range(start, stop):
                    for v in range(n_joints):
                        if measured_PV[p, v]:
                            squares += (np.float64(joints_PVC[p, v, c]) - total / count) ** 2
                spread_B[b] += math.sqrt(squares / count)
        start = stop
    return spread_B


def places_by_confidence(tracks: Tracks, measured_PV: NDArray[np.bool_], n_bodies: int) -> NDArray[np.int64]:
    """In each frame the `n_bodies` most confident of the first five listed; equal confidence: the earlier listed.

    Returns (M, T) observation numbers, -1 where absent; M <= n_bodies, 0 where no frame shows anybody.
    Raises ValueError where the source has no confidences.
    """
    if tracks.scores_PV is None:
        raise ValueError("rank: confidence needs confidences, this source has none; use rank: motion")
    sums_P = np.where(measured_PV, tracks.scores_PV.astype(np.float64), 0.0).sum(axis=1)
    listed_P = np.repeat(tracks.ids, tracks.lengths)
    places_MT = np.full((n_bodies, tracks.frames), -1, np.int64)
    _rank_frames(places_MT, sums_P, listed_P, tracks.frame_index, MOST_LISTED)
    return places_MT[(places_MT >= 0).any(axis=1)]


@njit(cache=True)
def _rank_frames(places_MT, sums_P, listed_P, frame_P, most_listed):  # type: ignore[no-untyped-def]
    """Insert every observation into its frame's column, best first; the last one falls off the end."""
    for observation in range(len(sums_P)):
        if listed_P[observation] >= most_listed or sums_P[observation] <= 0.0:
            continue
        p, t = observation, frame_P[observation]
        for m in range(len(places_MT)):
            held = places_MT[m, t]
            if held < 0:
                places_MT[m, t] = p
                break
            better = sums_P[p] > sums_P[held]
            if better or (sums_P[p] == sums_P[held] and listed_P[p] < listed_P[held]):
                places_MT[m, t], p = p, held
