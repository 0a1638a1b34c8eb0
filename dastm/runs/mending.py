"""Checkpoints that are gone or damaged are made again: what is damaged is renamed, said, and trained again.

In: the folder of one seed. Out: whether its training continues from there. Nothing random depends on what was there, so
a seed that is trained again ends with the weights that it had.
"""

from collections.abc import Callable
from pathlib import Path

from dastm.contract.errors import RunError
from dastm.runs.checkpoint import load_checkpoint

Log = Callable[[str], None]


def is_whole(path: Path) -> bool:
    """Whether a checkpoint is there and every byte of it is as it was written."""
    try:
        load_checkpoint(path)
    except RunError:
        return False
    return True


def whole_or_renamed(path: Path, seed: int, log: Log) -> bool:
    """Whether a checkpoint can be continued from; one that is damaged is renamed, and that is logged."""
    try:
        load_checkpoint(path)
    except RunError as error:
        log(f"seed {seed}: {str(error).partition(';')[0]}; made again from the start")
        if path.exists():
            path.replace(path.with_name(f"{path.name}.damaged"))
        return False
    return True


def continues(folder: Path, seed: int, log: Log) -> bool:
    """Whether the training of a seed continues from its last checkpoint.

    The best weights are in best.pt only: where that is gone or damaged, the seed is trained again as well.
    """
    last, best = folder / "last.pt", folder / "best.pt"
    if not last.exists() or not whole_or_renamed(last, seed, log):
        return False
    if load_checkpoint(last).get("best", -1.0) < 0 or whole_or_renamed(best, seed, log):
        return True
    last.unlink()
    return False
