"""Compares segments (windows) of a recording with examples, many at a time: what spotting does at every frame.

In: a `Track`, and first and last rows of windows. Out: the terms of the windows as in `model.matching.path` (steps
between points at equal distances along the path, path lengths, extents), of a body turned to face one way and scaled by
its torso; and the distances of all windows to all examples. It uses numpy alone: for a few windows per frame, the
overhead of torch would be larger than all of the work.

Source: Taranta et al., "Jackknife" (CHI 2017), implemented from its description.

Axes: K windows, S examples, P = 16 points, N = 15 steps, V joints, C coordinates, D = V C.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dastm.episodes.common import LEAST_FLAT
from dastm.model.matching.least_sums import least_sums
from dastm.model.matching.path import BAND, LEAST_COSINE, POINTS, STEPS
from dastm.recogniser.track import Track

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
TINY = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Terms:
    """The terms of each window: vectors of norm 1, or 0 if nothing moves."""

    steps_KND: Numbers
    lengths_KD: Numbers
    extents_KD: Numbers
    sizes_K: Numbers
    """The length of the path through its points, in torso lengths."""

    def at(self, places: Places) -> "Terms":
        """The terms of some of the windows."""
        return Terms(
            steps_KND=self.steps_KND[places],
            lengths_KD=self.lengths_KD[places],
            extents_KD=self.extents_KD[places],
            sizes_K=self.sizes_K[places],
        )


def together(several: list[Terms]) -> Terms:
    """Join the terms of several groups of windows, in their order."""
    return Terms(
        steps_KND=np.concatenate([one.steps_KND for one in several]),
        lengths_KD=np.concatenate([one.lengths_KD for one in several]),
        extents_KD=np.concatenate([one.extents_KD for one in several]),
        sizes_K=np.concatenate([one.sizes_K for one in several]),
    )


def window_terms(track: Track, begin_K: Places, end_K: Places) -> Terms:
    """Terms of the windows between two rows of a track, both included; the rows must be ready."""
    begin_K, end_K = begin_K - track.first, end_K - track.first
    points_KPD = _along(track, begin_K, end_K)
    sums_KX = track.sums_TX[end_K] - np.where((begin_K > 0)[:, None], track.sums_TX[begin_K - 1], 0)
    if track.common.n_space == 3:
        points_KPD = _turned(points_KPD, sums_KX)
    steps_KND = np.diff(points_KPD, axis=1)
    torso_K = sums_KX[:, 3] / np.maximum(sums_KX[:, 4], 1)
    return Terms(
        steps_KND=_units(steps_KND),
        lengths_KD=_units(np.abs(steps_KND).sum(axis=1)),
        extents_KD=_units(points_KPD.max(axis=1) - points_KPD.min(axis=1)),
        sizes_K=np.linalg.norm(steps_KND, axis=2).sum(axis=1) / np.where(torso_K > TINY, torso_K, 1.0),
    )


def window_distances(windows: Terms, examples: Terms) -> Numbers:
    """Distance of every window to every example -> (K, S), as in `dastm.model.matching.path.path_distances`."""
    n_windows, n_examples = len(windows.sizes_K), len(examples.sizes_K)
    inner = windows.steps_KND.reshape(n_windows * STEPS, -1) @ examples.steps_KND.reshape(n_examples * STEPS, -1).T
    cost_KNSN = np.maximum(1 - inner, 0).reshape(n_windows, STEPS, n_examples, STEPS)
    cost_NNX = cost_KNSN.transpose(1, 3, 0, 2).reshape(STEPS, STEPS, -1)
    alike_KS = np.maximum(windows.lengths_KD @ examples.lengths_KD.T, LEAST_COSINE)
    alike_KS *= np.maximum(windows.extents_KD @ examples.extents_KD.T, LEAST_COSINE)
    return least_sums(cost_NNX, BAND).reshape(n_windows, n_examples) / alike_KS


def _along(track: Track, begin_K: Places, end_K: Places) -> Numbers:
    """Points at equal distances along the path of each window -> (K, P, D)."""
    way_T = track.way_T
    ready = track.n_rows - track.first
    share_P = np.arange(POINTS) / (POINTS - 1)
    at_KP = way_T[begin_K, None] + (way_T[end_K] - way_T[begin_K])[:, None] * share_P
    after_KP = np.searchsorted(way_T[:ready], at_KP)
    after_KP = np.clip(after_KP, np.minimum(begin_K + 1, end_K)[:, None], end_K[:, None])
    before_KP = np.maximum(after_KP - 1, begin_K[:, None])
    step_KP = way_T[after_KP] - way_T[before_KP]
    left_KP = np.clip((way_T[after_KP] - at_KP) / np.where(step_KP > 0, step_KP, 1.0), 0.0, 1.0)
    after_KPD, before_KPD = track.points_TD[after_KP], track.points_TD[before_KP]
    return after_KPD - left_KP[:, :, None] * (after_KPD - before_KPD)


def _turned(points_KPD: Numbers, sums_KX: Numbers) -> Numbers:
    """Turned about y so that the mean line from left to right lies along x, as in a common layout."""
    x_K, z_K = sums_KX[:, 0], sums_KX[:, 1]
    flat_K = np.hypot(x_K, z_K)
    clear_K = flat_K > np.maximum(LEAST_FLAT * sums_KX[:, 2], TINY)
    length_K = np.where(clear_K, flat_K, 1.0)
    cos_K11 = np.where(clear_K, x_K / length_K, 1.0)[:, None, None]
    sin_K11 = np.where(clear_K, z_K / length_K, 0.0)[:, None, None]
    turned_KPD = points_KPD.copy()
    x_KPV, z_KPV = points_KPD[:, :, 0::3], points_KPD[:, :, 2::3]
    turned_KPD[:, :, 0::3] = cos_K11 * x_KPV + sin_K11 * z_KPV
    turned_KPD[:, :, 2::3] = cos_K11 * z_KPV - sin_K11 * x_KPV
    return turned_KPD


def _units(vectors: Numbers) -> Numbers:
    sizes = np.linalg.norm(vectors, axis=-1, keepdims=True)
    units: Numbers = vectors / np.where(sizes > TINY, sizes, np.inf)
    return units
