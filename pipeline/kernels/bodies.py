"""Finds the observation that each body takes in each frame.

In: the tracks as parsed and which joints were measured. Out: `places_MT`, for each kept body and frame the number of an
observation or -1 where that body is absent. Frames in which a body has no measured joint count as absent.

Whole tracks keep their observations at the frames that the source gives them: gaps stay where they are.
`confidence` is the choice of ST-GCN's Kinetics feeder (Yan et al., AAAI 2018): in every frame separately, the bodies
with the largest summed confidence among the first five listed.

Axes: P observations, B tracks, M bodies kept, T frames, V joints, C coordinates.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dastm.contract.compiled import compiled
from pipeline.tracks import Tracks

MOST_LISTED = 5
"""`confidence` looks at this many bodies of a frame's list."""


def places_of(tracks: Tracks, measured_PV: NDArray[np.bool_], made_of: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Every track at its own frames; where two tracks of a body share a frame, the track that is listed later counts.

    Args:
        made_of: for each body the numbers of its tracks.

    Returns (M, T) observation numbers, -1 where absent.
    """
    places_MT = np.full((len(made_of), tracks.frames), -1, np.int64)
    for m, body in enumerate(made_of):
        for b in body:
            rows = _seen(tracks, measured_PV, b)
            places_MT[m, tracks.frame_index[rows]] = rows
    return places_MT


def span(tracks: Tracks, measured_PV: NDArray[np.bool_], b: int) -> tuple[int, int]:
    """First and last frame in which track `b` has a measured joint; it must have one."""
    frames = tracks.frame_index[_seen(tracks, measured_PV, b)]
    return int(frames.min()), int(frames.max())


def _seen(tracks: Tracks, measured_PV: NDArray[np.bool_], b: int) -> NDArray[np.int64]:
    """The observations of track `b` that have a measured joint."""
    start = int(tracks.lengths[:b].sum())
    rows = np.arange(start, start + tracks.lengths[b])
    return rows[measured_PV[rows].any(axis=1)]


def places_by_confidence(tracks: Tracks, measured_PV: NDArray[np.bool_], n_bodies: int) -> NDArray[np.int64]:
    """In each frame the `n_bodies` most confident of the first five bodies listed; of equals the one listed earlier.

    Returns (M, T) observation numbers, -1 where absent; M <= n_bodies, 0 where no frame shows anybody.
    Raises: ValueError where the source has no confidences.
    """
    if tracks.scores_PV is None:
        raise ValueError("rank: confidence needs confidences, this source has none; use rank: spread")
    sums_P = np.where(measured_PV, tracks.scores_PV.astype(np.float64), 0.0).sum(axis=1)
    listed_P = np.repeat(tracks.ids, tracks.lengths)
    places_MT = np.full((n_bodies, tracks.frames), -1, np.int64)
    _rank_frames(places_MT, sums_P, listed_P, tracks.frame_index, MOST_LISTED)
    return places_MT[(places_MT >= 0).any(axis=1)]


@compiled()
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
