"""Measures of known against unknown are what their definitions say, with equal novelties and at the ends too."""

import numpy as np
import pytest

from dastm.evaluation import open_set
from tests.oracles import open_set as slow


def drawn(rng, n=60, digits=1):
    """Novelties with many equal ones, which class is unknown, and whether the nearest class is right."""
    unknown = rng.random(n) < 0.4
    unknown[:2] = [True, False]
    return np.round(rng.random(n) + 0.4 * unknown, digits), unknown, rng.random(n) < 0.8


@pytest.mark.parametrize("digits", [1, 9])
@pytest.mark.parametrize("name", ["auroc", "aupr", "fpr_at_95"])
def test_each_measure_is_as_its_definition_says(rng, name, digits):
    for n in (2, 21, 60):
        novelty, unknown, _ = drawn(rng, n, digits)
        expected = getattr(slow, name)(novelty.tolist(), unknown.tolist())
        assert getattr(open_set, name)(novelty, unknown) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("digits", [1, 9])
def test_area_under_right_over_taken_is_as_its_definition_says(rng, digits):
    novelty, unknown, right = drawn(rng, 60, digits)
    expected = slow.oscr(novelty.tolist(), unknown.tolist(), right.tolist())
    assert open_set.oscr(novelty, unknown, right) == pytest.approx(expected, abs=1e-12)


def test_what_tells_all_apart_is_perfect_and_what_tells_nothing_is_chance():
    unknown, right = np.array([False, False, True, True]), np.array([True, False, False, False])
    apart, same = np.array([0.1, 0.2, 1.0, 2.0]), np.ones(4)
    assert (open_set.auroc(apart, unknown), open_set.aupr(apart, unknown)) == (1, 1)
    assert (open_set.fpr_at_95(apart, unknown), open_set.oscr(apart, unknown, right)) == (0, 0.5)
    assert (open_set.auroc(same, unknown), open_set.aupr(same, unknown)) == (0.5, 0.5)
    assert (open_set.fpr_at_95(same, unknown), open_set.oscr(same, unknown, right)) == (1, 0.25)


def test_open_set_accuracy_counts_what_is_refused_and_what_is_right():
    novelty = np.array([0.5, 0.5, 1.0, 1.0, 0.9])
    unknown = np.array([False, False, False, True, True])
    right = np.array([True, False, True, False, False])
    assert open_set.open_accuracy(novelty, unknown, right) == pytest.approx(2 / 5)


def test_calibration_error_is_as_its_definition_says_and_its_bins_hold_all_queries(rng):
    score = np.append(rng.random(200), [1.0, 0.0])
    right = rng.random(202) < score**2
    expected = slow.calibration_error(score.tolist(), right.tolist())
    assert open_set.calibration_error(score, right) == pytest.approx(expected, abs=1e-12)
    bins = open_set.reliability(score, right)
    assert sum(one["queries"] for one in bins) == 202
    assert bins[0]["from"] == 0
    assert bins[-1]["to"] == 1
    sure = np.ones(10)
    assert open_set.calibration_error(sure, sure.astype(bool)) == 0
    assert open_set.calibration_error(sure, ~sure.astype(bool)) == 1


def test_the_interval_by_drawing_again_is_that_of_a_mean(rng):
    values = rng.normal(size=400)
    found = open_set.resampled_interval(lambda episodes: float(values[episodes].mean()), 400)
    assert found == pytest.approx(1.96 * values.std() / 20, rel=0.2)
