"""Many inputs for a reader, in a process of its own that may hang or die: what it did wrong, input by input.

A finding is anything but a result or a RefusedError, another outcome than the twin's, a refusal without reason or with
a place outside the file, memory beyond what the file's size explains, or time beyond the limit.
"""

import resource
import signal
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings

from pipeline.parse.tools.following import follow
from tests.fuzz.mutations import mutated
from tests.fuzz.reader import Reader, outcome
from tests.fuzz.readers import READERS

CPU_SECONDS, SECONDS, MEGABYTES = 10.0, 300.0, 1024
"""An input that takes more time of a processor, one that waits so long whatever else the machine has to do, or a
process that takes so much more memory, is a finding."""
BYTES_A_BYTE = 1000
"""Memory while one file is read, beyond a reader's allowance: so much a byte of it (Python's objects for `[[[`)."""
MADE_UP = 4
"""Every so many-th input is made up by hypothesis, the others are mutated."""


@dataclass
class Tally:
    """What came of the inputs of one reader."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[str, bytes]] = field(default_factory=list)
    slowest: float = 0.0


def judge(reader: Reader, data: bytes, tally: Tally, *, traced: bool = True) -> None:
    """Read one input, and add what came of it."""
    start = time.perf_counter()
    try:
        with _bounded_memory(data, reader.allowance, traced):
            got = outcome(reader.read, data)
    except Exception as error:
        tally.findings.append((f"{type(error).__name__}: {error}"[:200], data))
        return
    tally.slowest = max(tally.slowest, time.perf_counter() - start)
    refused = isinstance(got, tuple) and bool(got) and got[0] == "refused"
    tally.outcomes["refused" if refused else "read"] += 1
    if refused and not _well_placed(got, data):
        tally.findings.append((f"no proper place or reason: {got}", data))
    if reader.twin is not None and got != (expected := outcome(reader.twin, data)):
        tally.findings.append((f"{str(got)[:200]}, the twin: {str(expected)[:200]}", data))


@contextmanager
def _bounded_memory(data: bytes, allowance: int, traced: bool) -> Iterator[None]:
    """Raises MemoryError at its end where more was taken than the size of the input explains."""
    if not traced:
        yield
        return
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > allowance + BYTES_A_BYTE * len(data):
        raise MemoryError(f"{peak} bytes of memory for a file of {len(data)}")


def _well_placed(got, data):
    _, reason, line, byte = got
    n_lines = max(data.count(b"\n") + 1, len(data.splitlines()))  # to some readers a lone carriage return ends a line
    return (
        bool(reason)
        and "\n" not in reason
        and (line is None or 1 <= line <= n_lines)
        and (byte is None or 0 <= byte <= len(data))
    )


def inputs(reader: Reader, first: int, n_inputs: int, seed_number: int) -> Iterator[bytes]:
    """Mutated files, each of its number and seed alone."""
    for number in range(first, first + n_inputs):
        yield mutated(reader.seeds, reader.pieces, np.random.default_rng([seed_number, number]))


def made_up(reader: Reader, n_inputs: int, seed_number: int, take: Callable[[bytes], None]) -> None:
    """Documents of hypothesis."""

    @seed(seed_number)
    @settings(
        max_examples=n_inputs,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(reader.documents)
    def each(document: bytes) -> None:
        take(document)

    each()


def fuzz(name: str, n_inputs: int, seed_number: int, *, traced: bool = True, current: Path | None = None) -> Tally:
    """All inputs of one reader, here; the one being read is in the file `current`, should it be the last."""
    reader, tally = READERS[name], Tally()

    def take(data: bytes) -> None:
        if current is not None:
            current.write_bytes(data)
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # which ends this process, even inside compiled code
        judge(reader, data, tally, traced=traced)

    _warm_up(reader)
    for data in reader.seeds:
        before = tally.outcomes["read"]
        take(data)
        if tally.outcomes["read"] == before:
            tally.findings.append(("a valid file is not read", data))
    n_made_up = n_inputs // MADE_UP
    for data in inputs(reader, 0, n_inputs - n_made_up, seed_number):
        take(data)
    if n_made_up:
        made_up(reader, n_made_up, seed_number, take)
    return tally


def _warm_up(reader: Reader) -> None:
    """Have kernels loaded or compiled before memory is looked at."""
    for data in reader.seeds:
        outcome(reader.read, data)
    follow(np.zeros(1, np.int32), np.zeros((1, 1, 2)))  # an input may have several bodies where no seed has


def fuzz_apart(name: str, n_inputs: int, seed_number: int, current: Path) -> Tally:
    """The same in a process of its own, with limits of time and memory."""
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_serve, args=(theirs, name, n_inputs, seed_number, current), daemon=True)
    process.start()
    theirs.close()
    try:
        while not ours.poll(min(SECONDS, 1.0)):
            if current.exists() and time.time() - current.stat().st_mtime > SECONDS:
                return Tally(findings=[(f"no answer within {SECONDS:.0f} s", current.read_bytes())])
        tally: Tally = ours.recv()
    except EOFError:
        process.join()
        last = current.read_bytes() if current.exists() else b""
        too_slow = process.exitcode == -signal.SIGPROF
        why = (
            f"more than {CPU_SECONDS:.0f} s of a processor"
            if too_slow
            else f"the process ended with status {process.exitcode}"
        )
        return Tally(findings=[(why, last)])
    else:
        return tally
    finally:
        process.kill()
        process.join()


def _serve(pipe, name, n_inputs, seed_number, current):
    _warm_up(READERS[name])
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEGABYTES * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    pipe.send(fuzz(name, n_inputs, seed_number, current=current))
