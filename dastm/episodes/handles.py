"""A bounded number of open files, shared by threads.

In: a path. Out: a file descriptor that nobody else uses meanwhile; the least recently used idle ones are closed.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock


class Handles:
    """At most `max_idle` descriptors are kept between uses; one more is open for each thread that is reading."""

    def __init__(self, max_idle: int) -> None:
        if max_idle < 1:
            raise ValueError(f"max_idle must be at least 1, got {max_idle}")
        self._max_idle = max_idle
        self._idle: OrderedDict[Path, int] = OrderedDict()
        self._lock = Lock()
        self._closed = False

    @contextmanager
    def borrow(self, path: Path) -> Iterator[int]:
        """A read-only descriptor of `path`. OSError if it cannot be opened, ValueError after `close`.

        A borrowed descriptor is out of the table, so that no other thread can close it under the reader.
        """
        with self._lock:
            if self._closed:
                raise ValueError(f"{path}: the shards were closed")
            descriptor = self._idle.pop(path, None)
        if descriptor is None:
            descriptor = os.open(path, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            self._give_back(path, descriptor)

    def _give_back(self, path: Path, descriptor: int) -> None:
        surplus = descriptor
        with self._lock:
            if not self._closed and path not in self._idle:
                self._idle[path] = descriptor
                if len(self._idle) <= self._max_idle:
                    return
                surplus = self._idle.popitem(last=False)[1]
        os.close(surplus)

    def close(self) -> None:
        """Close idle descriptors now, and borrowed ones when they are returned; a second call does nothing."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, OrderedDict()
        for descriptor in idle.values():
            os.close(descriptor)


def read_at(descriptor: int, offset: int, length: int) -> bytes:
    """`length` bytes from `offset`, fewer only where the file ends; leaves the shared file position alone."""
    pieces = []
    while length > 0:
        piece = os.pread(descriptor, length, offset)
        if not piece:
            break
        pieces.append(piece)
        offset, length = offset + len(piece), length - len(piece)
    return b"".join(pieces)
