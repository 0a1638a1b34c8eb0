"""A lock is held by one process at a time and ends with it; what it is for is tested where it is used."""

import subprocess
import sys

import pytest

from dastm.locks import locked


def test_a_lock_is_held_once_and_free_afterwards(tmp_path):
    path = tmp_path / "new folder" / ".lock"
    with locked(path), pytest.raises(BlockingIOError), locked(path, wait=False):
        pass
    with locked(path, wait=False):
        pass


def test_who_waits_gets_the_lock_when_its_holder_is_gone(tmp_path):
    path = tmp_path / ".lock"
    code = "import sys; from pathlib import Path; from dastm.locks import locked\n"
    code += "with locked(Path(sys.argv[1])): print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        with pytest.raises(BlockingIOError), locked(path, wait=False):
            pass
        holder.kill()
        with locked(path):
            pass
