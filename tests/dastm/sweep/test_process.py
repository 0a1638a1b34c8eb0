"""A cell's process: the commands as typed, a log, an end with whoever started it, and never two at once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dastm.runs.locks import locked
from dastm.sweep.process import (
    LOCK_NAME,
    ORPHANED,
    PACKAGES,
    environment,
    last_words,
    run,
    run_commands,
    start,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def cell(tmp_path):
    def with_commands(*commands):
        (tmp_path / "commands.json").write_text(json.dumps(commands))
        return tmp_path

    return with_commands


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_commands_run_one_after_the_other_until_one_fails(capsys):
    with pytest.raises(SystemExit) as ended:
        run_commands([["--version"], ["table", "no such folder"], ["--version"]])
    assert ended.value.code == 1
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert (lines[0], lines[1][:5], lines[2:]) == ("$ dastm --version", "dastm", ["$ dastm table 'no such folder'"])
    assert said.err.startswith("dastm: no such folder: no sweep")


def test_the_log_keeps_what_was_said_and_every_attempt(cell):
    folder = cell(["--version"], ["nowhere"])
    for _ in range(2):
        assert run(folder, 1, "") == 2
    log = (folder / "log.txt").read_text()
    assert log.count("$ dastm --version\n") == log.count("$ dastm nowhere\n") == 2
    assert last_words(folder) == "Error: No such command 'nowhere'."


def test_last_words_of_nothing(tmp_path):
    assert last_words(tmp_path) == "no log"
    (tmp_path / "log.txt").write_bytes(b"\n \n")
    assert last_words(tmp_path) == "nothing was said"
    (tmp_path / "log.txt").write_bytes(b"one\ntwo \xff\n\n")
    assert last_words(tmp_path) == "two \N{REPLACEMENT CHARACTER}"


def test_threads_gpus_and_the_code_are_the_environments(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert environment(3, None)["CUDA_VISIBLE_DEVICES"] == "7"
    assert environment(3, "1")["CUDA_VISIBLE_DEVICES"] == "1"
    assert {environment(3, "")[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")} == {"3"}
    assert environment(1, "")["PYTHONPATH"] == str(PACKAGES)
    monkeypatch.setenv("PYTHONPATH", "/else")
    assert environment(1, "")["PYTHONPATH"] == f"{PACKAGES}{os.pathsep}/else"


def test_a_cell_waits_for_the_one_before_it_and_ends_with_its_parent(cell):
    folder = cell(["--version"])
    with locked(folder / LOCK_NAME, wait=True):
        process = start(folder, environment(1, ""))
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        assert (folder / "log.txt").read_text() == ""
        with pytest.raises(BlockingIOError), locked(folder / LOCK_NAME, wait=False):
            pass
        process.stdin.close()  # as the parent's end closes it
        assert process.wait(30) == ORPHANED


def test_a_killed_parent_takes_its_cell_with_it(cell, tmp_path):
    """The parent waits for a cell that waits for the lock, which we hold."""
    folder = cell(["--version"])
    words = f"from dastm.sweep.process import run; from pathlib import Path; run(Path({str(folder)!r}), 1, '')"
    with locked(folder / LOCK_NAME, wait=True):
        parent = subprocess.Popen([sys.executable, "-c", words], env=environment(1, ""))
        wait_until(lambda: children(parent.pid))
        (child,) = children(parent.pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        wait_until(lambda: not alive(child))
    assert (folder / "log.txt").read_text() == ""


def children(pid):
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    """Whether a process is there and not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
