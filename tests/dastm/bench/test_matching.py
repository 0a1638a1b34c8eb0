"""The variants of a case do the same work: equal gradients where both return them."""

import pytest
import torch

from dastm.bench import matching
from dastm.bench.case import Setting
from dastm.bench.matching import matching_cases
from dastm.model.matching import soft_dtw_diagonal
from dastm.model.matching.soft_dtw import soft_dtw

CPU = Setting(device=torch.device("cpu"))
pytestmark = pytest.mark.kernel


def test_ours_comes_first_everywhere():
    assert {next(iter(case.variants)) for case in matching_cases().values()} == {"ours"}


def test_nuclear_norm_and_singular_values_have_the_same_gradient(monkeypatch):
    monkeypatch.setattr(Setting, "normal", small)
    first, second = (matching_cases()["nuclear norm 440 of 25 x 256"].variants[name](CPU)() for name in ("ours", "svd"))
    assert first[0].shape == (2, 2, 3, 256)
    torch.testing.assert_close(first, second)


def test_diagonals_are_asked_for_the_same_costs_as_ours(monkeypatch):
    """And for the same gradient of them."""
    asked = []

    def forward(cost, gamma, band, *, keep):
        values, kept = genuine(cost, gamma, band, keep=keep)
        asked.append((cost, gamma, values))
        return values, kept

    genuine = soft_dtw_diagonal.forward
    monkeypatch.setattr(matching.soft_dtw_diagonal, "forward", forward)
    variants = matching_cases()["soft-DTW 250 of 8 x 8"].variants
    variants["torch diagonals"](CPU)()
    ((cost, gamma, values),) = asked
    assert cost.shape == (250, 8, 8)
    torch.testing.assert_close(values, soft_dtw(cost, gamma))
    (grad,) = variants["ours"](CPU)()
    cost = cost.clone().requires_grad_()
    torch.testing.assert_close(grad, torch.autograd.grad(soft_dtw(cost, gamma).sum(), cost)[0])


def test_activation_gives_gradients_of_both_sides_and_all_six_projections(monkeypatch):
    monkeypatch.setattr(Setting, "normal", small)
    grads = matching.activation(CPU)()
    assert [tuple(grad.shape) for grad in grads] == [(2, 2, 3, 256), (2, 2, 3, 256), *[(256, 256)] * 6]
    assert all(grad.abs().sum() > 0 for grad in grads)


def small(self, *shape, seed=0):
    """Numbers as `Setting.normal` has them, of a smaller episode."""
    return torch.randn((2, 2, 3, shape[-1]), generator=torch.Generator().manual_seed(seed))


def test_bare_products_are_three_with_their_gradients(monkeypatch):
    """By their operations, three of each: the products themselves and those for the gradients of both sides."""
    from dastm.bench.measure import count_flops

    one_product = 2 * (50 * 8 * 25) * (5 * 8 * 25) * 256
    assert count_flops(matching.bare_products(CPU)) == 3 * 3 * one_product
