"""One body of a stream, frame by frame: its joints without gaps, smoothed, with the running sums that windows need.

In: joints of one frame in any layout. Out: rows of a common layout, only as many as the longest window needs. Sums over
a window (the length of the path, the direction of the body, its size) are kept as running sums, so that windows of any
length cost the same.

A joint that was not measured stays where it was measured last. A frame is smoothed by the mean of a few frames before
and after it, so the last rows are ready a little later.

Axes: T rows, V joints, C coordinates, D = V C.
"""

import numpy as np
from numpy.typing import NDArray

from dastm.contract.mapping import halves
from dastm.contract.skeleton import Layout
from dastm.recogniser.clips import measured

Rows = NDArray[np.float64]
SMOOTHED_S = 2 / 15
"""A frame is the mean of the frames up to this number of seconds before and after it."""
ACROSS = (("left shoulder", "right shoulder"), ("left hip", "right hip"))
"""Lines from left to right; their mean over a window gives the direction of the body."""


class Track:
    """The last rows of one body.

    Args:
        layout: the layout of the frames.
        common: the layout of the rows, `body19` or `pose15`.
        longest: the largest number of rows in a window.

    Raises: ValueError if the layout cannot be mapped to the common one.
    """

    def __init__(self, layout: Layout, common: Layout, *, longest: int, fps: float) -> None:
        self.layout, self.common = layout, common
        self.longest, self.margin = longest, max(0, round(SMOOTHED_S * fps))
        self._halves_V2 = halves(layout, common)
        size, n_space = 2 * (longest + 2 * self.margin + 1), common.n_space
        self._raw_TVC = np.zeros((size, common.n_joints, n_space))
        self.points_TD = np.zeros((size, common.n_joints * n_space))
        self.way_T = np.zeros(size)
        """Length of the path up to each row, through the space of all joints."""
        self.sums_TX = np.zeros((size, 5))
        """Up to each row: x and z of the lines from left to right, their length, torso length, rows that show it."""
        self.frame_T = np.zeros(size, dtype=np.int64)
        self.time_T = np.zeros(size)
        self._seen_V: NDArray[np.bool_] = np.zeros(common.n_joints, dtype=np.bool_)
        self._sides = [[common.joints.index(name) for name in pair] for pair in ACROSS]
        self.first = 0
        """The number of the oldest row that is kept."""
        self.n_raw = 0
        self.n_rows = 0
        """Rows that are ready, of all that there ever were."""

    def push(self, joints_VC: NDArray[np.floating], frame: int, time: float) -> None:
        """Add a frame in the layout of the source; joints that were not measured are nan, or have confidence 0."""
        places_VC, there_V = self._common(np.asarray(joints_VC, dtype=np.float64))
        self._make_room()
        at = self.n_raw - self.first
        self._fill(places_VC, there_V, at)
        self.frame_T[at], self.time_T[at] = frame, time
        self._sum(at, there_V)
        self.n_raw += 1
        if self.n_raw > self.margin:
            self._smooth(self.n_raw - 1 - self.margin)

    def finish(self) -> None:
        """End the stream: the rows that waited for further frames are ready."""
        for row in range(self.n_rows, self.n_raw):
            self._smooth(row)

    def _common(self, joints_VC: Rows) -> tuple[Rows, NDArray[np.bool_]]:
        measured_V = measured(joints_VC, self.layout)
        places_VC = np.where(measured_V[:, None], joints_VC, 0.0)[:, : self.common.n_space]
        one_V, other_V = self._halves_V2[:, 0], self._halves_V2[:, 1]
        middle_VC = (places_VC[one_V] + places_VC[other_V]) / 2
        if self.layout.is_image:
            middle_VC[:, 1] *= -1  # y up
        return middle_VC, measured_V[one_V] & measured_V[other_V]

    def _make_room(self) -> None:
        if self.n_raw - self.first < len(self.way_T):
            return
        kept = self.longest + 2 * self.margin + 1
        for rows in (self._raw_TVC, self.points_TD, self.way_T, self.sums_TX, self.frame_T, self.time_T):
            rows[:kept] = rows[-kept:].copy()
        self.first = self.n_raw - kept
        self.way_T -= self.way_T[0]  # small sums stay exact
        self.sums_TX -= self.sums_TX[0]

    def _fill(self, places_VC: Rows, there_V: NDArray[np.bool_], at: int) -> None:
        new_V = there_V & ~self._seen_V
        if new_V.any():  # until now it was nowhere: it has not come from there
            self._raw_TVC[:at, new_V] = places_VC[new_V]
            points_TVC = self.points_TD.reshape(len(self.points_TD), *places_VC.shape)
            points_TVC[:at, new_V] = places_VC[new_V]
            self._seen_V |= new_V
        before_VC = self._raw_TVC[at - 1] if at else places_VC
        self._raw_TVC[at] = np.where(there_V[:, None], places_VC, before_VC)

    def _sum(self, at: int, there_V: NDArray[np.bool_]) -> None:
        places_VC = self._raw_TVC[at]
        here = np.zeros(5)
        if all(there_V[side] for pair in self._sides for side in pair):
            line_C = sum(places_VC[right] - places_VC[left] for left, right in self._sides)
            here[:3] = line_C[0], line_C[-1], np.linalg.norm(line_C)
        (low,), (high,) = self.common.torso or ((0,), (0,))
        if there_V[low] and there_V[high]:
            here[3:] = np.linalg.norm(places_VC[high] - places_VC[low]), 1
        self.sums_TX[at] = here + (self.sums_TX[at - 1] if at else 0)

    def _smooth(self, row: int) -> None:
        at = row - self.first
        near_TVC = self._raw_TVC[max(0, at - self.margin) : min(self.n_raw - self.first, at + self.margin + 1)]
        self.points_TD[at] = near_TVC.mean(axis=0).ravel()
        step = float(np.linalg.norm(self.points_TD[at] - self.points_TD[at - 1])) if at else 0.0
        self.way_T[at] = step + (self.way_T[at - 1] if at else 0.0)
        self.n_rows = row + 1
