"""The recogniser file: read it, and change it without losing what another program adds meanwhile.

In: a path. Out: a recogniser. What the file holds is in `dastm.recogniser.container`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dastm.recogniser.container import held, read_container, write_container
from dastm.recogniser.recogniser import ActionRecogniser


def read_recogniser(path: str | Path) -> ActionRecogniser:
    """The recogniser of a file that `dastm enrol` or `ActionRecogniser.save` wrote.

    Raises: RunError in one line, naming the file and the reason, if it is not one, is damaged, or of another version.

    >>> import dastm
    >>> recogniser = dastm.load("data/toy.dastm")
    >>> recogniser.actions
    ('jump', 'wave')
    """
    encoder, examples, digest = read_container(Path(path))
    return ActionRecogniser(encoder, examples, saved={Path(path).resolve(): digest})


@contextmanager
def changed(path: Path) -> Iterator[ActionRecogniser]:
    """A recogniser to change within the block, then written back; another program that changes it waits meanwhile.

    Raises: as `read_recogniser` and `ActionRecogniser.save`. If the block fails, the file stays as it was.
    """
    with held(path):
        recogniser = read_recogniser(path)
        yield recogniser
        write_container(path, recogniser.encoder, recogniser.examples)
