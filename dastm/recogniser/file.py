"""The recogniser file: read it, and change it without losing what another program adds meanwhile.

In: a path. Out: a recogniser. What the file holds is in `dastm.recogniser.container`.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dastm.contract.errors import RunError
from dastm.contract.os_errors import os_line
from dastm.recogniser.container import check_file, read_container
from dastm.recogniser.recogniser import ActionRecogniser


def read_recogniser(path: str | Path) -> ActionRecogniser:
    """The recogniser of a file that `dastm enrol` or `ActionRecogniser.save` wrote.

    Raises: RunError in one line, naming the file and the reason, if it is not one, is damaged, or of another version.

    >>> import dastm
    >>> recogniser = dastm.load("data/toy.dastm")
    >>> recogniser.actions
    ('jump', 'wave')
    """
    return ActionRecogniser(*read_container(Path(path)))


@contextmanager
def changed(path: Path) -> Iterator[ActionRecogniser]:
    """A recogniser to change within the block, then written back; another program that changes it waits meanwhile.

    Raises: as `read_recogniser` and `ActionRecogniser.save`. If the block fails, the file stays as it was.
    """
    with _held(path):
        recogniser = read_recogniser(path)
        yield recogniser
        recogniser.save(path)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the lock of the file that has this name now. Whoever had it may have put another file in its place."""
    while True:
        try:
            check_file(path)
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    yield
                    return
        except OSError as error:
            raise RunError(os_line(error, path, "cannot be read")) from None
