"""Reads the results of a sweep's cells: which trainings are complete, and every episode's accuracy.

A cell is finished if its folder has a training with exactly its configuration and shards, and all evaluations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from dastm.config.evaluation import EvalConfig
from dastm.config.load import checked
from dastm.config.schema import Config
from dastm.contract.errors import RunError
from dastm.evaluation.intervals import Accuracies
from dastm.runs.record import TrainingRecord
from dastm.runs.results import CURVES_NAME, METRICS_NAME, read_evaluation
from dastm.sweep.cells import CELLS_NAME, Cell, Sweep
from dastm.sweep.grid import evaluation_name

FAILED_NAME = "failed.json"
Status = Literal["finished", "failed", "missing", "mixed"]


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """The results of one cell so far."""

    status: Status
    record: TrainingRecord | None
    """The record of a complete training; None: there is none."""
    accuracies: Mapping[str, Accuracies]
    """Name of an evaluation -> every episode's accuracy, a share, in order; what is not evaluated is not in it."""
    baselines: Mapping[tuple[str, str], Accuracies] = field(default_factory=dict)
    """(name of an evaluation, baseline that it names) -> the same."""
    damaged: tuple[str, ...] = ()
    """A line for each result that is damaged."""


def cell_folder(out: Path, cell: Cell) -> Path:
    """The run folder of a cell."""
    return out / CELLS_NAME / cell.name


def read_results(sweep: Sweep, out: Path) -> dict[str, CellResult]:
    """Name of a cell -> its results so far."""
    return {cell.name: read_cell(cell, sweep.grid.evaluate, cell_folder(out, cell)) for cell in sweep.cells}


def read_cell(
    cell: Cell, evaluations: tuple[EvalConfig, ...], folder: Path, shards_digest: str | None = None
) -> CellResult:
    """The results of a cell so far; `shards_digest` None: on any shards."""
    record = _whole_training(cell, folder, shards_digest)
    accuracies: dict[str, Accuracies] = {}
    baselines: dict[tuple[str, str], Accuracies] = {}
    damaged: list[str] = []
    if record is not None:
        for evaluation in evaluations:
            name = evaluation_name(evaluation)
            try:
                found = _evaluated(folder / "eval" / name, evaluation, record, cell.seed)
            except RunError as error:
                damaged.append(str(error).partition(";")[0])
                continue
            if found and record.config.method in found:
                accuracies[name] = found.pop(record.config.method)
                baselines |= {(name, baseline): shares for baseline, shares in found.items()}
    unfinished: Status = "failed" if (folder / FAILED_NAME).exists() else "missing"
    status: Status = "finished" if len(accuracies) == len(evaluations) else unfinished
    return CellResult(status=status, record=record, accuracies=accuracies, baselines=baselines, damaged=tuple(damaged))


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


def _evaluated(folder: Path, evaluation: EvalConfig, record: TrainingRecord, seed: int) -> dict[str, Accuracies]:
    """Row -> accuracies of a whole evaluation; none where it is another one, or not there. RunError where damaged."""
    if not (folder / METRICS_NAME).is_file():
        return {}
    found = read_evaluation(folder)
    settings, shards = found.metrics["settings"], found.metrics.get("shards")
    if checked(EvalConfig, settings, "") != evaluation or shards != record.shards_digest:
        return {}
    places = {(record.config.method, seed), *((name, own) for name in evaluation.baselines for own in (0, seed))}
    rows: dict[str, list[float]] = {}
    for line in found.episodes:
        if (line["row"], line["seed"]) in places:  # a baseline without a network has seed 0
            rows.setdefault(line["row"], []).append(line["accuracy"])
    return {row: np.array(shares) for row, shares in rows.items() if len(shares) == evaluation.episodes}
