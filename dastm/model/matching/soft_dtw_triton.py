"""Soft-DTW on a GPU: Triton kernels, one problem a program (one warp), one anti-diagonal a step, float64 inside.

In: costs (N, T, S). Out: values (N,), accumulated costs (N, T+1, S+1) and, from those, gradients (N, T, S).
Lane t of the warp holds cell (t, k - t) of anti-diagonal k: its left neighbour is the lane's own value of the step
before, the other two are those of lane t - 1. The least of the three is taken out before any exponential. Nothing is
copied to the host, so nan and inf in the costs are not refused: nan goes through to whatever depends on it.

Padding as in soft_dtw_diagonal: row 0 and column 0 stand before the first frames and are infinite but for cell (0, 0),
which costs nothing. Cells outside the band are infinite as well, and have no gradient.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from dastm.model.matching.triton_support import MAX_FRAMES, launch_on


def forward(cost_NTS: Tensor, gamma: float, band: int | None, *, keep: bool) -> tuple[Tensor, Tensor]:
    """Soft-DTW of every problem in float64 (N,), and the accumulated costs for `backward`, empty unless `keep`.

    Raises: ValueError if T or S is above MAX_FRAMES.
    """
    return _accumulate(cost_NTS, gamma, band, keep=keep, hard=False)


def hard(cost_NTS: Tensor, band: int | None) -> Tensor:
    """Least sum of costs along an alignment of every problem in float64 (N,). Raises: as forward."""
    return _accumulate(cost_NTS, 1.0, band, keep=False, hard=True)[0]


def backward(sums: Tensor, gamma: float, band: int | None, grad_N: Tensor) -> Tensor:
    """Gradient of sum(grad_N * soft-DTW) by each cost, float64 (N, T, S); the band shows in the sums already."""
    n_problems, n_t, n_s = sums.shape[0], sums.shape[1] - 1, sums.shape[2] - 1
    grad_NTS = sums.new_empty(n_problems, n_t, n_s)
    with launch_on(sums):
        _backward_kernel[(n_problems,)](
            *(sums, grad_N.contiguous(), grad_NTS, gamma, n_t, n_s),
            LANES=_lanes(n_t, n_s),
            num_warps=1,
        )
    return grad_NTS


def _accumulate(cost_NTS: Tensor, gamma: float, band: int | None, *, keep: bool, hard: bool) -> tuple[Tensor, Tensor]:
    n_problems, n_t, n_s = cost_NTS.shape
    reach = max(n_t, n_s) if band is None else band
    values_N = cost_NTS.new_empty(n_problems, dtype=torch.float64)
    sums = cost_NTS.new_full((n_problems, n_t + 1, n_s + 1) if keep else (0,), math.inf, dtype=torch.float64)
    with launch_on(cost_NTS):
        _forward_kernel[(n_problems,)](
            *(cost_NTS.contiguous(), values_N, sums, gamma, n_t, n_s, reach),
            KEEP=keep,
            HARD=hard,
            LANES=_lanes(n_t, n_s),
            num_warps=1,
        )
    return values_N, sums


def _lanes(n_t: int, n_s: int) -> int:
    """One or two cells of an anti-diagonal for each thread of the warp."""
    if max(n_t, n_s) > MAX_FRAMES:
        raise ValueError(f"the kernel takes up to {MAX_FRAMES} frames, got {n_t} and {n_s}")
    return 32 if n_t <= 32 else 64


@triton.jit(do_not_specialize=["n_t", "n_s", "band"])
def _forward_kernel(
    cost: tl.tensor,
    values: tl.tensor,
    sums: tl.tensor,
    gamma: tl.float64,
    n_t: tl.int32,
    n_s: tl.int32,
    band: tl.int32,
    KEEP: tl.constexpr,
    HARD: tl.constexpr,
    LANES: tl.constexpr,
) -> None:
    n = tl.program_id(0).to(tl.int64)
    cost += n * n_t * n_s
    sums += n * (n_t + 1) * (n_s + 1)
    t = tl.arange(0, LANES)
    infinity = tl.full((LANES,), float("inf"), tl.float64)
    left = infinity
    corner = tl.where(t == 0, 0.0, infinity)
    if KEEP:
        tl.store(sums, 0.0)
    for k in range(n_t + n_s - 1):
        s = k - t
        inside = (t < n_t) & (s >= 0) & (s < n_s)
        above = tl.where(t == 0, infinity, tl.gather(left, tl.maximum(t - 1, 0), 0))
        here = tl.load(cost + t * n_s + s, mask=inside, other=0.0).to(tl.float64)
        if HARD:
            here += _least(_least(above, left), corner)
        else:
            here += _soft_minimum(above, left, corner, gamma)
        here = tl.where(inside & (tl.abs(s - t) <= band), here, infinity)
        if KEEP:
            tl.store(sums + (t + 1) * (n_s + 1) + s + 1, here, mask=inside)
        # One lane alone passes the last cell, at the last step.
        tl.store(values + n + t * 0, here, mask=(t == n_t - 1) & (s == n_s - 1))
        corner = above
        left = here


@triton.jit(do_not_specialize=["n_t", "n_s"])
def _backward_kernel(
    sums: tl.tensor,
    grad_end: tl.tensor,
    grad: tl.tensor,
    gamma: tl.float64,
    n_t: tl.int32,
    n_s: tl.int32,
    LANES: tl.constexpr,
) -> None:
    n = tl.program_id(0).to(tl.int64)
    sums += n * (n_t + 1) * (n_s + 1)
    grad += n * n_t * n_s
    end = tl.load(grad_end + n).to(tl.float64)
    t = tl.arange(0, LANES)
    nothing = tl.full((LANES,), 0.0, tl.float64)
    # What later cells push here: along the row, from the row below, and from the row below one anti-diagonal further.
    to_left = nothing
    to_above = nothing
    to_corner = nothing
    waiting = nothing
    for step in range(n_t + n_s - 1):
        s = n_t + n_s - 2 - step - t
        inside = (t < n_t) & (s >= 0) & (s < n_s)
        from_below = tl.gather(to_above + to_corner, tl.minimum(t + 1, LANES - 1), 0)
        flow = to_left + tl.where(t == LANES - 1, nothing, from_below)
        flow = tl.where((t == n_t - 1) & (s == n_s - 1), end, flow)
        flow = tl.where(inside, flow, nothing)
        tl.store(grad + t * n_s + s, flow, mask=inside)
        cell = sums + t * (n_s + 1) + s
        above = tl.load(cell + 1, mask=inside, other=float("inf"))
        left = tl.load(cell + n_s + 1, mask=inside, other=float("inf"))
        corner = tl.load(cell, mask=inside, other=float("inf"))
        own = tl.load(cell + n_s + 2, mask=inside, other=float("inf"))
        least = _least(_least(above, left), corner)
        share_above = _share(least, above, gamma)
        share_left = _share(least, left, gamma)
        share_corner = _share(least, corner, gamma)
        total = share_above + share_left + share_corner
        push = tl.where(own == float("inf"), nothing, flow / tl.where(total == 0, 1.0, total))
        to_left = push * share_left
        to_above = push * share_above
        to_corner = waiting  # due one step later than the other two
        waiting = push * share_corner


@triton.jit
def _least(a: tl.tensor, b: tl.tensor) -> tl.tensor:
    return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _soft_minimum(above: tl.tensor, left: tl.tensor, corner: tl.tensor, gamma: tl.float64) -> tl.tensor:
    """-gamma log sum exp(-x / gamma): the least has exponential one, so two are left. Comparisons keep nan."""
    flat = tl.where(above < left, above, left)
    other = tl.where(above < left, left, above)
    least = tl.where(flat < corner, flat, corner)
    another = tl.where(flat < corner, corner, flat)
    return least - gamma * tl.log(1.0 + _share(least, other, gamma) + _share(least, another, gamma))


@triton.jit
def _share(least: tl.tensor, x: tl.tensor, gamma: tl.float64) -> tl.tensor:
    """exp(-(x - least) / gamma), zero for an infinite x even where the least is infinite as well."""
    never = x == float("inf")
    return tl.exp(tl.where(never, float("-inf"), least - tl.where(never, 0.0, x)) / gamma)
