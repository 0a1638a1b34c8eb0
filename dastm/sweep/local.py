"""Cells as processes on this machine's cores or GPUs. In: folders of cells. Out: each one's exit status as it ends."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dastm.sweep.process import environment, start

POLL_S = 0.05


def gpus_here() -> list[str]:
    """Names of the GPUs for CUDA_VISIBLE_DEVICES, those that it leaves us where it is set."""
    import torch

    count = torch.cuda.device_count()
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return [name.strip() for name in allowed.split(",")][:count] if allowed else [str(i) for i in range(count)]


def run_local(folders: Sequence[Path], places: Sequence[str], threads: int) -> Iterator[tuple[Path, int]]:
    """Run all cells, one at a time in each place; closing the iterator ends those that are at work.

    Args:
        places: a worker each: the GPU that it has, empty for none.
        threads: of every cell.
    """
    waiting, free = list(reversed(folders)), list(places)
    running: dict[Path, tuple[subprocess.Popen[bytes], str]] = {}
    try:
        while waiting or running:
            while waiting and free:
                folder, place = waiting.pop(), free.pop(0)
                running[folder] = start(folder, environment(threads, place)), place
            ended = [folder for folder, (process, _) in running.items() if process.poll() is not None]
            for folder in ended:
                process, place = running.pop(folder)
                free.append(place)
                yield folder, _close(process)
            if not ended:
                time.sleep(POLL_S)
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            _close(process)


def _close(process: subprocess.Popen[bytes]) -> int:
    with process:
        return process.wait()
