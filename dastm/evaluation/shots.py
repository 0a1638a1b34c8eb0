"""Accuracy over the number of examples: the same queries, with the first 1, 2, 3 .. examples of the same draw.

In: episodes with the largest number of examples. Out: episodes with fewer; the parts of metrics.json, shots.csv and the
printed table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dastm.episodes.episode import Episode
from dastm.evaluation.intervals import mean_interval
from dastm.evaluation.metrics import Row

FIELDS = ("row", "shots", "accuracy", "interval")


def first_examples(episode: Episode, count: int) -> Episode:
    """The episode with the first `count` examples of each class; the queries are the same."""
    numbers = [number for row in episode.plan.support for number in range(len(row))]
    places = [place for place, number in enumerate(numbers) if number < count]
    return replace(
        episode,
        plan=replace(episode.plan, support=tuple(row[:count] for row in episode.plan.support)),
        support=episode.support.at(places),
        support_labels=episode.support_labels[places],
    )


def shots_summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Row -> number of examples -> mean and interval in %, seeds averaged first."""
    return {
        row.name: {
            str(count): mean_interval(np.mean([of_seed[count] for of_seed in row.by_shots.values()], axis=0))
            for count in next(iter(row.by_shots.values()))
        }
        for row in rows
    }


def shots_cells(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of shots.csv."""
    return [
        {"row": row, "shots": count, "accuracy": one["mean"], "interval": one["interval"]}
        for row, by_shots in found.items()
        for count, one in by_shots.items()
    ]


def shots_lines(found: Mapping[str, Any]) -> list[str]:
    """The table that `dastm eval` prints."""
    lines = [f"  {'examples a class':<24}" + "".join(f"{count:>16}" for count in next(iter(found.values())))]
    for row, by_shots in found.items():
        cells = [f"{one['mean']:.2f} ± {one['interval']:.2f}" for one in by_shots.values()]
        lines.append(f"  {row:<24}" + "".join(f"{cell:>16}" for cell in cells))
    return lines
