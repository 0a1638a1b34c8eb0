import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from multiprocessing import Pipe
from pathlib import Path
from queue import Queue
from types import SimpleNamespace

import pytest

from dastm.contract.errors import DataError
from pipeline.work import workers
from pipeline.work.tasks import AHEAD, as_finished
from pipeline.work.workers import Workers, at_work, default_workers, worker_pool


@pytest.mark.parametrize("count", [1, 2])
def test_every_task_is_done_once_and_comes_with_its_result(count):
    with at_work(Workers(count=count), 7) as run:
        assert sorted(run(abs, range(-3, 4))) == [(task, abs(task)) for task in range(-3, 4)]
        assert list(run(str, [1])) == [(1, "1")]


def test_one_task_needs_no_other_process():
    with at_work(Workers(count=8), 1) as run:
        assert list(run(lambda task: os.getpid(), [0])) == [(0, os.getpid())]


@pytest.mark.parametrize("count", [1, 2])
def test_what_a_task_raises_stops_the_run(count):
    with pytest.raises(ValueError, match="invalid literal"), at_work(Workers(count=count), 3) as run:
        list(run(int, ["1", "x", "2"]))


def test_no_more_than_two_tasks_a_worker_are_handed_out():
    handed, out = [], set()

    def submit(task):
        handed.append(task)
        out.add(task)
        assert len(out) <= 2 * AHEAD
        return task

    def one(handles):
        out.remove(handles[-1])
        return [handles[-1]]

    results = as_finished(submit, one, lambda handle: -handle, range(10), 2 * AHEAD)
    with closing(results):
        assert next(results) == (3, -3)
        assert handed == [0, 1, 2, 3]
        assert sorted([(3, -3), *results]) == [(task, -task) for task in range(10)]


def test_less_than_one_worker_is_an_error():
    with pytest.raises(DataError, match="workers: at least 1, got 0"):
        Workers(count=0)


class Deadly:
    """Kills the process that receives it."""

    def __reduce__(self):
        return os._exit, (3,)


def test_a_worker_that_is_killed_is_one_clear_line():
    with pytest.raises(DataError, match="a worker process was killed"), at_work(Workers(count=2), 2) as run:
        list(run(len, [Deadly(), Deadly()]))


ORPHANS = """
import os, signal
from pipeline.work.workers import worker_pool
pool = worker_pool(1)
print(pool.submit(os.getpid).result(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_workers_do_not_outlive_a_killed_run(tmp_path):
    with (tmp_path / "pid").open("wb") as output:  # a pipe would stay open as long as the worker lives
        run = [sys.executable, "-c", ORPHANS]
        killed = subprocess.run(
            run, stdout=output, stderr=subprocess.DEVNULL, check=False, timeout=60, cwd=Path(__file__).parents[3]
        )
    assert killed.returncode == -signal.SIGKILL
    worker = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    left_behind = is_running(worker)
    if left_behind:
        os.kill(worker, signal.SIGKILL)
    assert not left_behind


def test_a_worker_leaves_when_its_parent_has_gone(monkeypatch):
    left = Queue()
    receiver, sender = Pipe(duplex=False)
    monkeypatch.setattr(os, "_exit", left.put)
    monkeypatch.setattr(workers, "parent_process", lambda: SimpleNamespace(sentinel=receiver.fileno()))
    workers._leave_with_parent()
    assert left.empty()
    sender.close()
    assert left.get(timeout=20) == 1
    receiver.close()


def test_ctrl_c_ends_a_worker_without_a_traceback():
    with worker_pool(1) as pool:
        assert pool.submit(signal.getsignal, signal.SIGINT).result(timeout=60) == signal.SIG_DFL


def test_default_workers_are_at_least_one():
    assert 1 <= default_workers() <= (os.cpu_count() or 1)
