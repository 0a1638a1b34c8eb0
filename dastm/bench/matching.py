"""The cases of the matching, forward and backward: activation, soft-DTW, nuclear norm, each against what it is made of.

Sizes are those of Tables 1 and 2 of the paper: 5-way 1-shot with 10 queries a class, 30 frames, 25 joints.
"""

import torch
from torch import Tensor

from dastm.bench.case import Case, Setting, Work
from dastm.model.matching import soft_dtw_diagonal
from dastm.model.matching.activation import Activation
from dastm.model.matching.rank import nuclear_norm
from dastm.model.matching.soft_dtw import soft_dtw

GAMMA = 0.1


def matching_cases() -> dict[str, Case]:
    """The cases, by name."""
    return {
        "activation 50 x 5": Case(variants={"ours": activation, "bare products": bare_products}),
        **{f"soft-DTW 250 of {size} x {size}": soft_dtw_case(size) for size in (8, 30)},
        "nuclear norm 440 of 25 x 256": Case(variants={"ours": nuclear_norms, "svd": singular_values}),
    }


def activation_inputs(setting: Setting) -> tuple[Activation, Tensor, Tensor]:
    """Weights, 50 queries and 5 prototypes: 8 frames, 25 joints, 256 features."""
    weights = Activation(256, distance="frobenius", init="uniform", generator=torch.Generator().manual_seed(2)).to(
        setting.device
    )
    query = setting.normal(50, 8, 25, 256).requires_grad_()
    return weights, query, setting.normal(5, 8, 25, 256, seed=1).requires_grad_()


def activation(setting: Setting) -> Work:
    """The distances of `activation_inputs`, and their gradients."""
    weights, query, prototypes = activation_inputs(setting)
    inputs = [query, prototypes, *weights.parameters()]
    return lambda: torch.autograd.grad(weights(query, prototypes).sum(), inputs)


def bare_products(setting: Setting) -> Work:
    """The three large matrix products that any version needs (two of scores, one of values) and their gradients."""
    rows = setting.normal(50 * 8 * 25, 256).requires_grad_()
    columns = setting.normal(5 * 8 * 25, 256, seed=1).requires_grad_()
    grad = torch.ones((len(rows), len(columns)), device=setting.device)

    def work() -> None:
        for _ in range(3):
            torch.autograd.grad(rows @ columns.T, (rows, columns), grad)

    return work


def soft_dtw_case(size: int) -> Case:
    """250 square matrices of costs in float64, value and gradient."""

    def ours(setting: Setting) -> Work:
        cost = setting.normal(250, size, size).abs().mul(10).double().requires_grad_()
        return lambda: torch.autograd.grad(soft_dtw(cost, GAMMA).sum(), cost)

    def diagonals(setting: Setting) -> Work:
        cost = setting.normal(250, size, size).abs().mul(10).double()
        grad = cost.new_ones(len(cost))

        def work() -> None:
            _, kept = soft_dtw_diagonal.forward(cost, GAMMA, None, keep=True)
            soft_dtw_diagonal.backward(kept, GAMMA, None, grad)

        return work

    return Case(variants={"ours": ours, "torch diagonals": diagonals})


def nuclear_norms(setting: Setting) -> Work:
    """The nuclear norms of 55 clips of 8 frames, and their gradients."""
    features = setting.normal(440, 25, 256).requires_grad_()
    return lambda: torch.autograd.grad(nuclear_norm(features).sum(), features)


def singular_values(setting: Setting) -> Work:
    """The nuclear norms of 55 clips of 8 frames from singular values by torch.linalg, and their gradients."""
    features = setting.normal(440, 25, 256).requires_grad_()
    return lambda: torch.autograd.grad(torch.linalg.svdvals(features).sum(), features)
