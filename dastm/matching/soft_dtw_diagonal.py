"""DTW recursions in plain PyTorch, one anti-diagonal of all problems at a time: for accelerators, and as a cross-check.

In: costs (N, T, S). Out: accumulated costs (N, T+1, S+1) and gradients of the same shape, padded as in soft_dtw_cpu.
A cell depends only on the two anti-diagonals before its own, so T + S - 1 steps suffice. In memory the cells (t, k - t)
of anti-diagonal k lie S apart, since a padded row has S + 1 of them: a diagonal is a strided slice, without copies.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Minimum = Callable[[Tensor], Tensor]
"""Minimum over the first axis, which holds the three predecessors: up, left, diagonal."""


def soft_minimum(gamma: float) -> Minimum:
    """-gamma log sum exp(-x / gamma), with the least value taken out first."""

    def minimum(predecessors_3NK: Tensor) -> Tensor:
        least_NK = predecessors_3NK.amin(0)
        return least_NK - gamma * ((least_NK - predecessors_3NK) / gamma).exp().sum(0).log()

    return minimum


def hard_minimum(predecessors_3NK: Tensor) -> Tensor:
    """The ordinary minimum."""
    return predecessors_3NK.amin(0)


def accumulate(cost_NTS: Tensor, minimum: Minimum) -> Tensor:
    """DTW of all prefixes: result[n, t, s] is that of the first t and the first s frames, in float64."""
    n_problems, n_t, n_s = cost_NTS.shape
    sums = torch.full((n_problems, n_t + 1, n_s + 1), math.inf, dtype=torch.float64, device=cost_NTS.device)
    sums[:, 0, 0] = 0
    cost = torch.nn.functional.pad(cost_NTS.double(), (1, 0, 1, 0)).flatten(1)
    flat = sums.view(n_problems, -1)
    for k in range(2, n_t + n_s + 1):
        here, before = _diagonal(k, n_t, n_s)
        flat[:, here] = cost[:, here] + minimum(torch.stack([flat[:, cells] for cells in before]))
    return sums


def alignment(sums: Tensor, gamma: float, grad_N: Tensor) -> Tensor:
    """Gradient of sum(grad_N * soft-DTW) by each cost; row 0 and column 0 of the result are padding."""
    n_problems, n_t, n_s = sums.shape[0], sums.shape[1] - 1, sums.shape[2] - 1
    grad = torch.zeros_like(sums)
    grad[:, -1, -1] = grad_N
    flat, flat_grad = sums.view(n_problems, -1), grad.view(n_problems, -1)
    for k in range(n_t + n_s, 1, -1):
        here, before = _diagonal(k, n_t, n_s)
        predecessors_3NK = torch.stack([flat[:, cells] for cells in before])
        shares_3NK = ((predecessors_3NK.amin(0) - predecessors_3NK) / gamma).softmax(0)
        for share_NK, cells in zip(shares_3NK, before, strict=True):
            flat_grad[:, cells] += share_NK * flat_grad[:, here]
    return grad


def _diagonal(k: int, n_t: int, n_s: int) -> tuple[slice, tuple[slice, slice, slice]]:
    """Cells (t, k - t) with t, k - t >= 1 as a slice of the flattened table, and their predecessors' slices."""
    first, last = max(1, k - n_s), min(n_t, k - 1)
    # Cell (t, s) lies at t (S + 1) + s; with s = k - t that is t S + k.
    start, stop = first * n_s + k, last * n_s + k + 1

    def shifted(back: int) -> slice:
        return slice(start - back, stop - back, n_s)

    return shifted(0), (shifted(n_s + 1), shifted(1), shifted(n_s + 2))
