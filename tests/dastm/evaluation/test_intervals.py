import math

import numpy as np
import pytest
from scipy import stats

from dastm.evaluation.intervals import interval95, mean_interval


def test_interval_is_students_t():
    accuracies = np.array([0.2, 0.4, 0.9, 0.5])
    low, high = stats.t.interval(0.95, 3, accuracies.mean(), stats.sem(accuracies))
    assert interval95(accuracies) == pytest.approx((high - low) / 2, rel=1e-12)
    assert math.isnan(interval95(np.array([0.5])))


def test_a_mean_and_its_interval_are_in_percent():
    accuracies = np.array([0.2, 0.4, 0.9, 0.5])
    assert mean_interval(accuracies) == {
        "mean": 50.0,
        "interval": pytest.approx(100 * interval95(accuracies), abs=1e-4),
    }
