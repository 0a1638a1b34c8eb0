"""Checkpoints: dictionaries of tensors and plain values, written completely or not at all, read without executing
anything.

train/seed-<n>/last.pt holds all of `dastm.training.state.TrainingState`: weights, optimiser, position, curves.
train/seed-<n>/best.pt holds the part `best_of` it, at the epoch with the best validation accuracy.
"""

import io
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dastm.contract.errors import RunError
from dastm.runs.files import write_bytes


class Due:
    """Says whether `seconds` have passed since it last said yes, or since it was made."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.last = seconds, time.monotonic()

    def __call__(self) -> bool:
        """Whether it is time for the next checkpoint."""
        now = time.monotonic()
        due = now - self.last >= self.seconds
        if due:
            self.last = now
        return due


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Save a checkpoint of tensors, numbers, strings, lists and mappings, which are all that `load_checkpoint`
    accepts."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_bytes(path, buffer.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU; nothing in the file is executed. Raises: RunError naming a damaged file.

    `load_state_dict` moves tensors to the device. Adam's step counts stay on the CPU, because reading them from the GPU
    would make every step wait.
    """
    if not path.is_file():
        raise RunError(f"{path}: no such checkpoint; `dastm train` makes it")
    data = io.BytesIO(path.read_bytes())
    state = None
    try:
        changed = zipfile.ZipFile(data).testzip()  # torch writes checksums and does not look at them
        data.seek(0)
        state = None if changed else torch.load(data, map_location="cpu", weights_only=True)
        reason = f"the checksum of {changed} differs" if changed else "it does not hold values by name"
    except MemoryError:  # says nothing of the file
        raise
    except zipfile.BadZipFile:
        reason = "its end is missing, or it is another file"
    except Exception:  # the unpickler fails in a dozen ways on bytes that are not its own
        reason = "what it holds is not what `dastm train` writes"
    if not isinstance(state, dict):
        raise RunError(f"{path}: damaged checkpoint ({reason}); `dastm train` makes it again")
    return state


def best_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """The part of last.pt that best.pt holds at the same epoch."""
    return {"model": state["model"], "epoch": state["epoch"]}
