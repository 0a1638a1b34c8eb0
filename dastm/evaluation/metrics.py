"""Rows of accuracies in, their part of metrics.json out: means, intervals, paired differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dastm.config.evaluation import EvalConfig
from dastm.evaluation.intervals import Accuracies, mean_interval
from dastm.evaluation.open_rows import OpenRow
from dastm.evaluation.predictions import Columns


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: its name, and seed -> accuracy of every episode (or query, 0 or 1), in order."""

    name: str
    by_seed: Mapping[int, Accuracies]
    predicted: Mapping[int, Columns] = field(default_factory=dict)
    """seed -> the predictions of all queries, see `predictions`."""
    by_shots: Mapping[int, Mapping[int, Accuracies]] = field(default_factory=dict)
    """seed -> number of examples -> accuracies with this number, for each number of `EvalConfig.shots`."""
    opened: Sequence[OpenRow] = ()
    """How well its known queries are told from unknown ones, for each seed and way."""


def summary(rows: list[Row], config: EvalConfig, dataset: str) -> dict[str, Any]:
    """The accuracies for metrics.json, in %: every row with its intervals, and the paired differences to the first
    row."""
    first, *others = rows
    return {
        "protocol": config.name,
        "dataset": dataset,
        "settings": config.to_dict(),
        "rows": {row.name: _row_summary(row) for row in rows},
        "differences": {
            f"{first.name} - {other.name}": mean_interval(over_seeds(first) - over_seeds(other)) for other in others
        },
    }


def over_seeds(row: Row) -> Accuracies:
    """The mean over seeds of every episode's accuracy."""
    return np.asarray(np.mean(list(row.by_seed.values()), axis=0))


def _row_summary(row: Row) -> dict[str, Any]:
    """Mean over everything; interval over episodes (seeds averaged first), and over seeds if there are several."""
    entry: dict[str, Any] = mean_interval(over_seeds(row))
    if len(row.by_seed) > 1:
        entry["seeds"] = {str(seed): mean_interval(shares) for seed, shares in row.by_seed.items()}
        entry["interval_over_seeds"] = mean_interval(np.array([a.mean() for a in row.by_seed.values()]))["interval"]
    return entry
