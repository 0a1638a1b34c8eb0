"""A process that is killed at a file or a call, or whose disk is full; both commands in such a process.

They are forked from a process that has imported torch and all else once, and so are the cells of sweeps. That process
has the environment of a cell.
"""

import importlib
import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any
from unittest import mock

from dastm.sweep.process import COMMANDS_NAME, LOG_NAME, environment, run_commands
from tests.command_line import MAINS, told

FORKS = multiprocessing.get_context("forkserver")
PRELOADED = (
    *("dastm.cli", "dastm.evaluation.evaluator", "dastm.report.page", "dastm.sweep.run", "dastm.training.trainer"),
    *("pipeline.cli", "pipeline.parse.run", "pipeline.split.run"),
    # which are imported late, and take seconds
    *("torch._dynamo", "torch._refs", "pyarrow.dataset", "cffi.cparser", "tests.numba_ready"),
)
TIMEOUT_S = 300


def hamper(kill: str = "", limit: int = 0) -> None:
    """Have this process killed, or its disk full.

    Args:
        kill: `name#n`: it is killed as a file whose path has such a name in it takes that name for the nth time, or,
            where it is `module:function#n`, as the module calls the function for the nth time; the first without n.
        limit: bytes that a file may have, further ones cannot be written.
    """
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    place, _, nth = kill.partition("#")
    where, _, name = place.rpartition(":")
    if where:
        _kill_in(importlib.import_module(where), name, lambda *_: True, int(nth or 1))
    elif name:
        _kill_in(Path, "replace", lambda _, target: name in Path(target).as_posix(), int(nth or 1))


def _kill_in(owner: Any, name: str, counts: Callable[..., bool], nth: int) -> None:
    real, left = getattr(owner, name), iter(range(nth - 1))

    def called(*words: Any, **options: Any) -> Any:
        if counts(*words) and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*words, **options)

    setattr(owner, name, called)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    status: int
    """Negative: the signal."""
    out: str
    err: str
    """Without the lines that say how far it is."""


def forks() -> ForkServerContext:
    """What starts processes that have imported everything."""
    FORKS.set_forkserver_preload(list(PRELOADED))
    with mock.patch.dict(os.environ, environment(1, "")):
        ensure_running()
    return FORKS


def fork(target: Callable[..., None], *words: Any) -> multiprocessing.process.BaseProcess:
    """Start a process that calls `target`, a function of a module, with these words."""
    process = forks().Process(target=target, args=words)
    process.start()
    return process


def exit_status(process: multiprocessing.process.BaseProcess, name: str, seconds: float = TIMEOUT_S) -> int:
    """Wait for a process; TimeoutError if it hangs, and it is killed, or the end of the tests would wait for it."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"{name} hangs")
    return process.exitcode


def attempt(
    folder: Path,
    *words: object,
    command: str = "dastm",
    begin: Callable[[], None] = dict,
    kill: str = "",
    limit: int = 0,
) -> Ended:
    """Run a command with these words in a folder, see `hamper`, which the cells of a sweep are as well.

    `begin` is called in the process before the command is.
    """
    said = [folder.with_name(f"{folder.name}.{name}") for name in ("out", "err")]
    process = fork(_command, folder, said, command, [str(word) for word in words], begin, kill, limit)
    status = exit_status(process, f"{command} {words}")
    out, err = (path.read_text() for path in said)
    return Ended(status=status, out=out, err=told(err))


def run(folder: Path, *words: object, kill: str = "", **options: Any) -> str:
    """As `attempt`; it must succeed, or with `kill` be killed; what it says."""
    ended = attempt(folder, *words, kill=kill, **options)
    assert ended.status == (-signal.SIGKILL if kill else 0), ended
    return ended.out


def _command(
    folder: Path, said: list[Path], command: str, words: list[str], begin: Callable[[], None], kill: str, limit: int
) -> None:
    """In the new process."""
    import dastm.sweep.local
    import pipeline.work.workers

    begin()
    say_into(said, os.O_TRUNC)
    os.chdir(folder)
    # In a process that was forked itself, FORKS would begin with another one that imports everything.
    pipeline.work.workers.get_context = lambda _: multiprocessing.get_context("fork")  # type: ignore[assignment]
    dastm.sweep.local.start = lambda cell, _: _Forked(cell)  # type: ignore[assignment, return-value]
    hamper(kill, limit)
    MAINS[command](words, prog_name=command)


def say_into(paths: list[Path], mode: int) -> None:
    """From now on this process writes its output and its errors to these files."""
    for number, path in zip((1, 2), paths, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | mode), number)


class _Forked:
    """A cell's process, forked off that of its sweep, with what `dastm.sweep.local` needs of a Popen."""

    def __init__(self, folder: Path) -> None:
        self.process = multiprocessing.get_context("fork").Process(target=_cell, args=(folder,))
        self.process.start()

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int | None:
        self.process.join()
        return self.process.exitcode

    def terminate(self) -> None:
        self.process.terminate()

    def __enter__(self) -> "_Forked":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.close()


def _cell(folder: Path) -> None:
    """As `python -m dastm.sweep.process` does."""
    say_into([folder / LOG_NAME] * 2, os.O_APPEND)
    os.chdir(folder)
    run_commands(json.loads((folder / COMMANDS_NAME).read_bytes()))
