"""Work that never waits for its device -> the same work as CUDA graphs, replayed without Python. Experimental.

After PyTorch's notes on CUDA graphs (https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture). The
first calls with inputs of some shapes compute as usual, on a stream of its own, so that libraries and allocator settle;
the next one is recorded; from then on inputs are copied to where the recorded work reads them. Every tensor that the
work changes must stay where it is, and random numbers must come from generators that are registered.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor

WARM_UP = 3
Inputs = Sequence[Tensor | int | None]
T = TypeVar("T")


class Recorder(Protocol):
    """How work is done before it is recorded, and what records it: `CudaGraphs`, or in tests something on the CPU."""

    def usual(self, work: Callable[[], T]) -> T:
        """Do the work."""

    def record(self, work: Callable[[], T]) -> Callable[[], T]:
        """Do not do the work, but give what does it, again and again, on the same tensors."""


class CudaGraphs:
    """Records CUDA graphs, which share their memory: none is replayed before the one before it has ended.

    Args:
        generators: on the device, that the work draws from; called once the work has been done as usual.
    """

    def __init__(self, generators: Callable[[], Iterable[torch.Generator]] = tuple) -> None:
        self._generators = generators
        self._pool = torch.cuda.graph_pool_handle()
        self._side = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def usual(self, work: Callable[[], T]) -> T:
        """On a stream of its own, as PyTorch asks for what will be recorded."""
        self._side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._side):
            result = work()
        torch.cuda.current_stream().wait_stream(self._side)
        return result

    def record(self, work: Callable[[], T]) -> Callable[[], T]:
        """A graph; threads that fetch episodes go on meanwhile."""
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators():
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            result = work()

        def replay() -> T:
            graph.replay()
            return result

        return replay


class Recorded:
    """`work` of inputs, recorded once for their shapes (and what else is no tensor), then replayed -> a new tensor."""

    def __init__(self, work: Callable[[Inputs], Tensor], recorder: Recorder) -> None:
        self._work, self._recorder = work, recorder
        self._calls: Counter[tuple[object, ...]] = Counter()
        self._replays: dict[tuple[object, ...], tuple[Inputs, Callable[[], Tensor]]] = {}

    def __call__(self, inputs: Inputs) -> Tensor:
        """Shapes: as of the work."""
        shapes = tuple(tuple(one.shape) if isinstance(one, Tensor) else one for one in inputs)
        self._calls[shapes] += 1
        if self._calls[shapes] <= WARM_UP:
            return self._recorder.usual(lambda: self._work(inputs))
        if shapes not in self._replays:
            self._replays[shapes] = self._recorded([one.clone() if isinstance(one, Tensor) else one for one in inputs])
        places, replay = self._replays[shapes]
        for place, one in zip(places, inputs, strict=True):
            if isinstance(place, Tensor) and isinstance(one, Tensor):
                place.copy_(one)
        return replay().clone()

    def _recorded(self, places: Inputs) -> tuple[Inputs, Callable[[], Tensor]]:
        return places, self._recorder.record(lambda: self._work(places))
