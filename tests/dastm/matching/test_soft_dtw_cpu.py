import numpy as np
import pytest

from dastm.matching.soft_dtw_cpu import accumulate, alignment

pytestmark = pytest.mark.kernel


def test_accumulated_costs_by_hand():
    sums = accumulate(np.array([[[1.0, 2.0], [3.0, 4.0]]]), 1e-3)
    inf = np.inf
    np.testing.assert_allclose(sums, [[[0, inf, inf], [inf, 1, 3], [inf, 4, 5]]], rtol=1e-14)


def test_float32_costs_are_read_as_they_are_and_summed_in_float64(rng):
    cost = rng.random((2, 3, 4)).astype(np.float32)
    sums = accumulate(cost, 0.1)
    assert sums.dtype == np.float64
    np.testing.assert_array_equal(sums, accumulate(cost.astype(np.float64), 0.1))


def test_shares_of_the_last_cell_by_hand():
    sums = accumulate(np.zeros((1, 2, 2)), 1.0)
    grad = alignment(sums, 1.0, np.array([6.0]))
    np.testing.assert_allclose(grad[0, 1:, 1:], [[6, 2], [2, 6]], rtol=1e-12)


def test_each_problem_stands_alone(rng):
    cost = rng.random((5, 4, 3))
    together = accumulate(cost, 0.1)
    for n in range(5):
        np.testing.assert_array_equal(together[n], accumulate(cost[n : n + 1], 0.1)[0])
