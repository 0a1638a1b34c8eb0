"""Which frame a row of a CSV clip belongs to: as its `frame` column says, or as the time stamps of its `time` column.

In: the columns of a file, then its rows. Out: 0-based frames, and notes on their steps. Time stamps may be in any unit
and begin anywhere: the usual step between two of them is one frame, and each stamp is the frame nearest to it, so that
a pause stays as long as it was. A column `fps` is not needed for that, and not used.

Axes: N rows.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from pipeline.parse.formats.number_text import number_of

TIMES = ("time", "time_s", "time_ms", "timestamp", "timestamp_ms")
NOTE_STEP = "frames_more_than_1_apart"
NOTE_GAP = "gap_of_more_than_10_steps"
NOTE_UNEVEN = "uneven_time_stamps"
MOST_STEP = 10
"""Frame numbers that are usually this far apart, or farther, are time stamps: nobody records every tenth frame."""


class FrameColumn:
    """The column that tells a row's frame."""

    def __init__(self, places: Mapping[str, int]) -> None:
        """RefusedError where there is neither `frame` nor a time."""
        name = next((name for name in ("frame", *TIMES) if name in places), None)
        if name is None:
            raise RefusedError("no column 'frame' or 'time'")
        self._name, self._at = name, places[name]
        self._stamps: dict[float, int] = {}

    def number(self, row: Sequence[str]) -> int:
        """The frame of a row as its column states it, or its time stamp as a number; RefusedError if there is none."""
        text = row[self._at].strip()
        if self._name == "frame":
            return whole("frame", text, 2**31)
        try:
            stamp = number_of(text)
        except ValueError:
            stamp = math.nan
        if not abs(stamp) < 1e300 or "_" in text:
            raise RefusedError(f"{self._name} {text[:40]!r} is not a time")
        return self._stamps.setdefault(stamp, len(self._stamps))

    def settle(self, numbers_N: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """The frames of all rows, from `number` of each, and notes; RefusedError for times that are called frames."""
        if self._name == "frame":
            return numbers_N - numbers_N.min(), self._notes(np.unique(numbers_N))
        stamps = np.array(list(self._stamps))
        order = np.argsort(stamps)
        frames, uneven = _frames_of(stamps[order])
        by_stamp = np.empty_like(frames)
        by_stamp[order] = frames
        return by_stamp[numbers_N], (*self._notes(frames), *([NOTE_UNEVEN] if uneven else []))

    def _notes(self, frames: NDArray[np.int64]) -> tuple[str, ...]:
        steps = np.diff(frames)
        if not len(steps):
            return ()
        usual = _usual(steps)
        if self._name == "frame" and len(steps) > 1 and usual >= MOST_STEP:
            shown = ", ".join(map(str, frames[:3].tolist()))
            raise RefusedError(
                f"frames {shown}, ..: usually {int(usual)} apart, like time stamps; call the column 'time', or number"
                " the frames"
            )
        return (*([NOTE_STEP] if usual > 1 else []), *([NOTE_GAP] if steps.max() > 10 * usual else []))


def _frames_of(stamps: NDArray[np.float64]) -> tuple[NDArray[np.int64], bool]:
    """Frames of ascending stamps, no two the same, and whether one had to make room for another."""
    after = stamps - stamps[0]
    step = _usual(np.diff(stamps)) if len(stamps) > 1 else 1.0
    nearest = np.minimum(np.round(after / step), 2.0**31).astype(np.int64)
    rows = np.arange(len(stamps))
    frames = np.maximum.accumulate(nearest - rows) + rows
    return frames, bool((frames != nearest).any())


def _usual(steps: NDArray[np.int64] | NDArray[np.float64]) -> float:
    """The median, of an even number of steps the smaller of the two in the middle."""
    return float(np.sort(steps)[(len(steps) - 1) // 2])


def whole(what: str, text: str, most: int) -> int:
    """A whole number from 0 to below `most`; RefusedError for anything else."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < most):
        raise RefusedError(f"{what} {text[:40]!r} is not a whole number")
    return int(text)
