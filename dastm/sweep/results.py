"""What the folders of a sweep's cells hold: which trainings are whole, and every episode's accuracy.

A cell is finished where its folder has the training of its very configuration on its very shards, and all evaluations.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dastm.checkpoint import CURVES_NAME, TrainingRecord, read_json
from dastm.config import Config, EvalConfig, checked
from dastm.errors import RunError
from dastm.evaluator import Accuracies
from dastm.sweep.cells import CELLS_NAME, Cell, Sweep
from dastm.sweep.grid import evaluation_name

FAILED_NAME = "failed.json"
Status = Literal["finished", "failed", "missing"]


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """What is there of one cell."""

    status: Status
    record: TrainingRecord | None
    """Of a whole training; None: there is none."""
    accuracies: Mapping[str, Accuracies]
    """Name of an evaluation -> every episode's accuracy, a share, in order; what is not evaluated is not in it."""


def cell_folder(out: Path, cell: Cell) -> Path:
    """Where a cell's run is."""
    return out / CELLS_NAME / cell.name


def read_results(sweep: Sweep, out: Path) -> dict[str, CellResult]:
    """Name of a cell -> what is there of it."""
    return {cell.name: read_cell(cell, sweep.grid.evaluate, cell_folder(out, cell)) for cell in sweep.cells}


def read_cell(
    cell: Cell, evaluations: tuple[EvalConfig, ...], folder: Path, shards_digest: str | None = None
) -> CellResult:
    """What is there of a cell; None for `shards_digest`: of any shards."""
    record = _whole_training(cell, folder, shards_digest)
    accuracies: dict[str, Accuracies] = {}
    if record is not None:
        for evaluation in evaluations:
            name = evaluation_name(evaluation)
            found = _evaluated(folder / "eval" / name, evaluation, record.config.method, cell.seed)
            if found is not None:
                accuracies[name] = found
    if len(accuracies) == len(evaluations):
        return CellResult(status="finished", record=record, accuracies=accuracies)
    status: Status = "failed" if (folder / FAILED_NAME).exists() else "missing"
    return CellResult(status=status, record=record, accuracies=accuracies)


def _whole_training(cell: Cell, folder: Path, shards_digest: str | None) -> TrainingRecord | None:
    """The record of a training of this configuration that came to its end."""
    if not (folder / CURVES_NAME).is_file():
        return None
    try:
        record = TrainingRecord.read(folder)
    except RunError:
        return None
    same = _anywhere(record.config) == _anywhere(cell.config) and shards_digest in (None, record.shards_digest)
    return record if same and (folder / "train" / f"seed-{cell.seed}" / "best.pt").is_file() else None


def _anywhere(config: Config) -> Config:
    return replace(config, optimise=replace(config.optimise, device="auto"))


def _evaluated(folder: Path, evaluation: EvalConfig, row: str, seed: int) -> Accuracies | None:
    """Accuracies of a whole evaluation; None where it is another one, damaged, or not there."""
    try:
        metrics: Any = read_json(folder / "metrics.json")
        if checked(EvalConfig, metrics["settings"], "") != evaluation:
            return None
        with (folder / "episodes.csv").open(newline="", encoding="utf-8") as file:
            lines = [line for line in csv.DictReader(file) if (line["row"], line["seed"]) == (row, str(seed))]
        found = np.array([float(line["accuracy"]) for line in lines])
    except (RunError, OSError, KeyError, TypeError, ValueError):
        return None
    return found if len(found) == evaluation.episodes else None
