"""Locks for one process at a time; a lock is released when its process ends, even if it is killed. Needs no torch."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dastm.contract.errors import RunError
from dastm.contract.os_errors import naming
from dastm.contract.ownership import check_plain


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a file, which is created if needed.

    Raises: BlockingIOError if another process has it, unless `wait`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    check_plain(path)
    with path.open("ab") as file:
        with naming(path):
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


@contextmanager
def alone(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock of a file within the block; RunError with the text `busy` if another process has it."""
    with ExitStack() as held:
        try:
            held.enter_context(locked(path, wait=False))
        except BlockingIOError:
            raise RunError(busy) from None
        yield
