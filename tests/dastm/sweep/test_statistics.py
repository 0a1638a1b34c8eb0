"""The figures of the table, against what scipy and plain sums say of the same accuracies."""

import numpy as np
import pytest
from scipy import stats

from dastm.runs.record import TrainingRecord
from dastm.sweep.grid import evaluation_name
from dastm.sweep.results import CellResult
from dastm.sweep.statistics import Difference, columns, difference, entries
from tests.dastm.sweep.grids import toy_sweep

DATA_SETS = {"shards": {"a": "a", "b": "b"}}


def result(cell, sweep, *accuracies, status="finished", digest="d"):
    record = TrainingRecord(
        config=cell.config, shards="", dataset="", shards_digest=digest, code="", versions={}, revision=None
    )
    names = [evaluation_name(evaluation) for evaluation in sweep.grid.evaluate]
    by_name = dict(zip(names, map(np.array, accuracies), strict=True))
    return CellResult(status=status, record=record, accuracies=by_name)


MISSING = CellResult(status="missing", record=None, accuracies={})
FAILED = CellResult(status="failed", record=None, accuracies={})


def test_means_deviations_and_intervals_are_those_of_the_seeds(rng):
    sweep = toy_sweep(seeds=[0, 1, 2])
    shares = {cell.name: rng.integers(0, 7, 40) / 6 for cell in sweep.cells}
    results = {cell.name: result(cell, sweep, shares[cell.name]) for cell in sweep.cells}
    for entry, row in zip(entries(sweep, results), ("DTW", "DASTM"), strict=True):
        own = 100 * np.array([shares[cell.name] for cell in sweep.cells if cell.row == row])
        means = own.mean(1)
        assert (entry.row, entry.status, entry.seeds, entry.of_seeds, entry.failed) == (row, "finished", 3, 3, 0)
        assert entry.mean == pytest.approx(own.sum() / own.size)
        assert entry.deviation == pytest.approx(np.sqrt(((means - means.mean()) ** 2).sum() / 3))
        low, high = stats.t.interval(0.95, 2, means.mean(), stats.sem(means))
        assert entry.over_seeds == pytest.approx((high - low) / 2)
        low, high = stats.t.interval(0.95, 39, 0, stats.sem(own.mean(0)))
        assert entry.over_episodes == pytest.approx((high - low) / 2)


def test_the_paired_test_is_scipys_on_the_seeds_that_both_rows_have(rng):
    sweep = toy_sweep(seeds=[0, 1, 2])
    shares = {cell.name: rng.integers(0, 7, 40) / 6 for cell in sweep.cells}
    results = {cell.name: result(cell, sweep, shares[cell.name]) for cell in sweep.cells}
    lacks = next(cell for cell in sweep.cells if cell.row == "DASTM" and cell.seed == 1)
    results[lacks.name] = FAILED
    dtw, dastm = (
        np.mean([shares[c.name] for c in sweep.cells if c.row == row and c.seed != 1], 0) for row in ("DTW", "DASTM")
    )
    first, reference = entries(sweep, results)
    test = stats.ttest_rel(dastm, dtw)
    assert first.difference.p == pytest.approx(test.pvalue)
    assert first.difference.mean == pytest.approx(100 * (dastm - dtw).mean())
    interval = test.confidence_interval(0.95)
    assert first.difference.interval == pytest.approx(50 * (interval.high - interval.low))
    assert (first.seeds, reference.seeds, reference.failed) == (3, 2, 1)
    assert reference.difference is None


def test_the_grid_says_which_row_the_others_are_compared_with():
    sweep = toy_sweep(seeds=[0], reference="DTW")
    results = {c.name: result(c, sweep, [0.5, 1.0 if c.row == "DASTM" else 0.8]) for c in sweep.cells}
    dtw, dastm = entries(sweep, results)
    assert dtw.difference is None
    assert dastm.difference.mean == pytest.approx(-10)
    assert (dtw.deviation, dtw.over_seeds) == (None, None)  # one seed has no spread


def test_rows_on_other_shards_or_without_a_common_seed_are_not_compared():
    sweep = toy_sweep()
    results = {c.name: result(c, sweep, [0.5, 0.7], digest=c.row) for c in sweep.cells}
    assert entries(sweep, results)[0].difference is None
    results = {c.name: result(c, sweep, [0.5, 0.7]) for c in sweep.cells}
    for cell in sweep.cells:
        if (cell.row == "DTW") == (cell.seed == 0):
            results[cell.name] = MISSING
    assert [(entry.seeds, entry.difference) for entry in entries(sweep, results)] == [(1, None), (1, None)]


def test_seeds_trained_on_different_shards_have_no_mean():
    sweep = toy_sweep()
    results = {
        c.name: result(c, sweep, [0.5, 0.7], digest=f"d{c.seed}" if c.row == "DTW" else "d0") for c in sweep.cells
    }
    dtw, dastm = entries(sweep, results)
    assert (dtw.status, dtw.mean, dtw.seeds, dtw.difference) == ("mixed", None, 0, None)
    assert (dastm.status, dastm.mean) == ("finished", pytest.approx(60))


def test_what_is_not_there_is_missing_or_failed_and_nothing_else():
    sweep = toy_sweep(**DATA_SETS)
    results = dict.fromkeys((cell.name for cell in sweep.cells), MISSING)
    results[next(c.name for c in sweep.cells if c.row == "DTW" and c.dataset == "b")] = FAILED
    found = [(entry.row, entry.column.dataset, entry.status, entry.mean) for entry in entries(sweep, results)]
    statuses = [("DTW", "a", "missing"), ("DTW", "b", "failed"), ("DASTM", "a", "missing"), ("DASTM", "b", "missing")]
    assert found == [(*status, None) for status in statuses]


def test_columns_are_backbones_data_sets_and_evaluations():
    backbones = {"X": {}, "Y": {"backbone.dropout": 0.3}}
    sweep = toy_sweep(**DATA_SETS, backbones=backbones, evaluate=[{}, {"k_shot": 5}])
    places = [(column.backbone, column.dataset, column.evaluation.k_shot) for column in columns(sweep)]
    assert places == [(backbone, dataset, shots) for backbone in "XY" for dataset in "ab" for shots in (1, 5)]
    scored = {c.name: result(c, sweep, [0.1, 0.2], [0.3, 0.5]) for c in sweep.cells}
    assert [round(entry.mean) for entry in entries(sweep, scored)] == [15, 40] * 8


def test_published_accuracies_stand_beside_their_row_and_column():
    sweep = toy_sweep(shards={"NTU-T": "a", "mine": "b"}, published="table-1")
    results = dict.fromkeys((cell.name for cell in sweep.cells), MISSING)
    published = [entry.published and entry.published.mean for entry in entries(sweep, results)]
    assert published == [74.0, None, 75.1, None]


def test_differences_without_spread_are_certain():
    assert difference([np.array([0.5, 0.75])], [np.array([0.5, 0.75])]) == Difference(mean=0, interval=0, p=1)
    assert difference([np.array([0.75, 1.0])], [np.array([0.5, 0.75])]) == Difference(mean=25, interval=0, p=0)


def test_rows_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="rows of 3 and 2 episodes cannot be paired"):
        difference([np.zeros(3)], [np.zeros(2)])


def test_of_one_episode_nothing_tells_whether_rows_differ():
    with pytest.warns(RuntimeWarning):
        assert np.isnan(difference([np.array([0.4])], [np.array([0.2])]).p)
