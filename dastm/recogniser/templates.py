"""The examples in the form that spotting compares with, and the limit up to which a segment counts as one of them.

In: examples of a recogniser. Out: `Templates`. An example alone does not show how far another performance of its action
may be, but the other examples show how near other movements come. So the limit of an example is `FARTHEST`, or `SHARE`
times the distance to the most similar segment of another action's example or of a negative, if that is smaller.

Axes: S examples, K windows, W actions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dastm.contract.skeleton import Layout
from dastm.recogniser.clips import Clip
from dastm.recogniser.examples import Example
from dastm.recogniser.track import Track
from dastm.recogniser.windows import Terms, together, window_distances, window_terms

FARTHEST = 8.0
SHARE = 0.8
"""Both were chosen on streams made of single clips of KARD, MSR-Action3D and UTKinect, with four actions of each not
enrolled: from 6 to 9, and from 0.6 to 0.9, F1 is 86 to 90, 79 to 85 and 66 to 71 (docs/use.md)."""
SIZES = (0.7, 2.0)
"""A segment whose path is not between these multiples of an example's path is only a part of it, or more than it."""
LEAST_SIZE = 0.5
"""Shortest path of an example that can be spotted, in torso lengths over all joints together."""
ENDS, LENGTHS = 12, 8
"""Segments of an example that the others are compared with: number of ends, and of lengths for each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Templates:
    """Examples that can be spotted, and their limits."""

    terms: Terms
    action_S: NDArray[np.int64]
    """The index of each template's action."""
    example_S: NDArray[np.int64]
    """The index of each template's example."""
    limit_S: NDArray[np.float64]
    """The distance from which on a segment does not count as this template."""

    def fitting(self, windows: Terms) -> NDArray[np.bool_]:
        """Which windows have a path of similar length to which examples -> (K, S)."""
        ratio_KS = windows.sizes_K[:, None] / self.terms.sizes_K
        fits_KS: NDArray[np.bool_] = (ratio_KS >= SIZES[0]) & (ratio_KS <= SIZES[1])
        return fits_KS

    def distances(self, windows: Terms) -> NDArray[np.float64]:
        """Distances of windows to templates -> (K, S), infinite where the lengths do not fit."""
        distances_KS = np.full((len(windows.sizes_K), len(self.terms.sizes_K)), np.inf)
        fits_KS = self.fitting(windows)
        rows, columns = np.flatnonzero(fits_KS.any(axis=1)), np.flatnonzero(fits_KS.any(axis=0))
        if len(rows):
            some = np.ix_(rows, columns)
            found = window_distances(windows.at(rows), self.terms.at(columns))
            distances_KS[some] = np.where(fits_KS[some], found, np.inf)
        return distances_KS


def templates_of(examples: Sequence[Example], actions: Sequence[str], common: Layout, fps: float) -> Templates:
    """Templates of the examples that have movement, with their limits.

    Raises: ValueError if none of them has movement, or an example's layout cannot be mapped.
    """
    tracks = [_track(example.clip, common, fps) for example in examples]
    wholes = [window_terms(track, *_ends([(0, track.n_rows - 1)])) for track in tracks]
    shown = [i for i, e in enumerate(examples) if e.action is not None and wholes[i].sizes_K[0] >= LEAST_SIZE]
    if not shown:
        raise ValueError("no example of an action moves: nothing can be spotted in a recording")
    terms = together([wholes[i] for i in shown])
    action_S = np.array([actions.index(str(examples[i].action)) for i in shown])
    made = Templates(terms=terms, action_S=action_S, example_S=np.array(shown), limit_S=np.full(len(shown), FARTHEST))
    nearest_S = np.full(len(shown), np.inf)
    for example, track in zip(examples, tracks, strict=True):
        near_S = made.distances(_stretches(track)).min(axis=0, initial=np.inf)
        own = -1 if example.action is None else actions.index(example.action)
        nearest_S = np.where(action_S == own, nearest_S, np.minimum(nearest_S, near_S))
    limit_S = np.minimum(FARTHEST, SHARE * nearest_S)
    return replace(made, limit_S=limit_S)


def _track(clip: Clip, common: Layout, fps: float) -> Track:
    track = Track(clip.layout, common, longest=clip.n_frames, fps=clip.fps or fps)
    for number, joints_VC in enumerate(clip.joints_TVC):
        track.push(joints_VC, number, 0.0)
    track.finish()
    return track


def _stretches(track: Track) -> Terms:
    """Parts of a clip, of a fifth of it up to the whole."""
    n_rows = track.n_rows
    lengths = np.unique(np.linspace(max(2, n_rows // 5), n_rows, LENGTHS).astype(int))
    ends = np.unique(np.linspace(min(lengths[0], n_rows) - 1, n_rows - 1, ENDS).astype(int))
    return window_terms(track, *_ends([(e - n + 1, e) for e in ends for n in lengths if n <= e + 1]))


def _ends(windows: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    begin_K, end_K = np.array(windows, dtype=np.int64).reshape(-1, 2).T
    return begin_K, end_K
