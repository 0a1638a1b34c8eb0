"""Finds the frame of each row of a CSV clip, from its `frame` column or from the time stamps of its `time` column.

In: the columns of a file, then its rows. Out: frames from 0, and notes on their steps. Time stamps may be in any unit
and begin anywhere: the usual step between two stamps is one frame, and each stamp belongs to the nearest frame, so
pauses keep their length. Stamps may be rounded (0, 33, 67, 100 ms): the step is a mean over the clip. A column `fps` is
not needed and not used.

Axes: N rows.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from pipeline.parse.formats.number_text import number_of
from pipeline.parse.sources.times import middle, rate_of_texts, stamp_of, unit_in, usual_step
from pipeline.tracks import MAX_FRAMES

NOTE_STEP = "frames_more_than_1_apart"
NOTE_GAP = "gap_of_more_than_10_steps"
NOTE_UNEVEN = "uneven_time_stamps"
MOST_STEP = 10
"""From this step on, frame numbers count as time stamps, unless the definition states a step."""
USUAL = 0.6
"""Least share of the steps between stamps that are one frame, if stamps are to tell frames where nothing says so."""
_LEAST = 1e-300
"""A stamp nearer to 0 than this has lost digits, and the quotient of two such stamps may be infinite."""


class FrameColumn:
    """The column that tells a row's frame."""

    def __init__(self, places: Mapping[str, int], step: int | None = None) -> None:
        """`step`: of frame numbers, as `SourceSpec.frame_step`; RefusedError for neither `frame` nor a time."""
        name = "frame" if "frame" in places else next((name for name in places if unit_in(name) is not None), None)
        if name is None:
            raise RefusedError("no column 'frame' or 'time'")
        self._name, self._at = name, places[name]
        self._step = step
        self._stamps: dict[float, int] = {}

    def number(self, row: Sequence[str]) -> int:
        """The frame of a row as its column states it, or its time stamp as a number; RefusedError if there is none."""
        text = row[self._at].strip()
        if self._name == "frame":
            return whole("frame", text, 2**31)
        try:
            stamp = stamp_of(text)
        except ValueError:
            stamp = math.nan
        if not (stamp == 0 or _LEAST < abs(stamp) < 1e300) or "_" in text:
            raise RefusedError(f"{self._name} {text[:40]!r} is not a time")
        return self._stamps.setdefault(stamp, len(self._stamps))

    def settle(self, numbers_N: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """The frames of all rows, from `number` of each, and notes; RefusedError for times that are called frames."""
        if self._name == "frame":
            frames_N = (numbers_N - numbers_N.min()) // self._checked_step(numbers_N)
            return frames_N, self._notes(np.unique(frames_N))
        stamps = np.array(list(self._stamps))
        order = np.argsort(stamps)
        frames, uneven = _frames_of(stamps[order])
        by_stamp = np.empty_like(frames)
        by_stamp[order] = frames
        return by_stamp[numbers_N], (*self._notes(frames), *([NOTE_UNEVEN] if uneven else []))

    def _checked_step(self, numbers_N: NDArray[np.int64]) -> int:
        """The step that is stated, or 1; RefusedError where it is not that of the numbers, or seems to be missing."""
        frames = np.unique(numbers_N)
        steps = np.diff(frames)
        if self._step is not None:
            odd = np.flatnonzero(steps % self._step)
            if len(odd):
                one, next_one = frames[odd[0] : odd[0] + 2].tolist()
                raise RefusedError(
                    f"frames {one} and {next_one}: not {self._step} apart, as parse.source.frame_step is"
                )
            return self._step
        usual = int(middle(steps)) if len(steps) > 1 else 1
        if usual >= MOST_STEP:
            shown = ", ".join(map(str, frames[:3].tolist()))
            raise RefusedError(
                f"frames {shown}, ..: usually {usual} apart, like time stamps; call the column 'time' or, where one"
                f" frame in {usual} was kept, say parse.source.frame_step: {usual} (1: leave gaps between them)"
            )
        return 1

    def _notes(self, frames: NDArray[np.int64]) -> tuple[str, ...]:
        steps = np.diff(frames)
        if not len(steps):
            return ()
        usual = middle(steps)
        return (*([NOTE_STEP] if usual > 1 else []), *([NOTE_GAP] if steps.max() > 10 * usual else []))


def frames_at(
    name: str, texts: Sequence[str], bodies: Sequence[int] | None = None
) -> tuple[list[int], tuple[str, ...]] | None:
    """The frames of time stamps, in their order, and notes; None where they do not tell them.

    They do if those of each body ascend and most are one frame apart, at a rate of recordings.

    Args:
        name: of the column of times, see `times.unit_in`.
        bodies: of each stamp; None: all are of one.
    """
    column = FrameColumn({name: 0})
    try:
        numbers = [column.number([text]) for text in texts]
        frames_N, notes = column.settle(np.array(numbers, np.int64))
    except RefusedError:
        return None
    body_N = np.zeros(len(frames_N), np.int64) if bodies is None else np.asarray(bodies)
    ascend = all((np.diff(frames_N[body_N == body]) >= 0).all() for body in np.unique(body_N))
    steps = np.diff(np.unique(frames_N))
    is_usual = ascend and (steps == 1).sum() >= USUAL * len(steps) > 0
    return (frames_N.tolist(), notes) if is_usual and rate_of_texts(name, texts).fps is not None else None


def _frames_of(stamps: NDArray[np.float64]) -> tuple[NDArray[np.int64], bool]:
    """Frames of ascending stamps, no two the same, and whether one had to make room for another."""
    after = stamps - stamps[0]
    step = usual_step(np.diff(stamps)) if len(stamps) > 1 else 1.0
    if after[-1] > step * MAX_FRAMES:
        raise RefusedError(f"times usually {step:g} apart, {after[-1]:g} in all: more than {MAX_FRAMES} frames")
    nearest = np.round(after / step).astype(np.int64)
    rows = np.arange(len(stamps))
    frames = np.maximum.accumulate(nearest - rows) + rows
    return frames, bool((frames != nearest).any())


def whole(what: str, text: str, most: int) -> int:
    """A whole number from 0 to below `most`, also as 1.0, as tables with empty cells write it; else RefusedError."""
    if text.isascii() and text.isdecimal() and len(text) < 20:
        number: float = int(text)  # more digits than a float has are kept
    else:
        try:
            number = math.nan if "_" in text else number_of(text)
        except ValueError:
            number = math.nan
    if not 0 <= number < most or number % 1:
        raise RefusedError(f"{what} {text[:40]!r} is not a whole number from 0")
    return int(number)
