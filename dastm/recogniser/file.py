"""The recogniser file: reads it, and changes it without losing what another program adds at the same time.

In: a path. Out: a recogniser. `dastm.recogniser.container` has the format of the file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dastm.recogniser.container import held, read_container, write_container
from dastm.recogniser.recogniser import ActionRecogniser


def read_recogniser(path: str | Path) -> ActionRecogniser:
    """Load the recogniser of a file that `dastm enrol` or `ActionRecogniser.save` wrote.

    Raises: RunError in one line with the file and the reason, if it is no recogniser, damaged, or of another version.

    >>> import dastm
    >>> recogniser = dastm.load("data/toy.dastm")
    >>> recogniser.actions
    ('jump', 'wave')
    """
    encoder, examples, digest = read_container(Path(path))
    return ActionRecogniser(encoder, examples, saved={Path(path).resolve(): digest})


@contextmanager
def changed(path: Path) -> Iterator[ActionRecogniser]:
    """A recogniser to change within the block, then written back; other programs that want to change it wait.

    Raises: as `read_recogniser` and `ActionRecogniser.save`. If the block fails, the file stays as it was.
    """
    with held(path):
        recogniser = read_recogniser(path)
        yield recogniser
        write_container(path, recogniser.encoder, recogniser.examples)
