"""Runs tasks whose results are files: in this process, in processes of this machine, or on a Ray cluster.

In: a function, and tasks that each hold everything that it needs. Out: task and result, as they are finished. At most
two tasks per worker are handed out at a time, so that memory is limited. `pipeline.work.resume` knows which tasks are
done.
"""

import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for_any
from threading import Thread
from typing import Any

from dastm.contract.errors import DataError
from pipeline.work.tasks import AHEAD, KILLED, P, R, Run, as_finished


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The workers that do tasks; they never change the results."""

    count: int | None = None
    """Number of processes; None: the number of cores, here or of the cluster."""
    ray: str | None = None
    """Address of a Ray cluster; `local` starts one on this machine; None: without Ray."""

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise DataError(f"workers: at least 1, got {self.count}")


def default_workers() -> int:
    """The default number of processes: the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def at_work(workers: Workers | int, most: int) -> Iterator[Run]:
    """Workers for tasks of any kind, at most `most` at a time; they end with the block.

    Args:
        workers: workers, or a number of processes.

    Raises: DataError if a worker is killed, and whatever a task raises.
    """
    workers = Workers(count=workers) if isinstance(workers, int) else workers
    if workers.ray is not None:
        from pipeline.work.on_ray import cluster

        with cluster(workers.ray, workers.count) as run:
            yield run
        return
    count = min(workers.count or default_workers(), most)
    if count <= 1:
        yield here
        return
    pool = worker_pool(count)
    try:
        yield _in_processes(pool, AHEAD * count)
    except BrokenProcessPool:
        raise DataError(f"a worker process {KILLED}") from None
    finally:
        pool.shutdown(cancel_futures=True)


def here(do: Callable[[P], R], tasks: Iterable[P], /) -> Generator[tuple[P, R], None, None]:
    """The `Run` of this process alone: task after task."""
    for task in tasks:
        yield task, do(task)


def _in_processes(pool: ProcessPoolExecutor, at_once: int) -> Run:
    def run(do: Callable[[P], R], tasks: Iterable[P], /) -> Generator[tuple[P, R], None, None]:
        return as_finished(lambda task: pool.submit(do, task), _finished, Future.result, tasks, at_once)

    return run


def _finished(futures: Sequence[Future[Any]]) -> Iterable[Future[Any]]:
    return wait(futures, return_when=FIRST_COMPLETED).done


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """A pool of processes that end with this one, however it ends."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """In a worker: Ctrl-C, which reaches all workers, ends it silently; the parent prints the message."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _leave_with_parent()


def _leave_with_parent() -> None:
    """In a worker: exit as soon as the parent is gone, or it would go on writing beside the run that takes over."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    wait_for_any([sentinel])
    os._exit(1)
