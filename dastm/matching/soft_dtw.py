"""Temporal matching (Eq. 7): costs of all frame pairs in, the distance of two clips out, soft or hard.

Soft-DTW: Cuturi & Blondel, "Soft-DTW: a Differentiable Loss Function for Time-Series", ICML 2017. The value is the soft
minimum, -gamma log sum exp(-x / gamma), over all alignments of the sum x of costs along each; its gradient is the
alignment expected under weights exp(-x / gamma). Arithmetic is float64 inside whatever the input: accumulated costs
divided by a small gamma have no digits to spare.

Axes: N problems, T frames of the first and S of the second sequence, P cells of a path.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dastm.matching import soft_dtw_cpu, soft_dtw_diagonal


def soft_dtw(cost_NTS: Tensor, gamma: float) -> Tensor:
    """Soft minimum over all alignments of two sequences (Cuturi & Blondel, ICML 2017).

    Shapes: cost_NTS (N, T, S), cost of pairing frame t with frame s -> (N,), in the type of the costs.
    Sign: can be negative, even for identical sequences; never abs, clamp or sqrt.
    The gradient can be taken once, not twice.
    Raises: ValueError if gamma is not above 0 and finite, or cost is not 3-D, is empty, or holds nan or inf.
    >>> soft_dtw(torch.tensor([[[2.0]]]), gamma=0.1)   # one cell, one path
    tensor([2.])
    """
    _check_gamma(gamma)
    _check_cost(cost_NTS)
    distances_N: Tensor = _SoftDTW.apply(cost_NTS, float(gamma))  # type: ignore[no-untyped-call]
    return distances_N


def expected_alignment(cost_NTS: Tensor, gamma: float) -> Tensor:
    """Share of the alignments, weighted by exp(-cost / gamma), that pass through each cell: soft-DTW's gradient.

    Shapes: cost_NTS (N, T, S) -> (N, T, S), each in 0..1; the first and the last cell are on every path. Not
    differentiable.
    Raises: ValueError as soft_dtw.
    """
    _check_gamma(gamma)
    _check_cost(cost_NTS)
    cost_NTS = cost_NTS.detach()
    return _alignment(_accumulate(cost_NTS, gamma), gamma, cost_NTS.new_ones(len(cost_NTS))).to(cost_NTS.dtype)


@torch.no_grad()
def hard_dtw(cost_NTS: Tensor) -> Tensor:
    """Least sum of costs along any alignment, the limit of soft_dtw for gamma to 0. Not differentiable.

    Shapes: cost_NTS (N, T, S) -> (N,), in the type of the costs.
    Raises: ValueError if cost is not 3-D, is empty, or holds nan or inf.
    """
    _check_cost(cost_NTS)
    sums = soft_dtw_diagonal.accumulate(cost_NTS, soft_dtw_diagonal.hard_minimum)
    return sums[:, -1, -1].to(cost_NTS.dtype)


@torch.no_grad()
def hard_path(cost_TS: Tensor) -> Tensor:
    """The alignment that hard_dtw sums over, first pair of frames first.

    Shapes: cost_TS (T, S) -> (P, 2) int64 on the CPU, rows (t, s) from (0, 0) to (T-1, S-1), max(T, S) <= P < T + S.
    Ties: seen from the end, a step in both sequences wins over one in the first alone, that over one in the second.
    Raises: ValueError if cost is not 2-D, is empty, or holds nan or inf.
    """
    if cost_TS.ndim != 2:
        raise ValueError(f"expected the costs of one problem (T, S), got {tuple(cost_TS.shape)}")
    _check_cost(cost_TS[None])
    sums = soft_dtw_diagonal.accumulate(cost_TS[None].cpu(), soft_dtw_diagonal.hard_minimum)[0].tolist()
    t, s = cost_TS.shape
    path = [(t - 1, s - 1)]
    while (t, s) != (1, 1):
        t, s = min(((t - 1, s - 1), (t - 1, s), (t, s - 1)), key=lambda cell: sums[cell[0]][cell[1]])
        path.append((t - 1, s - 1))
    return torch.tensor(path[::-1])


class _SoftDTW(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cost_NTS: Tensor, gamma: float) -> Tensor:
        sums = _accumulate(cost_NTS.detach(), gamma)
        ctx.save_for_backward(sums)
        ctx.gamma, ctx.dtype = gamma, cost_NTS.dtype
        return sums[:, -1, -1].to(cost_NTS.dtype, copy=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_N: Tensor) -> tuple[Tensor, None]:
        (sums,) = ctx.saved_tensors
        return _alignment(sums, ctx.gamma, grad_N).to(ctx.dtype), None


def _accumulate(cost_NTS: Tensor, gamma: float) -> Tensor:
    if not _has_kernel(cost_NTS):
        return soft_dtw_diagonal.accumulate(cost_NTS, soft_dtw_diagonal.soft_minimum(gamma))
    # numpy has no bfloat16 and numba no float16: these two, and only these, are widened first.
    wide = cost_NTS if cost_NTS.dtype in (torch.float32, torch.float64) else cost_NTS.float()
    with _torch_threads():
        return torch.from_numpy(soft_dtw_cpu.accumulate(wide.contiguous().numpy(), gamma))


def _alignment(sums: Tensor, gamma: float, grad_N: Tensor) -> Tensor:
    grad_N = grad_N.detach().double()
    if not _has_kernel(sums):
        return soft_dtw_diagonal.alignment(sums, gamma, grad_N)[:, 1:, 1:]
    with _torch_threads():
        return torch.from_numpy(soft_dtw_cpu.alignment(sums.numpy(), gamma, grad_N.contiguous().numpy()))[:, 1:, 1:]


@contextmanager
def _torch_threads() -> Iterator[None]:
    """numba on as many threads as torch, and torch's number left as it was.

    Both may sit on one OpenMP runtime, whose number numba sets: torch would then split its sums otherwise after the
    first call than before it, and a training started again would differ in the last bit from one never stopped.
    """
    n_threads = torch.get_num_threads()
    numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if torch.get_num_threads() != n_threads:
            torch.set_num_threads(n_threads)


def _has_kernel(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu"


def _check_gamma(gamma: float) -> None:
    if not (gamma > 0 and math.isfinite(gamma)):
        raise ValueError(f"gamma must be above 0 and finite, got {gamma}")


def _check_cost(cost_NTS: Tensor) -> None:
    if cost_NTS.ndim != 3 or not cost_NTS.is_floating_point():
        raise ValueError(f"expected floating-point costs (N, T, S), got {cost_NTS.dtype} {tuple(cost_NTS.shape)}")
    if cost_NTS.numel() == 0:
        raise ValueError(f"costs must not be empty, got {tuple(cost_NTS.shape)}")
    if not torch.isfinite(cost_NTS).all():
        raise ValueError("costs hold nan or inf")
