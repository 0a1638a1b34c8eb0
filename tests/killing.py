"""A process that is killed at a file or a call, or whose disk is full; `dastm` in such a process.

`dastm` is forked from a process that has imported torch once, and so are the cells of its sweeps.
"""

import importlib
import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command_line import told

FORKS = multiprocessing.get_context("forkserver")
PRELOADED = (
    *("dastm.cli", "dastm.evaluation.evaluator", "dastm.report.page", "dastm.sweep.run", "dastm.training.trainer"),
    *(
        "torch._dynamo",
        "torch._refs",
        "pyarrow.dataset",
        "cffi.cparser",
        "numba.cpython.charseq",
    ),  # which are imported late, and take seconds
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


def attempt(folder: Path, *words: object, kill: str = "", limit: int = 0) -> Ended:
    """Run `dastm` with these words in a folder, see `hamper`; a cell of a sweep is killed in place of the sweep."""
    FORKS.set_forkserver_preload(list(PRELOADED))
    said = [folder.with_name(f"{folder.name}.{name}") for name in ("out", "err")]
    process = FORKS.Process(target=_dastm, args=(folder, said, [str(word) for word in words], kill, limit))
    process.start()
    process.join(TIMEOUT_S)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"dastm {words} hangs")
    out, err = (path.read_text() for path in said)
    return Ended(status=process.exitcode, out=out, err=told(err))


def dastm(folder: Path, *words: object, kill: str = "") -> str:
    """Run it; it must succeed, or with `kill` be killed; what it says."""
    ended = attempt(folder, *words, kill=kill)
    assert ended.status == (-signal.SIGKILL if kill else 0), ended
    return ended.out


def _begin(folder: Path, said: list[Path], mode: int, kill: str, limit: int) -> None:
    for number, path in zip((1, 2), said, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | mode), number)
    os.chdir(folder)

    import numba
    import torch

    torch.set_num_threads(1)
    numba.set_num_threads(1)
    hamper(kill, limit)


def _dastm(folder: Path, said: list[Path], words: list[str], kill: str, limit: int) -> None:
    """In the new process."""
    import dastm.sweep.local
    from dastm.cli import main

    _begin(folder, said, os.O_TRUNC, kill, limit)
    dastm.sweep.local.start = lambda cell, _: _Forked(cell, kill, limit)  # type: ignore[assignment, return-value]
    main(words, prog_name="dastm")


class _Forked:
    """A cell's process, with what `dastm.sweep.local` needs of a Popen."""

    def __init__(self, folder: Path, kill: str, limit: int) -> None:
        self.process = FORKS.Process(target=_cell, args=(folder, kill, limit))
        self.process.start()

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int | None:
        self.process.join()
        return self.process.exitcode

    def __enter__(self) -> "_Forked":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.close()


def _cell(folder: Path, kill: str, limit: int) -> None:
    """As `python -m dastm.sweep.process` does."""
    from dastm.sweep.process import COMMANDS_NAME, LOG_NAME, run_commands

    _begin(folder, [folder / LOG_NAME] * 2, os.O_APPEND, kill, limit)
    run_commands(json.loads((folder / COMMANDS_NAME).read_bytes()))
