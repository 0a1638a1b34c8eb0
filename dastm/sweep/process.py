"""Runs one cell in its own process: the `dastm train` and `dastm eval` that a user would type, one after the other.

In: a cell's folder with commands.json. Out: the run folder that the commands make, and log.txt. The process ends when
its parent ends, however that happens, and first waits until an earlier process of the same cell has ended. This module
is small on purpose: a process that starts others needs no torch.
"""

import json
import os
import runpy
import shlex
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from dastm.runs.locks import locked

COMMANDS_NAME, LOG_NAME, LOCK_NAME = "commands.json", "log.txt", ".lock"
PACKAGES = Path(__file__).parents[2]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
ORPHANED = 3


def environment(threads: int, gpus: str | None) -> dict[str, str]:
    """What a cell's process is started with.

    Args:
        threads: sums are split by it, so results to the last bit go with this number and not with that of workers.
        gpus: as in CUDA_VISIBLE_DEVICES, empty for none; None: as in this process.
    """
    before = os.environ.get("PYTHONPATH")
    variables = {
        **os.environ,
        **dict.fromkeys(THREADS, str(threads)),
        # The working folder is not ours, and the code that runs a cell is the code that started it.
        "PYTHONPATH": f"{PACKAGES}{os.pathsep}{before}" if before else str(PACKAGES),
    }
    return variables if gpus is None else {**variables, "CUDA_VISIBLE_DEVICES": gpus}


def start(folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a cell's process; what it says goes to the end of log.txt. Its standard input is what keeps it alive."""
    with (folder / LOG_NAME).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dastm.sweep.process", str(folder)],
            cwd=folder,  # where no params.yaml has a say
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is the sweep's to hear
        )


def run(folder: Path, threads: int, gpus: str | None) -> int:
    """Run a cell to its end -> exit status."""
    with start(folder, environment(threads, gpus)) as process:
        return process.wait()


def last_words(folder: Path) -> str:
    """The last line of a cell's log: why it failed."""
    try:
        lines = (folder / LOG_NAME).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return "no log"
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing was said")


def end_with_parent() -> None:
    """End this process when standard input ends, which it does when the process at its other end is gone."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(ORPHANED)

    threading.Thread(target=watch, daemon=True).start()


def run_commands(commands: Sequence[Sequence[str]]) -> None:
    """Run commands as `python -m dastm` does, in this process, which imports torch once; SystemExit where one fails."""
    for words in commands:
        print(f"$ dastm {shlex.join(words)}", flush=True)  # noqa: T201 (the log)
        sys.argv = ["dastm", *words]
        try:
            runpy.run_module("dastm", run_name="__main__")
        except SystemExit as ended:
            if ended.code:
                raise


def main() -> None:
    """`python -m dastm.sweep.process FOLDER`"""
    end_with_parent()
    folder = Path(sys.argv[1])
    with locked(folder / LOCK_NAME):
        run_commands(json.loads((folder / COMMANDS_NAME).read_bytes()))


if __name__ == "__main__":
    main()
