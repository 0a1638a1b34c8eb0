"""Each way to tell known from unknown is measured as its definition says, on the same episodes."""

import csv

import numpy as np
import pytest
import torch

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.evaluation.calibration import calibrate
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.limits import Compared
from dastm.evaluation.open_rows import Opened, open_rows, open_summary
from dastm.evaluation.printed import table_lines
from dastm.model.matching.rejection import USUAL, novelties, scores
from dastm.runs.limits import limits_path, read_limits
from tests.oracles import open_set as slow

CONFIG = EvalConfig(n_way=2, k_shot=2, n_query=3, episodes=6, open_set=2, baselines=("path",))


def two_episodes():
    distances = torch.tensor([[0.1, 0.5], [0.6, 0.5], [0.3, 0.4], [0.9, 1.2]])
    between = torch.tensor([[0.0, 0.7], [0.7, 0.0]])
    one = Compared(
        distances_QW=distances,
        labels_Q=torch.tensor([0, 1, 2, 3]),
        between_LL=between,
        support_labels_L=torch.tensor([0, 1]),
    )
    return [one, one]


def test_the_ways_are_what_they_say():
    rows = {row.way: row for row in open_rows("net", 0, two_episodes(), USUAL, 0.1)}
    assert list(rows) == ["limits", "nearest", "softmax", "garbage"]
    one, unknown, right = two_episodes()[0], [False, False, True, True], [True, True, False, False]
    nearest = [0.1, 0.5, 0.3, 0.9]
    border = one.borders(USUAL)
    novelty = {
        "limits": novelties(one.distances_QW, border).tolist(),
        "nearest": nearest,
        "softmax": (-(-one.distances_QW.double() / 0.1).softmax(1).amax(1)).tolist(),
        "garbage": [0.1 / 0.5, 0.5 / 0.6, 0.3 / 0.4, 0.9 / 1.2],
    }
    for way, values in novelty.items():
        found = rows[way].by_measure
        assert found["auroc"] == pytest.approx([slow.auroc(values, unknown)] * 2), way
        assert found["oscr"] == pytest.approx([slow.oscr(values, unknown, right)] * 2), way
        assert ("open_accuracy" in found) == (way == "limits")
    # 0.1 and 0.5 are taken, 0.9 is refused, 0.3 is taken though it is unknown.
    assert rows["limits"].by_measure["open_accuracy"].tolist() == [0.75, 0.75]
    best, answer = scores(one.distances_QW, border, USUAL.temperature).max(1)
    assert rows["limits"].score_EQ[0] == pytest.approx(best.numpy())
    assert rows["limits"].answered_EQ[0].tolist() == [True, True, False, True]
    assert answer.tolist() == [0, 1, 0, 2]
    assert rows["softmax"].answered_EQ[0].tolist() == right


def test_what_is_not_known_of_a_baseline_is_left_out():
    (row,) = open_rows("path", 0, two_episodes(), None, None)
    found = open_summary([row])["path"]["nearest"]
    assert row.way == "nearest"
    assert "ece" not in found
    assert "open_accuracy" not in found


def test_a_distance_that_is_nan_is_no_result():
    opened = Opened()
    opened.compared = [two_episodes()[0]]
    assert opened.known_accuracies().tolist() == [1.0]
    opened.compared[0].distances_QW[0, 0] = torch.nan
    with pytest.raises(ValueError, match="nan"):
        opened.known_accuracies()


def test_an_evaluation_holds_all_ways_and_says_whose_limits_they_are(open_run, open_shards, tmp_path):
    metrics = evaluate_and_write(CONFIG, open_run, open_shards, "cpu", tmp_path / "one")
    ways = metrics["open_set"]["rows"]
    first = next(iter(metrics["rows"]))
    assert {name: list(of) for name, of in ways.items()} == {
        first: ["limits", "nearest", "softmax", "garbage"],
        "path": ["nearest"],
    }
    assert "dastm calibrate" in metrics["open_set"]["note"]
    entry = ways[first]["limits"]
    assert set(entry) == {"open_accuracy", "auroc", "aupr", "fpr_at_95", "oscr", "ece", "reliability"}
    assert sum(one["queries"] for one in entry["reliability"]) == 6 * 12
    with (tmp_path / "one" / "open_set.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert len(cells) == 6 * 5
    told = [float(cell["auroc"]) for cell in cells if cell["row"] == first and cell["way"] == "limits"]
    assert 100 * np.mean(told) == pytest.approx(entry["auroc"]["mean"], abs=1e-3)
    lines = table_lines(metrics)
    assert "2-way 2-shot, 2 unknown classes" in lines[0]
    assert any("largest softmax" in line for line in lines)
    assert any("the usual ones" in line for line in lines)


def test_measured_limits_are_used_and_what_is_no_longer_right_goes(open_run, open_shards, tmp_path):
    found, path = calibrate(open_run, open_shards, "test", 8, "cpu", None)
    try:
        assert path == limits_path(open_run)
        limits, known = read_limits(open_run, 0)
        assert limits == found[0]
        assert len(known.class_ids) == 4
        assert limits.rival is not None
        metrics = evaluate_and_write(CONFIG, open_run, open_shards, "cpu", tmp_path / "one")
        assert metrics["open_set"]["limits"]["0"]["threshold"] == found[0].threshold
        measured = metrics["open_set"]["measured"]
        assert (measured["dataset"], measured["subset"], measured["episodes"]) == ("toy", "test", 8)
        assert any("limits were measured on toy test, the classes that are" in line for line in table_lines(metrics))
        assert not any("the usual ones" in line for line in table_lines(metrics))
        path.write_text("damaged")  # nobody asks for limits where all classes are known
        closed = EvalConfig(n_way=2, k_shot=2, n_query=3, episodes=6)
        metrics = evaluate_and_write(closed, open_run, open_shards, "cpu", tmp_path / "one")
    finally:
        path.unlink()
    assert "open_set" not in metrics
    assert "open_set" not in metrics["settings"]
    assert not (tmp_path / "one" / "open_set.csv").exists()


def test_baselines_need_no_run(open_shards, tmp_path):
    metrics = evaluate_and_write(CONFIG, None, open_shards, "cpu", None)
    assert list(metrics["open_set"]) == ["rows"]
    assert list(metrics["open_set"]["rows"]["path"]) == ["nearest"]


def test_too_few_classes_for_known_and_unknown_ones_are_told(open_run, open_shards, tmp_path):
    many = EvalConfig(n_way=2, n_query=3, episodes=2, open_set=3)
    with pytest.raises(RunError, match=r"4 classes, 5-way needs 5; lower n_way or the unknown classes"):
        evaluate_and_write(many, open_run, open_shards, "cpu", tmp_path / "one")
