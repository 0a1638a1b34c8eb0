"""A case -> seconds and memory of its variants. Each has a process of its own; they run in turn, one at a time.

A round is one turn of every variant. Ratios are taken within rounds, whose order alternates: what the machine does
meanwhile (its clock, its other guests) then falls on all variants alike.
"""

import importlib
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection

import torch

from dastm.bench.case import Case, Setting, Work
from dastm.bench.memory import added_memory, settles
from dastm.contract.errors import RunError
from dastm.runs.device import precision

MOST_ROUNDS, LEAST_ROUNDS = 9, 3
SLOW = 3.0
"""A variant that is slower than its comparison by this factor runs only the least number of rounds."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one variant took."""

    seconds: tuple[float, ...]
    """Of one run, a round each, the same rounds for all; a slow variant has only the first ones."""
    memory: int
    """Bytes that a run adds at its peak, over what is there between runs."""
    flops: int
    """Operations of the matrix products and convolutions in one run; 0 where they were not counted."""


def measure_case(source: str, name: str, case: Case, setting: Setting) -> dict[str, Measured]:
    """Time all variants of a case of the module `source`; RunError if one of them fails."""
    with ExitStack() as stack:
        workers: dict[str, _Worker] = {}
        for variant in case.variants:
            workers[variant] = _Worker(source, name, variant, setting)
            stack.callback(workers[variant].end)
        for worker in workers.values():
            worker.ask("warm up")
        flops = {variant: workers[variant].ask("flops") for variant in (case.compared_with, case.limit) if case.limit}
        enough = 0.0 if case.axis else setting.case_seconds  # how a cost grows shows in few rounds
        seconds = _take_turns(workers, case.compared_with, enough)
        memory = {variant: worker.ask("memory") for variant, worker in workers.items()}
    return {
        variant: Measured(
            seconds=tuple(seconds[variant]),
            memory=int(memory[variant]),
            flops=int(flops.get(variant, 0)),
        )
        for variant in workers
    }


def _take_turns(workers: "Mapping[str, _Worker]", base: str, enough: float) -> dict[str, list[float]]:
    """Seconds of a run of every variant, round by round."""
    order, spent = list(workers), dict.fromkeys(workers, 0.0)
    seconds: dict[str, list[float]] = {variant: [] for variant in workers}
    for done in range(MOST_ROUNDS):
        if done == LEAST_ROUNDS:
            order = [variant for variant in order if seconds[variant][-1] <= SLOW * seconds[base][-1]]
        if done >= LEAST_ROUNDS and (len(order) == 1 or sum(spent[variant] for variant in order) > enough):
            break
        for variant in order:
            start = time.perf_counter()
            seconds[variant].append(workers[variant].ask("seconds"))
            spent[variant] += time.perf_counter() - start
        order.reverse()
    return seconds


class _Worker:
    """A process with one variant set up in it, which works when it is asked to."""

    def __init__(self, source: str, case: str, variant: str, setting: Setting) -> None:
        spawn = get_context("spawn")
        self._name = f"{case}, {variant}"
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=serve, args=(theirs, source, case, variant, setting), daemon=True)
        # A new process inherits what is blocked: an interrupt from the keyboard is for the parent, which ends this one.
        # The tracker that multiprocessing starts beside its first process would lift the block.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def ask(self, question: str) -> float:
        """warm up, first of all; seconds: of one run, now; flops: of one run; memory: added at the peak, asked last."""
        try:
            self._pipe.send(question)
            answer: float | str = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            raise RunError(
                f"{self._name}: its process was ended (status {code}), perhaps because memory ran out"
            ) from None
        if isinstance(answer, str):
            raise RunError(f"{self._name}: {answer}")
        return answer

    def end(self) -> None:
        """Whatever it is doing."""
        self._process.terminate()
        self._process.join()
        self._pipe.close()


def serve(pipe: Connection, source: str, case: str, variant: str, setting: Setting) -> None:
    """In the process of one variant: set it up and answer questions until nobody asks any more."""
    try:
        with precision(setting.device, setting.precision):
            work = importlib.import_module(source).cases(setting)[case].variants[variant](setting)
            turns = _Turns(work, setting)
            answers: Mapping[str, Callable[[], float]] = {
                "warm up": turns.warm_up,
                "seconds": turns.seconds,
                "flops": lambda: count_flops(work),
                "memory": lambda: turns.memory,
            }
            while True:
                pipe.send(answers[pipe.recv()]())
    except (EOFError, BrokenPipeError):  # the parent is gone
        return
    except Exception as error:
        with suppress(BrokenPipeError):
            pipe.send(" ".join(f"{type(error).__name__}: {error}".split()))


def count_flops(work: Work) -> int:
    """Multiplications and additions of the matrix products and convolutions of one run."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


class _Turns:
    """The turns of one variant, and the memory that its work takes."""

    def __init__(self, work: Work, setting: Setting) -> None:
        self._work, self._setting = work, setting
        self._n_runs = 1
        self._memory_known = False
        self.memory = 0

    def warm_up(self) -> float:
        """Seconds of the first run."""
        start = time.perf_counter()
        self.memory = added_memory(self._work, self._setting.device)
        self._memory_known = not settles(self._setting.device)
        return time.perf_counter() - start

    def seconds(self) -> float:
        """Seconds of one run, the mean over as many as a turn takes."""
        if not self._memory_known:
            seconds: list[float] = []
            self.memory = added_memory(lambda: seconds.append(self._turn()), self._setting.device)
            self._memory_known = True
            return seconds[0]
        return self._turn()

    def _turn(self) -> float:
        if self._n_runs > 1:
            self._timed(1)  # what others have left in the caches
        while (taken := self._timed(self._n_runs)) < self._setting.turn_seconds:
            self._n_runs *= 2
        return taken / self._n_runs

    def _timed(self, n_runs: int) -> float:
        self._wait()
        start = time.perf_counter()
        for _ in range(n_runs):
            self._work()
        self._wait()
        return time.perf_counter() - start

    def _wait(self) -> None:
        if self._setting.device.type == "cuda":
            torch.cuda.synchronize(self._setting.device)
