"""Columns of times: which ones they are, what a stamp says, and how many frames a second there are.

In: the names of columns, and the texts or numbers of one. Out: seconds a step, frames a second, and a note where only
the steps tell the unit. A stamp is a number, a time of day (0:01:02.5) or a date with a time as ISO 8601 has it.
Programs count seconds, milliseconds, microseconds, the 100 ns of Windows' clock (a Kinect's `RelativeTime`), or
nanoseconds; ROS writes seconds and nanoseconds in two columns.
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.parse.formats.number_text import field_number

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "100 ns": 1e-7, "ns": 1e-9}
NOTES = {
    "s": "times_taken_for_seconds",
    "ms": "times_taken_for_milliseconds",
    "us": "times_taken_for_microseconds",
    "100 ns": "times_taken_for_100_nanoseconds",
    "ns": "times_taken_for_nanoseconds",
}
NOTE_UNKNOWN = "unit_of_times_unknown"
_SPELT = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "usec", "micros", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanoseconds"), "ns"),
    **dict.fromkeys(("ticks", "100ns"), "100 ns"),
}
_NAME = re.compile(
    r"#?\s*(?:(?:relative|device|sensor|system|elapsed|frame|video)[ _]?)?time(?:[ _]?stamps?)?"
    rf"(?:[ _]*[(\[]?({'|'.join(sorted(_SPELT, key=len, reverse=True))})[)\]]?)?",
    re.IGNORECASE,
)
_HALVES = re.compile(r"(?:.*[ ._])?(n|nano)?secs?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
SLOWEST, USUAL, FASTEST = 2.0, 30.0, 500.0
"""Frames a second of recordings; of the units that fit, the one whose rate is nearest to the usual one is taken: steps
of 100,000 are microseconds and not 100 ns."""


class Rate(NamedTuple):
    """How fast a clip was recorded."""

    fps: float | None
    """None: nobody knows."""
    notes: tuple[str, ...] = ()


def unit_in(name: str) -> str | None:
    """The unit that the name of a column of times has, "" if it has none; None: no column of times.

    >>> unit_in("timestamp_ms"), unit_in("Time (Seconds)"), unit_in("time"), unit_in("x")
    ('ms', 's', '', None)
    """
    match = _NAME.fullmatch(name.strip())
    return None if match is None else _SPELT[match[1].lower()] if match[1] else ""


def two_columns(names: Sequence[str]) -> tuple[int, int] | None:
    """The columns of seconds and nanoseconds, where a table has both."""
    found = {bool(match[1]): at for at, name in enumerate(names) if (match := _HALVES.fullmatch(name.strip()))}
    return (found[False], found[True]) if len(found) == 2 else None


def stamp_of(text: str) -> float:
    """The number of a time stamp, seconds of a time of day or a date; ValueError if it is none.

    >>> stamp_of("33.4"), stamp_of("0:01:02,5"), stamp_of("1970-01-01 00:00:02")
    (33.4, 62.5, 2.0)
    """
    try:
        return field_number(text)
    except ValueError:
        clock = _CLOCK.fullmatch(text)
        if clock is not None:
            return 3600.0 * int(clock[1] or 0) + 60.0 * int(clock[2]) + float(clock[3].replace(",", "."))
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def rate_of_texts(name: str, texts: Iterable[str]) -> Rate:
    """As `rate_of`, of the texts of a column, which may be times of day or dates."""
    held = list(texts)
    unit = unit_in(name) or ("s" if held and any(":" in text for text in held) else "")
    try:
        return rate_of([stamp_of(text) for text in held], unit)
    except ValueError:
        return Rate(None)


def rate_of(stamps: ArrayLike, unit: str = "") -> Rate:
    """Frames a second of time stamps in any order.

    Args:
        unit: one of `UNITS`; "": the one in which the steps are nearest to those of 30 frames a second.
    """
    times = np.unique(np.asarray(stamps, np.float64))
    if len(times) < 2 or not (np.isfinite(times).all() and np.abs(times).max() < 1e300):
        return Rate(None)
    step = usual_step(np.diff(times))
    rates = {u: 1 / (step * UNITS[u]) for u in ([unit] if unit else UNITS) if step * UNITS[u] > 0}
    fits = {u: fps for u, fps in rates.items() if SLOWEST <= fps <= FASTEST}
    if not fits:
        return Rate(None, () if unit else (NOTE_UNKNOWN,))
    nearest = min(fits, key=lambda u: abs(math.log(fits[u] / USUAL)))
    return Rate(fits[nearest], () if unit else (NOTES[nearest],))


def usual_step(steps: NDArray[np.float64]) -> float:
    """The time of one frame, from all steps of up to two: what rounding adds to one it takes from another."""
    usual = middle(steps)
    near = steps[steps < 2.5 * usual]
    return float(near.sum() / np.floor(near / usual + 0.5 + 1e-6).sum())


def middle(steps: NDArray[np.int64] | NDArray[np.float64]) -> float:
    """The median, of an even number of steps the smaller of the two in the middle."""
    return float(np.sort(steps)[(len(steps) - 1) // 2])
