"""DTW recursions in plain PyTorch, one anti-diagonal of all problems at a time: for accelerators, and as a cross-check.

In: costs (N, T, S). Out: values (N,), accumulated costs (N, T+1, S+1) and, from those, gradients (N, T, S).
A cell depends only on the two anti-diagonals before its own, so T + S - 1 steps suffice. In memory the cells (t, k - t)
of anti-diagonal k lie S apart, since a padded row has S + 1 of them: a diagonal is a strided slice, without copies.

Padding: row 0 and column 0 stand before the first frames; infinite but for cell (0, 0), which costs nothing. Cells
outside the band are infinite as well, and have no gradient.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Minimum = Callable[[Tensor], Tensor]
"""Minimum over the first axis, which holds the three predecessors: above, left, corner."""


def forward(cost_NTS: Tensor, gamma: float, band: int | None, *, keep: bool) -> tuple[Tensor, Tensor]:
    """Soft-DTW of every problem in float64 (N,), and the accumulated costs for `backward`."""
    sums = accumulate(cost_NTS, soft_minimum(gamma), band)
    return sums[:, -1, -1], sums


def backward(sums: Tensor, gamma: float, band: int | None, grad_N: Tensor) -> Tensor:
    """Gradient of sum(grad_N * soft-DTW) by each cost, float64 (N, T, S)."""
    n_problems, n_t, n_s = sums.shape[0], sums.shape[1] - 1, sums.shape[2] - 1
    grad = torch.zeros_like(sums)
    grad[:, -1, -1] = grad_N
    flat, flat_grad, outside = sums.view(n_problems, -1), grad.view(n_problems, -1), _outside(sums, band)
    for k in range(n_t + n_s, 1, -1):
        here, before = _diagonal(k, n_t, n_s)
        predecessors_3NK = torch.stack([flat[:, cells] for cells in before])
        shares_3NK = ((predecessors_3NK.amin(0) - predecessors_3NK) / gamma).softmax(0)
        if outside is not None:
            shares_3NK = shares_3NK.masked_fill(outside[here], 0)
        for share_NK, cells in zip(shares_3NK, before, strict=True):
            flat_grad[:, cells] += share_NK * flat_grad[:, here]
    return grad[:, 1:, 1:]


def hard(cost_NTS: Tensor, band: int | None) -> Tensor:
    """Least sum of costs along an alignment of every problem in float64 (N,)."""
    return accumulate(cost_NTS, hard_minimum, band)[:, -1, -1]


def soft_minimum(gamma: float) -> Minimum:
    """-gamma log sum exp(-x / gamma), with the least value taken out first."""

    def minimum(predecessors_3NK: Tensor) -> Tensor:
        least_NK = predecessors_3NK.amin(0)
        return least_NK - gamma * ((least_NK - predecessors_3NK) / gamma).exp().sum(0).log()

    return minimum


def hard_minimum(predecessors_3NK: Tensor) -> Tensor:
    """The ordinary minimum."""
    return predecessors_3NK.amin(0)


def accumulate(cost_NTS: Tensor, minimum: Minimum, band: int | None = None) -> Tensor:
    """DTW of all prefixes: result[n, t, s] is the value for the first t and the first s frames, in float64."""
    n_problems, n_t, n_s = cost_NTS.shape
    sums = torch.full((n_problems, n_t + 1, n_s + 1), math.inf, dtype=torch.float64, device=cost_NTS.device)
    sums[:, 0, 0] = 0
    cost = functional.pad(cost_NTS.double(), (1, 0, 1, 0)).flatten(1)
    flat, outside = sums.view(n_problems, -1), _outside(sums, band)
    for k in range(2, n_t + n_s + 1):
        here, before = _diagonal(k, n_t, n_s)
        flat[:, here] = cost[:, here] + minimum(torch.stack([flat[:, cells] for cells in before]))
        if outside is not None:
            flat[:, here] = flat[:, here].masked_fill(outside[here], math.inf)
    return sums


def _outside(sums: Tensor, band: int | None) -> Tensor | None:
    """Which cells of the flattened table lie farther than `band` from the main diagonal; None: there is no band."""
    if band is None:
        return None
    t, s = (torch.arange(size, device=sums.device) for size in sums.shape[1:])
    return ((t[:, None] - s).abs() > band).flatten()


def _diagonal(k: int, n_t: int, n_s: int) -> tuple[slice, tuple[slice, slice, slice]]:
    """Cells (t, k - t) with t, k - t >= 1 as a slice of the flattened table, and their predecessors' slices."""
    first, last = max(1, k - n_s), min(n_t, k - 1)
    # Cell (t, s) lies at t (S + 1) + s; with s = k - t that is t S + k.
    start, stop = first * n_s + k, last * n_s + k + 1

    def shifted(back: int) -> slice:
        return slice(start - back, stop - back, n_s)

    return shifted(0), (shifted(n_s + 1), shifted(1), shifted(n_s + 2))
