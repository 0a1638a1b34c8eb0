"""The row of each frame of a stream, by its time or number: rows are 1 / `fps` apart, whatever the rate of the stream.

In: frames one after the other, each with a number and perhaps a time. Out: rows that never fall. A clock may begin
anywhere, be coarse, wrong now and then, or set while it runs; one that says nothing about distances is not used. A
frame with the time of the one before is that frame again, unless times often stand still for longer. Where numbers
begin again, bodies do as well.
"""

LOST_S = 0.5
"""A body that was not seen for this number of seconds starts from the beginning; a time farther from the last one is
first taken for a wrong one."""
MOST_FAR = 10
"""Number of pauses longer than `LOST_S` in a row after which a clock is not used."""
STILL, MOST_STILL = 10, 30
"""What a time counts that comes a third or fourth time in a row, where one that advances takes 1 away; and the sum
beyond which a clock is not used."""
FEW = 4
"""Number of times that a time may come again, at any rate."""
BEGUN_AGAIN = 10
"""Number of frames in a row with numbers that are too small, but rise, after which they count as begun again."""


class Clock:
    """Places frames on rows.

    Args:
        fps: rows per second.
    """

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.unused = ""
        """Why times are not used; empty while they are."""
        self.frame = self.row = -1
        """Of the last frame."""
        self._begin: tuple[float, int] | None = None
        """The first time of the clock, and its row."""
        self._time, self._far = 0.0, 0
        self._repeats, self._still = 0, 0
        """How many times in a row the last time came again, and what that has counted so far (`STILL`)."""
        self._refused, self._n_refused = -1, 0
        """The last number that was too small, and how many in a row were, each larger than the one before."""
        self._jump: float | None = None
        """A time far from the last one, which the next one confirms or not."""

    def number(self, frame: int | None) -> int:
        """The number of the next frame; None: one more than the last.

        Raises: ValueError for one that is not after the last, until `BEGUN_AGAIN` of them have risen.
        """
        if frame is None or frame > self.frame:
            self._n_refused = 0
            return self.frame + 1 if frame is None else frame
        self._n_refused = self._n_refused + 1 if frame > self._refused else 1
        self._refused = frame
        if self._n_refused <= BEGUN_AGAIN:
            raise ValueError(f"frame {frame} comes after frame {self.frame}")
        self.frame, self._n_refused = frame - 1, 0
        self.row, self._begin = self.row + int(LOST_S * self.fps), None
        return frame

    def next(self, number: int, time: float | None) -> int:
        """The row of the next frame: by its time or, without one and for a clock that is not used, by its number."""
        by_number = self.row + (number - self.frame if self.frame >= 0 else 1)
        row = None if time is None or self.unused else self._by(time, by_number)
        if row is None:
            self._begin, row = None, by_number
        self.frame, self.row = number, row
        return row

    def _by(self, time: float, by_number: int) -> int | None:
        """The row by a time, that of the last frame for the same time; None where the clock stands still.

        If a time beyond a far one follows, there was a pause, or the clock was set.
        """
        if self._begin is None:
            self._begin, self._time, self._jump = (time, by_number), time, None
            return by_number
        begin_s, begin = self._begin
        since_s = time - self._time
        if since_s == 0:
            self._jump = None
        if time in (self._time, self._jump):
            return self._repeated()
        self._repeats = 0
        if 0 < since_s <= LOST_S:
            self._time, self._jump, self._far = time, None, 0
            self._still = max(0, self._still - 1)
            return max(self.row, begin + round((time - begin_s) * self.fps))
        jump, self._jump = self._jump, time
        if jump is None:
            return by_number
        paused = self._time < jump < time
        row = self.row + int(LOST_S * self.fps) + 1 if paused else by_number
        self._begin, self._time, self._jump, self._far = (time, row), time, None, self._far + paused
        if self._far > MOST_FAR:
            self.unused = f"times are {time - jump:.4g} s apart, so frames count as 1 / {self.fps:g} s apart"
        return row

    def _repeated(self) -> int | None:
        self._repeats += 1
        self._still += STILL * (self._repeats in (2, 3))
        if self._still <= MOST_STILL and self._repeats <= max(FEW, LOST_S * self.fps):
            return self.row
        self.unused = "times stand still, so frames count as equally far apart"
        return None
