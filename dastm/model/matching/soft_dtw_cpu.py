"""Soft-DTW on the CPU: numba kernels, one problem a thread, reading torch's memory as it lies.

In: costs (N, T, S). Out: values (N,), each cell's three shares (N, T, S, 3) and, from those, gradients (N, T, S).
The recursion is Eq. 2 of Cuturi & Blondel (ICML 2017), carried out on Z = exp(-R / gamma) instead of R:
    Z[t, s] = exp(-cost[t, s] / gamma) (Z[t-1, s] + Z[t, s-1] + Z[t-1, s-1])
with Z = m 2^e, a float64 mantissa beside a separate exponent. Nothing can overflow or vanish, a cell takes one
exponential that no other cell waits for, and no logarithm. cost / (gamma ln 2) is split into its whole part, which goes
to e, and its fraction in twice the working precision: the shares are right to about 1e-14 for any gamma and cost, where
sums in log-space lose the digits of cost / gamma.

A cell's shares are the parts of Z that come from above, from the left and from the diagonal. They sum to one, so no
gradient is lost or made up on its way back.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.compiled import compiled
from dastm.model.matching.threads import torch_threads

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32] | NDArray[np.float64]

_LOG2_E = Fraction(0x171547652B82FE1777D0FFDA0D23A7D1, 1 << 124)
_POWERS = 2.0 ** -np.arange(1076.0)
"""2^-k; the last one is zero in float64."""
_HUGE, _DOWN = 1e150, 2.0**-256
_SPLITTER = 134217729.0
"""2^27 + 1, Dekker's constant: cuts a float64 into two halves of 26 bits."""


def forward(cost_NTS: Tensor, gamma: float, band: int | None, *, keep: bool) -> tuple[Tensor, Tensor]:
    """Soft-DTW of every problem in float64 (N,), and the shares for `backward`, empty unless `keep`."""
    scale = _LOG2_E / Fraction(gamma)
    high = float(scale)
    low = float(scale - Fraction(high))
    with torch_threads():
        values, shares = _forward(_array(cost_NTS), high, low, _reach(cost_NTS, band), keep)
    return torch.from_numpy(values), torch.from_numpy(shares)


def backward(shares_NTS3: Tensor, gamma: float, band: int | None, grad_N: Tensor) -> Tensor:
    """Gradient of sum(grad_N * soft-DTW) by each cost, float64 (N, T, S)."""
    with torch_threads():
        return torch.from_numpy(_backward(shares_NTS3.numpy(), grad_N.double().contiguous().numpy()))


def _array(cost_NTS: Tensor) -> Any:
    # numpy has no bfloat16 and numba no float16: these two, and only these, are widened first.
    wide = cost_NTS if cost_NTS.dtype in (torch.float32, torch.float64) else cost_NTS.float()
    return wide.contiguous().numpy()


def _reach(cost_NTS: Tensor, band: int | None) -> int:
    return max(cost_NTS.shape[1:]) if band is None else band


@compiled(parallel=True, error_model="numpy")
def _forward(cost_NTS: Floats, high: float, low: float, band: int, keep: bool) -> tuple[Doubles, Doubles]:
    """1 / (gamma ln 2) is high + low."""
    n_problems, n_t, n_s = cost_NTS.shape
    values = np.empty(n_problems)
    shares = np.empty((n_problems if keep else 0, n_t, n_s, 3))
    for n in prange(n_problems):
        # One row of Z at a time; entry 0 is the padding before the first column.
        mantissas, exponents = np.zeros(n_s + 1), np.full(n_s + 1, -np.inf)
        mantissas[0], exponents[0] = 1.0, 0.0
        for t in range(n_t):
            if keep:
                shares[n, t] = 0.0
            first = max(0, t - band)
            left_m, left_e, corner_m, corner_e = 0.0, -np.inf, mantissas[first], exponents[first]
            for s in range(first, min(n_s, t + band + 1)):
                above_m, above_e = mantissas[s + 1], exponents[s + 1]
                top = max(above_e, left_e, corner_e)
                above, left = above_m * _power(top - above_e), left_m * _power(top - left_e)
                corner = corner_m * _power(top - corner_e)
                total = above + left + corner
                if keep:
                    cell = shares[n, t, s]
                    cell[0], cell[1], cell[2] = above / total, left / total, corner / total
                whole, fraction = _split(float(-cost_NTS[n, t, s]), high, low)
                left_m, left_e = total * math.exp2(fraction), top + whole
                if left_m > _HUGE:
                    left_m, left_e = left_m * _DOWN, left_e + 256.0
                corner_m, corner_e = above_m, above_e
                mantissas[s + 1], exponents[s + 1] = left_m, left_e
            mantissas[0], exponents[0] = 0.0, -np.inf
        values[n] = -(exponents[n_s] + math.log2(mantissas[n_s])) / high
        if n_t == 1 or n_s == 1:  # a single alignment: its sum, without a detour that costs small costs their digits
            values[n] = cost_NTS[n].astype(np.float64).sum()
    return values, shares


@compiled(parallel=True, error_model="numpy")
def _backward(shares_NTS3: Doubles, grad_N: Doubles) -> Doubles:
    n_problems, n_t, n_s = shares_NTS3.shape[:3]
    grad = np.empty((n_problems, n_t, n_s))
    for n in prange(n_problems):
        shares, cells = shares_NTS3[n], grad[n]
        for t in range(n_t - 1, -1, -1):
            for s in range(n_s - 1, -1, -1):
                total = grad_N[n] if t == n_t - 1 and s == n_s - 1 else 0.0
                if t + 1 < n_t:
                    total += cells[t + 1, s] * shares[t + 1, s, 0]
                if s + 1 < n_s:
                    total += cells[t, s + 1] * shares[t, s + 1, 1]
                if t + 1 < n_t and s + 1 < n_s:
                    total += cells[t + 1, s + 1] * shares[t + 1, s + 1, 2]
                cells[t, s] = total
    return grad


@compiled(error_model="numpy", inline="always")
def _power(down: float) -> float:
    """2^-down for a whole number from 0 to infinity."""
    return _POWERS[int(min(down, 1075.0))]  # type: ignore[no-any-return]


@compiled(error_model="numpy", inline="always")
def _split(x: float, high: float, low: float) -> tuple[float, float]:
    """x (high + low) as a whole number and a fraction in 0..1, right to the last digit (Dekker's product)."""
    product = x * high
    x_cut, high_cut = _SPLITTER * x, _SPLITTER * high
    x_high, high_high = x_cut - (x_cut - x), high_cut - (high_cut - high)
    x_low, high_low = x - x_high, high - high_high
    error = ((x_high * high_high - product) + x_high * high_low + x_low * high_high) + x_low * high_low
    whole = np.floor(product)
    rest = (product - whole) + (error + x * low)
    more = np.floor(rest)
    return whole + more, rest - more
