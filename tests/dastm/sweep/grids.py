"""A grid of two methods on the toy shards, small enough for a test; and cells as if they had been run."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dastm.evaluation.metrics import Row, summary
from dastm.evaluation.results_folder import write_evaluation
from dastm.runs.checkpoint import save_checkpoint
from dastm.runs.files import write_bytes
from dastm.runs.record import TrainingRecord
from dastm.sweep.cells import Cell, Sweep, expand
from dastm.sweep.grid import evaluation_name, grid_from_dict
from dastm.sweep.results import cell_folder
from tests.toy import TINY

GRID: dict[str, Any] = {
    "name": "toy",
    "title": "Toy",
    "preset": ["small"],
    "methods": ["dtw", "dastm"],
    "backbones": {"ST-GCN": {}},
    "shards": {"toy": "shards/toy"},
    "seeds": [0, 1],
    "set": TINY,
    "evaluate": [{"n_way": 3, "n_query": 2, "episodes": 6}],
}


def toy_grid(**changed: Any) -> dict[str, Any]:
    """The grid's YAML, with other values; None leaves a key out."""
    return {key: value for key, value in {**GRID, **changed}.items() if value is not None}


def toy_sweep(**changed: Any) -> Sweep:
    """The grid's cells."""
    return expand(grid_from_dict(toy_grid(**changed), "toy.yaml"), "toy.yaml")


def squeezed(markdown: str) -> str:
    """A table without the blanks that line up its columns."""
    return re.sub(" +", " ", markdown)


def pretend(
    out: Path, cell: Cell, accuracies: Any, sweep: Sweep, baselines: Mapping[str, Any] | None = None, **record: Any
) -> None:
    """Leave what a cell leaves that was trained and scored with these accuracies (shares), one array an evaluation.

    `baselines` are further rows with accuracies.
    """
    folder = cell_folder(out, cell)
    facts: Mapping[str, Any] = {
        "config": cell.config,
        "shards": cell.shards,
        "dataset": "toy",
        "shards_digest": "d",
        "code": "0123456789",
        "versions": {"dastm": "1.2.3", "torch": "2"},
        "revision": None,
        **record,
    }
    TrainingRecord(**facts).write(folder)
    write_bytes(folder / "curves.csv", b"")
    save_checkpoint(folder / "train" / f"seed-{cell.seed}" / "best.pt", {})
    for evaluation, shares in zip(sweep.grid.evaluate, accuracies, strict=False):
        shares = np.asarray(shares, dtype=float)
        rows = [Row(name=cell.config.method, by_seed={cell.seed: shares})]
        for name, others in (baselines or {}).items():
            seed = cell.seed if name == "untrained" else 0
            rows.append(Row(name=name, by_seed={seed: np.asarray(others, dtype=float)}))
        scored = summary(rows, replace(evaluation, episodes=len(shares)), "toy")
        metrics = {**scored, "shards": facts["shards_digest"]}
        write_evaluation(rows, metrics, folder / "eval" / evaluation_name(evaluation))
