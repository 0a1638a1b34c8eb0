"""Body tracks -> one array per body, from the first to the last frame that shows it; the body that moves most comes
first.

In: `Tracks` of any source. Out: `Body`s, in the form of `dastm.recogniser.clips.Clip`. Nothing is filled or left out:
joints that were not measured, and frames of a track that do not show it, are nan, or have confidence 0 in images.
Ghosts (furniture taken for a person, short tracks) move less, or for a shorter time, and so come last.

Axes: P observations, T frames, V joints, C coordinates.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from pipeline.tracks import Tracks


class Body(NamedTuple):
    """One body of a recording."""

    number: int
    """The number of the body, in order of first appearance."""
    first_frame: int
    """The frame of the recording (from 0) that row 0 shows."""
    joints_TVC: NDArray[np.float32]
    """3-D: positions, nan if not measured. Images: x, y and a confidence, 0 if not measured."""


def bodies_of(tracks: Tracks) -> tuple[Body, ...]:
    """The bodies of a clip with at least one measured joint, most movement first. Raises: RefusedError if none."""
    measured_PV = np.asarray(np.isfinite(tracks.joints_PVC).all(axis=2))
    if tracks.scores_PV is not None:
        measured_PV &= (tracks.scores_PV > 0) & np.isfinite(tracks.scores_PV)
    ends = np.cumsum(tracks.lengths)
    found: list[tuple[float, Body]] = []
    for number, (end, length) in enumerate(zip(ends, tracks.lengths, strict=True)):
        rows = np.arange(end - length, end)
        rows = rows[measured_PV[rows].any(axis=1)]
        if len(rows):
            body = _laid_out(tracks, measured_PV, rows, number)
            found.append((movement(tracks.joints_PVC[rows], measured_PV[rows]) * len(rows), body))
    if not found:
        raise RefusedError("no joint was measured")
    return tuple(body for _, body in sorted(found, key=lambda one: -one[0]))


def movement(joints_TVC: NDArray[np.float32], measured_TV: NDArray[np.bool_]) -> float:
    """How far the joints are from their own means, root of the mean square, mean over the joints that were measured."""
    seen_V = measured_TV.sum(axis=0)
    weight_TV1 = measured_TV[:, :, None]
    places_TVC = np.where(weight_TV1, joints_TVC, 0.0).astype(np.float64)
    mean_VC = places_TVC.sum(axis=0) / np.maximum(seen_V, 1)[:, None]
    squares_V = (np.where(weight_TV1, places_TVC - mean_VC, 0.0) ** 2).sum(axis=(0, 2)) / np.maximum(seen_V, 1)
    return float(np.sqrt(squares_V)[seen_V > 0].mean()) if seen_V.any() else 0.0


def _laid_out(tracks: Tracks, measured_PV: NDArray[np.bool_], rows: NDArray[np.int64], number: int) -> Body:
    frames = tracks.frame_index[rows]
    first, n_joints, n_space = int(frames[0]), tracks.joints_PVC.shape[1], tracks.joints_PVC.shape[2]
    shape = (int(frames[-1]) - first + 1, n_joints)
    known_TV = np.zeros(shape, np.bool_)
    known_TV[frames - first] = measured_PV[rows]
    places_TVC = np.zeros((*shape, n_space), np.float32)
    places_TVC[frames - first] = tracks.joints_PVC[rows]
    if n_space == 3:
        return Body(number, first, np.where(known_TV[..., None], places_TVC, np.float32(np.nan)))
    confidence_TV = np.zeros(shape, np.float32)
    confidence_TV[frames - first] = 1.0 if tracks.scores_PV is None else tracks.scores_PV[rows]
    image_TVC = np.concatenate([places_TVC, confidence_TV[..., None]], axis=2)
    return Body(number, first, np.where(known_TV[..., None], image_TVC, np.float32(0)))
