"""When a cell is finished: its very configuration, on its shards, whole; everything else is to be run again."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dastm.runs.sealed import sealed
from dastm.sweep.results import cell_folder, read_cell, read_results
from tests.dastm.sweep.grids import pretend, toy_sweep
from tests.toy import TINY

SHARES = [0.5, 1.0, 0.25, 0.0, 1.0, 0.123456]


@pytest.fixture
def sweep():
    return toy_sweep(seeds=[3])


@pytest.fixture
def cell(sweep, tmp_path):
    pretend(tmp_path, sweep.cells[0], [SHARES], sweep)
    return sweep.cells[0]


def read(sweep, cell, out, digest=None):
    return read_cell(cell, sweep.grid.evaluate, cell_folder(out, cell), digest)


def test_a_finished_cell_has_every_episodes_accuracy(sweep, cell, tmp_path):
    results = read_results(sweep, tmp_path)
    assert [results[c.name].status for c in sweep.cells] == ["finished", "missing"]
    (found,) = results[cell.name].accuracies.values()
    np.testing.assert_array_equal(found, SHARES)
    assert read(sweep, cell, tmp_path, "d").status == "finished"


def test_the_device_makes_no_other_training(sweep, cell, tmp_path):
    other = toy_sweep(seeds=[3], set={**TINY, "optimise.device": "cuda"})
    assert read(other, replace(other.cells[0], name=cell.name), tmp_path).status == "finished"


def test_a_training_of_another_configuration_or_other_shards_is_none_of_ours(sweep, cell, tmp_path):
    assert read(sweep, cell, tmp_path, "other").record is None
    config = toy_sweep(set={**TINY, "optimise.epochs": 9}).cells[0].config
    assert read(sweep, replace(cell, config=config), tmp_path).record is None


@pytest.mark.parametrize("file", ["curves.csv", "train/config.json", "train/seed-3/best.pt"])
def test_a_training_that_has_not_ended_is_missing(sweep, cell, tmp_path, file):
    (cell_folder(tmp_path, cell) / file).unlink()
    found = read(sweep, cell, tmp_path)
    assert (found.status, found.record, found.accuracies) == ("missing", None, {})


def test_a_failed_cell_is_told_from_a_missing_one(sweep, cell, tmp_path):
    folder = cell_folder(tmp_path, cell)
    (folder / "failed.json").write_text("{}")
    assert read(sweep, cell, tmp_path).status == "finished"
    (folder / "curves.csv").unlink()
    assert read(sweep, cell, tmp_path).status == "failed"


def settings(document):
    document["settings"]["seed"] = 9


def shards(document):
    document["shards"] = "others"


def episodes(document):
    document["settings"]["episodes"] = 5


@pytest.mark.parametrize("change", [settings, shards, episodes])
def test_another_evaluation_or_one_of_other_shards_is_to_be_done_again(sweep, cell, tmp_path, change):
    (path,) = cell_folder(tmp_path, cell).rglob("metrics.json")
    document = json.loads(path.read_text())
    del document["digest"]
    change(document)
    path.write_text(json.dumps(sealed(document)))
    found = read(sweep, cell, tmp_path)
    assert (found.status, found.accuracies) == ("missing", {})
    assert found.record is not None  # the training is whole and stays


@pytest.mark.parametrize("name", ["episodes.csv", "metrics.json", "predictions.parquet"])
@pytest.mark.parametrize("text", ["", "row,seed,episode,accuracy\nDTW,3,0,0.5\n"])
def test_damaged_results_are_named_and_to_be_made_again(sweep, cell, tmp_path, name, text):
    (path,) = cell_folder(tmp_path, cell).rglob(name)
    path.write_text(text)
    found = read(sweep, cell, tmp_path)
    assert (found.status, found.accuracies) == ("missing", {})
    (line,) = found.damaged
    assert line.startswith(f"{path}: ")


def test_an_evaluation_that_is_gone_is_missing_and_not_damaged(sweep, cell, tmp_path):
    (path,) = cell_folder(tmp_path, cell).rglob("metrics.json")
    path.unlink()
    found = read(sweep, cell, tmp_path)
    assert (found.status, found.damaged) == ("missing", ())


def test_only_some_evaluations_are_not_all(tmp_path):
    sweep = toy_sweep(evaluate=[{"n_way": 3, "episodes": 6}, {"n_way": 3, "k_shot": 2, "episodes": 6}])
    pretend(tmp_path, sweep.cells[0], [SHARES], sweep)
    found = read(sweep, sweep.cells[0], tmp_path)
    assert (found.status, len(found.accuracies)) == ("missing", 1)
    pretend(tmp_path, sweep.cells[0], [SHARES, SHARES], sweep)
    assert read(sweep, sweep.cells[0], tmp_path).status == "finished"
