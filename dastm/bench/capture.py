"""A step that never waits for the device -> the same step as a CUDA graph (`dastm.training.capture`), to be timed.

Replays read and write the very tensors of the recorded run.
"""

from collections.abc import Callable

from dastm.bench.case import Work
from dastm.training.capture import WARM_UP, CudaGraphs


def captured(step: Work, refresh: Work) -> Work:
    """Work that puts an input into place and replays `step`; recorded when it is first called.

    `step` must set gradients to None before its backward pass, and its optimiser be made with `capturable=True`.
    """
    replays: list[Callable[[], object]] = []

    def work() -> None:
        if not replays:
            graphs = CudaGraphs()
            for _ in range(WARM_UP):
                graphs.usual(step)
            replays.append(graphs.record(step))
        refresh()
        replays[0]()

    return work
