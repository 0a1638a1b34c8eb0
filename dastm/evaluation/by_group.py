"""Evaluation on new people: examples and queries of different subjects, cameras or setups.

In: a shard folder whose clips name them, and an `EvalConfig` with `by`. Out: the `Groups` of the classes that have
enough subjects, a line for each class that has not, and the protocol leave-one-out. There each subject in turn is left
out: the queries are all clips of that subject, and the examples are drawn from all others, `DRAWS` times. The accuracy
of a subject is the mean over its clips and draws; the result is the mean over subjects. Its interval, and those of the
paired differences, are over subjects: they say what to expect of one more person.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest
from dastm.contract.wording import listed
from dastm.episodes.episode import Episode
from dastm.episodes.fetch import EpisodeSource, fetch_episode
from dastm.episodes.groups import (
    Groups,
    names_of,
    plan_without,
    read_groups,
    short_of_halves,
    short_of_others,
)
from dastm.evaluation.intervals import Accuracies, mean_interval
from dastm.evaluation.metrics import Row
from dastm.evaluation.predictions import Columns

DRAWS = 10
"""How many times examples are drawn for each subject that is left out."""


def usable_groups(
    shards: str, manifest: Manifest, config: EvalConfig, by: str
) -> tuple[dict[int, tuple[int, ...]], list[str]]:
    """The groups of all classes that the evaluation can draw, and a line for each class that is left out.

    Raises: as `read_groups`; RunError naming the classes with too few subjects, unless they are to be left out.
    """
    groups = read_groups(shards, manifest, config.subset, by)
    if config.protocol == "leave-one-out":
        short = short_of_others(groups, config.most_shots)
    else:
        short = short_of_halves(groups, config.most_shots, config.n_query)
    where, entries = f"{manifest.dataset}: {config.subset}", manifest.subsets[config.subset]
    lines = [f"class {c} ({entries[c].name}): {why}" for c, why in sorted(short.items())]
    if lines and config.too_few == "error":
        raise RunError(
            f"{where}: too few by {by} in {listed(lines)}; lower --k-shot, --shots or --n-query, or add"
            " --too-few leave_out"
        )
    if len(groups) < 2:
        raise RunError(f"{where}: an episode needs two classes, and there is {len(groups)}; split with more classes")
    if len(groups) - len(short) < 2:
        raise RunError(f"{where}: by {by}, fewer than two classes have enough: {listed(lines)}")
    return {c: of for c, of in groups.items() if c not in short}, [f"left out: {line}" for line in lines]


def n_held_out(groups: Groups) -> int:
    """Number of episodes of `held_out`."""
    return DRAWS * len(names_of(groups))


def held_out(
    source: EpisodeSource, config: EvalConfig, groups: Groups, device: torch.device, numbers: range
) -> Iterator[Episode]:
    """Each subject in ascending order, `DRAWS` times: its clips are the queries, examples are of all others."""
    names = names_of(groups)
    for number in numbers:
        name, draw = names[number // DRAWS], number % DRAWS
        plan = plan_without(groups, name, k_shot=config.most_shots, seed=config.seed, draw=draw)
        yield fetch_episode(source, config.subset, plan).to(device)


def over_draws(shares: Accuracies) -> Accuracies:
    """Accuracies of the episodes of `held_out` -> the accuracy of each subject."""
    return np.asarray(shares.reshape(-1, DRAWS).mean(1))


def clip_shares(columns: Columns) -> list[NDArray[np.float64]]:
    """Predictions of the episodes of `held_out` -> for each clip of each subject, the share of draws in which it was
    right (0 to 1)."""
    episode, class_id, _, predicted = columns
    hits = (class_id == predicted).astype(np.float64)
    subject = episode // DRAWS
    return [hits[subject == number].reshape(DRAWS, -1).mean(0) for number in range(int(subject.max()) + 1)]


def group_summary(rows: Sequence[Row], groups: Groups) -> dict[str, Any]:
    """The part of metrics.json on subjects: number of clips, and every row's accuracy in % with its interval over
    clips."""
    found = {
        row.name: [np.mean(of, axis=0) for of in zip(*map(clip_shares, row.predicted.values()), strict=True)]
        for row in rows
    }
    first = next(iter(found.values()))
    return {
        str(name): {
            "clips": len(first[number]),
            "accuracy": {row: mean_interval(of_row[number]) for row, of_row in found.items()},
        }
        for number, name in enumerate(names_of(groups))
    }


def group_fields(by: str) -> tuple[str, ...]:
    """The columns of episodes.csv, which has a line per row, seed and subject."""
    return ("row", "seed", by, "clips", "accuracy")


def group_cells(rows: Sequence[Row], each: Mapping[str, Any], by: str) -> list[dict[str, Any]]:
    """The lines of episodes.csv, from `group_summary`."""
    return [
        {"row": row.name, "seed": seed, by: name, "clips": entry["clips"], "accuracy": f"{share:.6f}"}
        for row in rows
        for seed, shares in row.by_seed.items()
        for (name, entry), share in zip(each.items(), shares, strict=True)
    ]


def worst_first(each: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Subjects with their part of `group_summary`, sorted by the accuracy of the first row."""
    return sorted(each.items(), key=lambda item: next(iter(item[1]["accuracy"].values()))["mean"])


def group_lines(each: Mapping[str, Any], by: str) -> list[str]:
    """The table that `dastm eval` prints, the worst subject first."""
    rows = list(next(iter(each.values()))["accuracy"])
    lines = [f"  {by:<10}{'clips':>6}" + "".join(f"{row:>24}" for row in rows)]
    for name, entry in worst_first(each):
        cells = [f"{one['mean']:.2f} ± {one['interval']:.2f}" for one in entry["accuracy"].values()]
        lines.append(f"  {name:<10}{entry['clips']:>6}" + "".join(f"{cell:>24}" for cell in cells))
    return lines
