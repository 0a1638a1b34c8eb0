"""A lock is held by one process at a time and ends with it; what it is for is tested where it is used."""

import subprocess
import sys

import pytest

from dastm.contract.errors import RunError
from dastm.runs.locks import alone, locked


def test_a_lock_is_held_once_and_free_afterwards(tmp_path):
    path = tmp_path / "new folder" / ".lock"
    with locked(path), pytest.raises(BlockingIOError), locked(path, wait=False):
        pass
    with locked(path, wait=False):
        pass


def test_who_waits_gets_the_lock_when_its_holder_is_gone(tmp_path):
    path = tmp_path / ".lock"
    code = "import sys; from pathlib import Path; from dastm.runs.locks import locked\n"
    code += "with locked(Path(sys.argv[1])): print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        with pytest.raises(BlockingIOError), locked(path, wait=False):
            pass
        holder.kill()
        with locked(path):
            pass


def test_alone_tells_who_is_there_and_takes_no_other_error_for_it(tmp_path):
    path = tmp_path / ".lock"
    with locked(path), pytest.raises(RunError, match=r"^somebody is here$"), alone(path, "somebody is here"):
        pass
    with pytest.raises(BlockingIOError, match="of the work itself"), alone(path, "somebody is here"):
        raise BlockingIOError("of the work itself")
