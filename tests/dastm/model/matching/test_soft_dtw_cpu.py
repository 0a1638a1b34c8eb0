import numpy as np
import pytest
import torch

from dastm.model.matching import soft_dtw_diagonal
from dastm.model.matching.soft_dtw_cpu import backward, forward
from tests.oracles import soft_dtw as oracle

pytestmark = pytest.mark.kernel


def test_value_and_shares_by_hand():
    cost = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    values, shares = forward(cost, 1.0, None, keep=True)
    above, left, corner = np.exp([-3, -4, -1])  # what cell (1, 1) gets, without its own cost
    total = above + left + corner
    np.testing.assert_allclose(values, [4 - np.log(total)], rtol=1e-15)
    np.testing.assert_allclose(shares[0, 1, 1], [above / total, left / total, corner / total], rtol=1e-14)
    assert shares[0, 0].tolist() == [[0, 0, 1], [0, 1, 0]]
    assert shares[0, 1, 0].tolist() == [1, 0, 0]


def test_shares_are_kept_only_where_a_gradient_is_wanted():
    assert forward(torch.ones(4, 3, 3), 0.1, None, keep=False)[1].shape == (0, 3, 3, 3)


def test_float32_costs_are_read_as_they_are_and_summed_in_float64(generator):
    cost = torch.rand(2, 3, 4, generator=generator)
    values, shares = forward(cost, 0.1, None, keep=True)
    assert values.dtype == shares.dtype == torch.float64
    expected = forward(cost.double(), 0.1, None, keep=True)
    assert torch.equal(values, expected[0])
    assert torch.equal(shares, expected[1])


def test_gradient_of_the_last_cell_by_hand():
    _, shares = forward(torch.zeros(1, 2, 2), 1.0, None, keep=True)
    grad = backward(shares, 1.0, None, torch.tensor([6.0]))
    np.testing.assert_allclose(grad[0], [[6, 2], [2, 6]], rtol=1e-12)


def test_each_problem_stands_alone(generator):
    cost = torch.rand(5, 4, 3, generator=generator)
    together = forward(cost, 0.1, 2, keep=True)
    for n in range(5):
        alone = forward(cost[n : n + 1], 0.1, 2, keep=True)
        assert torch.equal(together[0][n], alone[0][0])
        assert torch.equal(together[1][n], alone[1][0])


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6, 1e10])
@pytest.mark.parametrize("gamma", [1e-4, 1e-2, 1.0, 1e3])
def test_right_to_the_last_digits_whatever_the_sizes_of_costs_and_gamma(gamma, size, generator):
    """The shares of paths that cost / gamma alone would round away: compared in exact rational arithmetic."""
    cost = size * torch.rand(2, 4, 3, generator=generator, dtype=torch.float64)
    cost[:, 1] = cost[:, 0]  # many paths of almost the same cost
    values, shares = forward(cost, gamma, None, keep=True)
    grad = backward(shares, gamma, None, torch.ones(2))
    for n in range(2):
        value, alignment = oracle.rational(cost[n], gamma)
        assert values[n].item() == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(grad[n], alignment, rtol=1e-12, atol=1e-300)


def test_enormous_costs_stay_finite(generator):
    cost = 1e280 * torch.rand(3, 5, 4, generator=generator, dtype=torch.float64)
    values, shares = forward(cost, 1e-5, None, keep=True)
    torch.testing.assert_close(values, soft_dtw_diagonal.hard(cost, None), rtol=1e-12, atol=0)
    assert backward(shares, 1e-5, None, torch.ones(3)).isfinite().all()


@pytest.mark.parametrize("cost", [0.0, 1.0, 30.0])
def test_thousands_of_frames_neither_overflow_nor_vanish(cost):
    n_t = 3000
    values, shares = forward(torch.full((1, n_t, 2), cost, dtype=torch.float64), 1.0, None, keep=True)
    assert values.item() == pytest.approx(two_columns(n_t, cost), rel=1e-12)
    grad = backward(shares, 1.0, None, torch.ones(1))
    assert grad[0].sum(1).min() >= 1 - 1e-10


def two_columns(n_t, cost):
    """Paths of T x 2 cells leave the first column after row k straight down (T cells) or to the side (T + 1)."""
    down, aside = n_t - 1, n_t
    return cost * n_t - float(np.log(down + aside * np.exp(-cost)))
