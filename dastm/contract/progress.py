"""The progress of a long command: a bar on a terminal; elsewhere (a file, a pipe, a batch system) a line now and then.

In: the work and how much of it there is. Out: on standard error, with the time left, at least once a minute. The minute
counts over the whole command, so a hundred pieces of work of ten seconds are reported as well. Both halves use it.
Needs no torch.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Generic, TextIO, TypeAlias, TypeVar

from tqdm import tqdm

EVERY_S = 20.0
"""Seconds between two lines: a third of a minute, because a line may be missed between two pieces of work."""
PATIENCE_S = 5.0
"""Seconds of waiting for another machine before it is said."""
BEGUN_S = time.monotonic()
"""When this process began. The time between lines is counted from here, whichever piece of work is running."""
T = TypeVar("T")
Clock = Callable[[], float]


def progress(
    items: Iterable[Any] | None = None,
    *,
    desc: str,
    unit: str,
    total: int | None = None,
    initial: int = 0,
    after: int = 0,
    leave: bool = True,
    delay: float = 0.0,
) -> "Bar[Any]":
    """Iterate over `items` and report the progress; or use it as a context manager and call `update`.

    Args:
        unit: what is counted, in the singular.
        total: how many there are; None: the length of `items`.
        initial: how many of them were done before.
        after: how many of the same kind come after these: the lines then give the time left for all of them.
        leave: keep the bar when the work is done.
        delay: seconds before the bar is first shown.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if getattr(sys.stderr, "isatty", bool)():
        bar: tqdm[Any] = tqdm(items, desc=desc, unit=unit, total=total, initial=initial, leave=leave, delay=delay)
        return bar
    return Lines(items, desc=desc, unit=unit, total=total, initial=initial, after=after, stream=sys.stderr)


class Lines(Generic[T]):
    """What `progress` returns without a terminal: the part of tqdm's interface that is used here."""

    def __init__(
        self,
        items: Iterable[T] | None,
        *,
        desc: str,
        unit: str,
        total: int | None,
        stream: TextIO,
        initial: int = 0,
        after: int = 0,
        every_s: float = EVERY_S,
        clock: Clock = time.monotonic,
    ) -> None:
        self._items: Iterable[T] = items if items is not None else ()
        self._desc, self._unit, self._total, self._after = desc, unit, total, after
        self._initial = self._n = initial
        self._notes = ""
        self._stream, self._clock, self._begun = stream, clock, clock()
        self._over = threading.Event()
        # A thread, as one piece of work may take longer than a minute.
        self._thread = threading.Thread(target=self._tell, args=(every_s,), daemon=True)
        self._thread.start()

    def __enter__(self) -> "Lines[T]":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[T]:
        with self:
            for item in self._items:
                yield item
                self.update()

    def update(self, n: int = 1) -> None:
        """Add to the number that is done."""
        self._n += n

    def set_postfix(self, **notes: Any) -> None:
        """Set the numbers to show beside the progress."""
        self._notes = "".join(f", {name} {value}" for name, value in notes.items())

    def close(self) -> None:
        """Stop reporting."""
        self._over.set()
        self._thread.join()

    def line(self) -> str:
        """The present state as a line, e.g. `split: 300 of 400 clips, 0:06:00 so far, about 0:02:00 left`."""
        elapsed_s, done = self._clock() - self._begun, self._n - self._initial
        of = f"{self._n} of {self._total}" if self._total is not None else str(self._n)
        so_far = f"{self._desc}: {of} {self._unit}s{self._notes}, {_told(elapsed_s)} so far"
        if self._total is None or not done:
            return so_far
        left_s = elapsed_s / done * (max(0, self._total - self._n) + self._after)
        return f"{so_far}, about {_told(left_s)} left"

    def _tell(self, every_s: float) -> None:
        while not self._over.wait(every_s - (time.monotonic() - BEGUN_S) % every_s):
            try:
                self._stream.write(self.line() + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # nobody reads any more; the work goes on all the same
                return


Bar: TypeAlias = "tqdm[T] | Lines[T]"


@contextmanager
def waiting(what: str, hint: str = "", after_s: float = PATIENCE_S, every_s: float = EVERY_S) -> Iterator[None]:
    """Say on standard error that this block waits for something: after some seconds, and then now and then.

    Args:
        what: is waited for.
        hint: why it may take long, and what to do.
    """
    stream, over, begun = sys.stderr, threading.Event(), time.monotonic()

    def tell() -> None:
        pause_s = after_s
        while not over.wait(pause_s):
            try:
                stream.write(f"waiting for {what}: no answer after {time.monotonic() - begun:.0f} s{hint}\n")
                stream.flush()
            except (OSError, ValueError):  # as in `Lines`
                return
            pause_s = every_s

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Pace:
    """Estimates the time left for work in equal steps, for lines that are printed after every step anyway."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock, self._begun = clock, clock()

    def left(self, done: int, to_do: int) -> str:
        """`, about 0:20:00 left` after `done` steps since the beginning; empty for less than a minute."""
        left_s = (self._clock() - self._begun) / done * to_do
        return f", about {_told(left_s)} left" if left_s >= 60 else ""


def _told(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
