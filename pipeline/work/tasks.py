"""Hands out tasks a few at a time: what processes of this machine and a Ray cluster have in common.

In: a way to submit a task and to wait for some. Out: task and result, in the order in which they are finished.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar

AHEAD = 2
"""Number of tasks per worker that are handed out at a time."""
KILLED = "was killed, most likely because memory ran out; finished work is kept, run again with fewer workers"
P = TypeVar("P")
R = TypeVar("R")


class Run(Protocol):
    """Do all tasks; closing the generator hands out no more of them."""

    def __call__(self, do: Callable[[P], R], tasks: Iterable[P], /) -> Generator[tuple[P, R], None, None]:
        """Task and result, in the order in which they are finished."""
        ...


def as_finished(
    submit: Callable[[P], Any],
    wait_for_some: Callable[[Sequence[Any]], Iterable[Any]],
    result: Callable[[Any], R],
    tasks: Iterable[P],
    at_once: int,
) -> Generator[tuple[P, R], None, None]:
    """Hand out tasks, `at_once` of them at a time, and yield each with its result when it is finished."""
    queue = iter(tasks)
    running: dict[Any, P] = {}
    while True:
        for task in islice(queue, at_once - len(running)):
            running[submit(task)] = task
        if not running:
            return
        for handle in wait_for_some(list(running)):
            yield running.pop(handle), result(handle)
