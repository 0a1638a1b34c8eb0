"""Replaces lost and damaged checkpoints: a damaged one is renamed, reported, and trained again.

In: the folder of one seed. Out: the checkpoint from which its training continues, or None. Random numbers do not depend
on checkpoints, so a seed that is trained again ends with the same weights.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dastm.contract.errors import RunError
from dastm.runs.checkpoint import best_of, load_checkpoint, save_checkpoint

Log = Callable[[str], None]
State = dict[str, Any]


def is_whole(path: Path) -> bool:
    """Whether a checkpoint exists and every byte of it is as it was written."""
    try:
        load_checkpoint(path)
    except RunError:
        return False
    return True


def whole_or_renamed(path: Path, seed: int, log: Log, instead: str = "made again from the start") -> State | None:
    """A checkpoint to continue from; None if it is lost or damaged, which is logged with what is done instead.

    A damaged one is renamed.
    """
    try:
        return load_checkpoint(path)
    except RunError as error:
        log(f"seed {seed}: {str(error).partition(';')[0]}; {instead}")
        if path.exists():
            path.replace(path.with_name(f"{path.name}.damaged"))
        return None


def last_state(folder: Path, seed: int, is_best: Callable[[Mapping[str, Any]], bool], log: Log) -> State | None:
    """The last checkpoint of a seed, from which its training continues; None: the training starts from the beginning.

    If best.pt is lost or damaged, it is written again if the last weights are the best ones (`is_best`). Otherwise the
    best weights are lost: last.pt is renamed, and the seed is trained again.
    """
    last, best = folder / "last.pt", folder / "best.pt"
    state = whole_or_renamed(last, seed, log) if last.exists() else None
    if state is None or state.get("best", -1.0) < 0:
        return state
    if is_best(state):
        if whole_or_renamed(best, seed, log, "made again from last.pt") is None:
            save_checkpoint(best, best_of(state))
        return state
    if whole_or_renamed(best, seed, log) is not None:
        return state
    last.replace(last.with_name("last.pt.old"))
    return None
