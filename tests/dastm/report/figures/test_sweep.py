"""The curve of a sweep: its points where they belong, told when pointed at."""

import math

import numpy as np
import pytest

from dastm.report.figures import sweep_curves
from tests.oracles.svg import labels, names, outlines, tooltips

LINES = {"NTU-T": [(0.01, 70.0, 1.5), (1.0, 60.0, 0.5), (0.1, 74.0, None)], "NTU-S": [(0.1, 72.0, 0.25)]}


def centres(text: str, name: str) -> np.ndarray:
    return np.array([np.mean(points, axis=0) for points in outlines(text, name)])


def test_every_point_is_told_and_lies_in_the_order_of_values():
    text = sweep_curves(LINES, "lambda")
    assert {"marks-0", "marks-1"} <= names(text)
    assert tooltips(text, "marks-0") == ["NTU-T, 0.01: 70.00 ± 1.50", "NTU-T, 0.1: 74.00", "NTU-T, 1: 60.00 ± 0.50"]
    assert {"lambda", "accuracy, %", "0.01", "0.1", "1", "NTU-T", "NTU-S"} <= set(labels(text))


def test_a_wide_axis_is_logarithmic_and_a_narrow_one_is_not():
    places = centres(sweep_curves(LINES, "lambda"), "marks-0")
    steps = np.diff(places, axis=0)
    assert steps[0, 0] == pytest.approx(steps[1, 0], abs=0.1)  # 0.01, 0.1, 1
    assert steps[0, 1] / steps[1, 1] == pytest.approx(4 / -14, abs=0.01)
    rates = {"NTU-T": [(0.0, 70.0, None), (0.1, 71.0, None), (0.5, 60.0, None)]}
    steps = np.diff(centres(sweep_curves(rates, "rate"), "marks-0"), axis=0)
    assert steps[1, 0] / steps[0, 0] == pytest.approx(4, abs=0.02)


def test_the_same_points_give_the_same_bytes():
    assert sweep_curves(LINES, "lambda") == sweep_curves(LINES, "lambda")


@pytest.mark.parametrize("lines", [{}, {"a": []}, {"a": [(1.0, math.nan, None)]}, {"a": [(math.inf, 1.0, None)]}])
def test_what_is_no_curve_is_refused(lines):
    with pytest.raises(ValueError, match="expected points of finite value and accuracy"):
        sweep_curves(lines, "x")
