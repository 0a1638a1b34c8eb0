"""Work that never waits for its device -> the same work as CUDA graphs, replayed without Python. Experimental.

After PyTorch's notes on CUDA graphs (https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture). The
first calls with inputs of some shapes compute as usual, on a stream of its own, so that libraries and allocator settle;
the next one is recorded; from then on inputs are copied to where the recorded work reads them. Every tensor that the
work changes must stay where it is, and random numbers must come from generators that are registered.

A replay that goes wrong raises nothing. So the first ones are also computed, from the same state, and have to leave the
same values: a training that is continued computes steps that one without a stop replays.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from dastm.contract.documents import cut

WARM_UP = 3
CHECKED = 3
"""The number of replays of each graph that are compared with what is computed."""
Inputs = Sequence[Tensor | int | None]
T = TypeVar("T")


class Recorder(Protocol):
    """How work is done before it is recorded, and what records it: `CudaGraphs`, or in tests something on the CPU."""

    def usual(self, work: Callable[[], T]) -> T:
        """Do the work."""

    def record(self, work: Callable[[], T]) -> Callable[[], T]:
        """Record the work without doing it -> a function that does it on the same tensors each time it is called."""


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
        """Do the work on a separate stream, which PyTorch requires for work that will be recorded."""
        self._side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._side):
            result = work()
        torch.cuda.current_stream().wait_stream(self._side)
        return result

    def record(self, work: Callable[[], T]) -> Callable[[], T]:
        """Record the work as a graph; threads that fetch episodes keep running meanwhile."""
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators():
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            result = work()

        def replay() -> T:
            graph.replay()
            return result

        return replay


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What work changes beside its result; asked for after it has run once, for Adam has no moments before."""

    tensors: Callable[[], Iterable[Tensor]] = tuple
    generators: Callable[[], Iterable[torch.Generator]] = tuple


class Recorded:
    """`work` of inputs, recorded once for their shapes (and what else is no tensor), then replayed -> a new tensor.

    If it cannot be recorded, or a replay leaves other values than the work does, it is computed from then on.

    Args:
        changed: what has to be the same after a replay as after the work.
        tell: called with the reason why it is only computed.
    """

    def __init__(
        self,
        work: Callable[[Inputs], Tensor],
        recorder: Recorder,
        changed: Changed,
        tell: Callable[[str], None],
    ) -> None:
        self._work, self._recorder, self._changed, self._tell = work, recorder, changed, tell
        self._calls: Counter[tuple[object, ...]] = Counter()
        self._replays: dict[tuple[object, ...], tuple[Inputs, Callable[[], Tensor]]] = {}
        self._given_up = False

    def __call__(self, inputs: Inputs) -> Tensor:
        """Shapes: as of the work."""
        shapes = tuple(tuple(one.shape) if isinstance(one, Tensor) else one for one in inputs)
        self._calls[shapes] += 1
        number = self._calls[shapes] - WARM_UP
        if number == 1 and not self._given_up:
            self._record(shapes, inputs)
        if number < 1 or self._given_up:
            return self._recorder.usual(lambda: self._work(inputs))
        places, replay = self._replays[shapes]
        for place, one in zip(places, inputs, strict=True):
            if isinstance(place, Tensor) and isinstance(one, Tensor):
                place.copy_(one)
        return self._compared(inputs, replay) if number <= CHECKED else replay().clone()

    def _record(self, shapes: tuple[object, ...], inputs: Inputs) -> None:
        places = [one.clone() if isinstance(one, Tensor) else one for one in inputs]
        try:
            self._replays[shapes] = places, self._recorder.record(lambda: self._work(places))
        except RuntimeError as error:  # of CUDA: nothing has been computed yet
            self._give_up(f"recording them failed ({cut(error)})")

    def _compared(self, inputs: Inputs, replay: Callable[[], Tensor]) -> Tensor:
        """Do the work, then replay it from the state before. What was computed counts, if they differ."""
        tensors, generators = list(self._changed.tensors()), list(self._changed.generators())
        before, states = _copies(tensors), [generator.get_state() for generator in generators]
        computed = _copies([self._recorder.usual(lambda: self._work(inputs)), *tensors])
        _put(before, tensors)
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
        differing = sum(map(_differs, computed, [replay(), *tensors]))
        if differing:
            _put(computed[1:], tensors)
            self._give_up(f"a replay left other values in {differing} of {len(computed)} tensors")
        return computed[0]

    def _give_up(self, reason: str) -> None:
        self._given_up = True
        self._replays.clear()
        self._tell(reason)


def _copies(tensors: Iterable[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


def _put(values: Iterable[Tensor], places: Iterable[Tensor]) -> None:
    for value, place in zip(values, places, strict=True):
        place.detach().copy_(value)


def _differs(one: Tensor, other: Tensor) -> bool:
    """In any value; nan equals nan, for the trainer says where a loss is none."""
    return not torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
