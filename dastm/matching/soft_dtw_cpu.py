"""Soft-DTW on the CPU: numba kernels, one problem a thread, cell after cell.

In: costs (N, T, S). Out: accumulated costs (N, T+1, S+1) and, from those, gradients (N, T+1, S+1).
The recursion is Eq. 2 of Cuturi & Blondel (ICML 2017). The backward pass forms each cell's three soft-min weights anew
from the accumulated costs and pushes the cell's gradient to its predecessors in these shares: they sum to one whatever
the sizes of costs and gamma, so no gradient is lost or made up.

Padding: row 0 and column 0 stand before the first frames; infinite but for cell (0, 0), which costs nothing.
"""

import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32] | NDArray[np.float64]


@njit(parallel=True, cache=True, error_model="numpy")
def accumulate(cost_NTS: Floats, gamma: float) -> Doubles:
    """Soft-DTW of all prefixes: result[n, t, s] is that of the first t and the first s frames, in float64."""
    n_problems, n_t, n_s = cost_NTS.shape
    sums = np.full((n_problems, n_t + 1, n_s + 1), np.inf)
    for n in prange(n_problems):
        sums[n, 0, 0] = 0.0
        for t in range(1, n_t + 1):
            for s in range(1, n_s + 1):
                least, up, left, diagonal = _shares(sums[n], t, s, gamma)
                sums[n, t, s] = cost_NTS[n, t - 1, s - 1] + least - gamma * math.log(up + left + diagonal)
    return sums


@njit(parallel=True, cache=True, error_model="numpy")
def alignment(sums: Doubles, gamma: float, grad_N: Doubles) -> Doubles:
    """Gradient of sum(grad_N * soft-DTW) by each cost; row 0 and column 0 of the result are padding."""
    n_problems, n_rows, n_columns = sums.shape
    grad = np.zeros(sums.shape)
    for n in prange(n_problems):
        grad[n, n_rows - 1, n_columns - 1] = grad_N[n]
        for t in range(n_rows - 1, 0, -1):
            for s in range(n_columns - 1, 0, -1):
                _, up, left, diagonal = _shares(sums[n], t, s, gamma)
                push = grad[n, t, s] / (up + left + diagonal)
                grad[n, t - 1, s] += push * up
                grad[n, t, s - 1] += push * left
                grad[n, t - 1, s - 1] += push * diagonal
    return grad


@njit(cache=True, error_model="numpy")
def _shares(sums: Doubles, t: int, s: int, gamma: float) -> tuple[float, float, float, float]:
    """The least of the three predecessors, and exp(-(x - least) / gamma) of each: one is 1, none overflows."""
    up, left, diagonal = sums[t - 1, s], sums[t, s - 1], sums[t - 1, s - 1]
    least = min(up, left, diagonal)
    return least, _share(least, up, gamma), _share(least, left, gamma), _share(least, diagonal, gamma)


@njit(cache=True, error_model="numpy")
def _share(least: float, x: float, gamma: float) -> float:
    return 1.0 if x == least else math.exp((least - x) / gamma)  # the least needs no exponential
