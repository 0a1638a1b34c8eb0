"""Episode accuracies of a sweep's cells -> the numbers of its table: means, deviations, intervals, paired
differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from dastm.config.evaluation import EvalConfig
from dastm.evaluation.intervals import Accuracies, interval95
from dastm.sweep.cells import Cell, Sweep
from dastm.sweep.grid import evaluation_name
from dastm.sweep.published_accuracies import Published, deviation, published_table
from dastm.sweep.results import CellResult, Status


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the table: backbone, data set and evaluation."""

    backbone: str
    dataset: str
    evaluation: EvalConfig


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The reference row minus this one on the same episodes, in %."""

    mean: float
    interval: float
    """Half the 95 % interval over episodes, accuracies averaged over the seeds that both rows have."""
    p: float
    """The p value of a paired t-test over episodes."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One cell of the table, in %; None for values that are not known."""

    row: str
    column: Column
    status: Status
    """`finished` if at least one seed is; `mixed` if seeds were trained on different shards."""
    seeds: int
    """Number of finished seeds."""
    of_seeds: int
    failed: int
    mean: float | None = None
    deviation: float | None = None
    """Standard deviation over seeds, with divisor n as in the paper; None for one seed."""
    over_seeds: float | None = None
    """Half the 95 % interval over seeds (Student's t)."""
    over_episodes: float | None = None
    """Half the 95 % interval over episodes, averaged over seeds first."""
    difference: Difference | None = None
    published: Published | None = None


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The finished seeds of one row in one column."""

    by_seed: Mapping[int, Accuracies]
    digests: frozenset[str]
    """Of the shards that they were trained and scored on."""


def entries(sweep: Sweep, results: Mapping[str, CellResult]) -> list[Entry]:
    """All cells of the table, row by row; then the baselines that its evaluations name, beside the reference row."""
    published = published_table(sweep.grid.published).cells if sweep.grid.published else {}
    found = []
    for row in (*sweep.rows, *baseline_rows(sweep)):
        for column in columns(sweep):
            cells = _cells(sweep, row if row in sweep.rows else sweep.reference, column)
            statuses = [results[cell.name].status for cell in cells]
            scores = _scores(cells, column, results, None if row in sweep.rows else row)
            status: Status = "finished" if scores.by_seed else "failed" if "failed" in statuses else "missing"
            if len(scores.digests) > 1:  # seeds of different data have no mean
                status, scores = "mixed", Scores(by_seed={}, digests=frozenset())
            found.append(
                Entry(
                    row=row,
                    column=column,
                    status=status,
                    seeds=len(scores.by_seed),
                    of_seeds=len(cells),
                    failed=statuses.count("failed"),
                    published=published.get((row, column.backbone, column.dataset)),
                    difference=_against_reference(sweep, row, column, scores, results),
                    **_summary(list(scores.by_seed.values())),
                )
            )
    return found


def baseline_rows(sweep: Sweep) -> tuple[str, ...]:
    """Baselines that are no rows of the grid, in the order in which its evaluations name them."""
    named = dict.fromkeys(name for evaluation in sweep.grid.evaluate for name in evaluation.baselines)
    return tuple(name for name in named if name not in sweep.rows)


def columns(sweep: Sweep) -> list[Column]:
    """The columns of the table: backbones, within each the data sets, within each the evaluations."""
    grid = sweep.grid
    return [
        Column(backbone=backbone, dataset=dataset, evaluation=evaluation)
        for backbone in grid.backbones
        for dataset in grid.shards
        for evaluation in grid.evaluate
    ]


def difference(reference: Sequence[Accuracies], other: Sequence[Accuracies]) -> Difference:
    """Paired difference of two rows, seeds averaged first. Raises: ValueError if the episodes differ in number."""
    first, second = (np.mean(np.stack(list(row)), axis=0) for row in (reference, other))
    if first.shape != second.shape:
        raise ValueError(f"rows of {len(first)} and {len(second)} episodes cannot be paired")
    apart = first - second
    mean, spread = float(apart.mean()), float(apart.std(ddof=1))
    # Without spread there is no t: nothing differs, or everything by the same.
    p = float(mean == 0) if len(apart) > 1 else float("nan")
    if spread > 0:  # Student's, from scipy.special: to import scipy.stats takes a second
        p = 2 * float(special.stdtr(len(apart) - 1, -abs(mean) / (spread / len(apart) ** 0.5)))
    return Difference(mean=100 * mean, interval=100 * interval95(apart), p=p)


def _cells(sweep: Sweep, row: str, column: Column) -> list[Cell]:
    place = (row, column.backbone, column.dataset)
    return [cell for cell in sweep.cells if (cell.row, cell.backbone, cell.dataset) == place]


def _scores(
    cells: Sequence[Cell], column: Column, results: Mapping[str, CellResult], baseline: str | None = None
) -> Scores:
    """Of the cells' own networks, or of a baseline that was scored beside them."""
    name = evaluation_name(column.evaluation)
    by_seed, digests = {}, set()
    for cell in cells:
        result = results[cell.name]
        found = result.accuracies.get(name) if baseline is None else result.baselines.get((name, baseline))
        if found is not None:
            by_seed[cell.seed] = found
            digests |= {result.record.shards_digest} if result.record is not None else set()
    return Scores(by_seed=by_seed, digests=frozenset(digests))


def _summary(seeds: Sequence[Accuracies]) -> dict[str, float]:
    if not seeds:
        return {}
    means = np.array([100 * shares.mean() for shares in seeds])
    summary = {"mean": float(means.mean()), "over_episodes": 100 * interval95(np.mean(np.stack(list(seeds)), axis=0))}
    if len(seeds) > 1:
        summary |= {"deviation": deviation(means.tolist()), "over_seeds": interval95(means)}
    return summary


def _against_reference(
    sweep: Sweep, row: str, column: Column, scores: Scores, results: Mapping[str, CellResult]
) -> Difference | None:
    """None for the reference itself, and where the two have no seed or not the same shards in common."""
    if row == sweep.reference:
        return None
    reference = _scores(_cells(sweep, sweep.reference, column), column, results)
    common = [seed for seed in scores.by_seed if seed in reference.by_seed]
    if not common or len(reference.digests | scores.digests) > 1:
        return None
    return difference([reference.by_seed[s] for s in common], [scores.by_seed[s] for s in common])
