"""Temporal matching (Eq. 7): costs of all frame pairs in, the distance of two clips out, soft or hard.

Soft-DTW: Cuturi & Blondel, "Soft-DTW: a Differentiable Loss Function for Time-Series", ICML 2017. The value is the soft
minimum, -gamma log sum exp(-x / gamma), over all alignments of the sum x of costs along each; its gradient is the
alignment expected under weights exp(-x / gamma). Arithmetic is float64 inside whatever the input: accumulated costs
divided by a small gamma have no digits to spare.

An optional Sakoe-Chiba band (Sakoe & Chiba, IEEE TASSP 1978) admits only pairs of frames (t, s) with |t - s| <= band.

Axes: N problems, T frames of the first and S of the second sequence, P cells of a path.
"""

import math
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dastm.model.matching import soft_dtw_diagonal
from dastm.model.matching.least_sums import least_sums
from dastm.model.matching.triton_support import MAX_FRAMES, missing, tell_once

LARGEST = 1e290
"""Costs, and costs divided by gamma, must lie below this: the kernel's products need some room."""


class Engine(Protocol):
    """What soft_dtw_cpu, soft_dtw_diagonal and soft_dtw_triton each provide."""

    def forward(self, cost_NTS: Tensor, gamma: float, band: int | None, *, keep: bool) -> tuple[Tensor, Tensor]:
        """Values (N,) and what `backward` needs, which may be empty unless `keep`."""

    def backward(self, kept: Tensor, gamma: float, band: int | None, grad_N: Tensor) -> Tensor:
        """Gradient by each cost (N, T, S)."""


class DeviceEngine(Engine, Protocol):
    """What soft_dtw_diagonal and soft_dtw_triton provide besides."""

    def hard(self, cost_NTS: Tensor, band: int | None) -> Tensor:
        """Values of the hard minimum (N,)."""


def soft_dtw(cost_NTS: Tensor, gamma: float, *, band: int | None = None) -> Tensor:
    """Soft minimum over all alignments of two sequences (Cuturi & Blondel, ICML 2017).

    Shapes: cost_NTS (N, T, S), cost of pairing frame t with frame s -> (N,), in the type of the costs.
    Sign: can be negative, even for identical sequences; never abs, clamp or sqrt.
    The gradient can be taken once, not twice.
    Raises: ValueError if gamma is not above 0 and finite; if cost is not 3-D or is empty; if no path within the band
    reaches the last cell; on the CPU also if costs hold nan or inf, or exceed 1e290 (or do so divided by gamma). On an
    accelerator, where a check would wait for the device, nan is passed on to the result.
    >>> import dastm, torch
    >>> dastm.soft_dtw(torch.tensor([[[2.0]]]), gamma=0.1)  # one cell, one path
    tensor([2.])
    """
    _check(cost_NTS, gamma, band)
    distances_N: Tensor = _SoftDTW.apply(cost_NTS, float(gamma), band)  # type: ignore[no-untyped-call]
    return distances_N


def soft_dtw_divergence(
    cost_NTS: Tensor, first_NTT: Tensor, second_NSS: Tensor, gamma: float, *, band: int | None = None
) -> Tensor:
    """soft_dtw(first, second) - (soft_dtw(first, first) + soft_dtw(second, second)) / 2: zero for equal sequences.

    Blondel, Mensch & Vert, "Differentiable Divergences Between Time Series", AISTATS 2021, Eq. 6. It is not negative
    where exp(-cost / gamma), or that over one plus it, is a positive definite kernel (squared Euclidean costs, say).

    Shapes: cost_NTS (N, T, S) between the two, first_NTT (N, T, T) and second_NSS (N, S, S) within each -> (N,).
    Raises: ValueError as soft_dtw, or if the three do not fit together.

    >>> import dastm, torch
    >>> cost = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])  # of a sequence with itself
    >>> dastm.soft_dtw_divergence(cost, cost, cost, gamma=0.1)
    tensor([0.])
    """
    n, t, s = cost_NTS.shape if cost_NTS.ndim == 3 else (-1, -1, -1)
    if first_NTT.shape != (n, t, t) or second_NSS.shape != (n, s, s):
        shapes = [tuple(cost.shape) for cost in (cost_NTS, first_NTT, second_NSS)]
        raise ValueError(
            f"expected costs (N, T, S), (N, T, T) and (N, S, S), got {shapes[0]}, {shapes[1]}, {shapes[2]}"
        )
    own_N = soft_dtw(first_NTT, gamma, band=band) + soft_dtw(second_NSS, gamma, band=band)
    return soft_dtw(cost_NTS, gamma, band=band) - own_N / 2


@torch.no_grad()
def expected_alignment(cost_NTS: Tensor, gamma: float, *, band: int | None = None) -> Tensor:
    """Share of the alignments, weighted by exp(-cost / gamma), that pass through each cell: soft-DTW's gradient.

    Cuturi & Blondel, "Soft-DTW: a Differentiable Loss Function for Time-Series", ICML 2017, section 2.2.

    Shapes: cost_NTS (N, T, S) -> (N, T, S), each in 0..1; the first and the last cell are on every path. Not
    differentiable.
    Raises: ValueError as soft_dtw.

    >>> import dastm, torch
    >>> dastm.expected_alignment(torch.zeros(1, 2, 2), gamma=1.0)  # three alignments of equal cost
    tensor([[[1.0000, 0.3333],
             [0.3333, 1.0000]]])
    """
    _check(cost_NTS, gamma, band)
    engine = _engine(cost_NTS)
    _, kept = engine.forward(cost_NTS, gamma, band, keep=True)
    return engine.backward(kept, gamma, band, cost_NTS.new_ones(len(cost_NTS))).to(cost_NTS.dtype)


@torch.no_grad()
def hard_dtw(cost_NTS: Tensor, *, band: int | None = None) -> Tensor:
    """The smallest sum of costs along an alignment, which is the limit of soft_dtw for gamma to 0. Not differentiable.

    Shapes: cost_NTS (N, T, S) -> (N,), in the type of the costs.
    Raises: ValueError as soft_dtw, except for gamma. Source: Sakoe & Chiba, IEEE TASSP 1978.

    >>> import dastm, torch
    >>> dastm.hard_dtw(torch.tensor([[[0.0, 5.0], [1.0, 2.0]]]))  # straight to the last cell
    tensor([2.])
    """
    _check(cost_NTS, 1.0, band)
    if cost_NTS.device.type != "cpu":
        return _device_engine(cost_NTS).hard(cost_NTS, band).to(cost_NTS.dtype)
    wide = cost_NTS if cost_NTS.dtype == torch.float64 else cost_NTS.float()  # numpy has no bfloat16
    sums_N = least_sums(wide.permute(1, 2, 0).contiguous().numpy(), band)
    return torch.from_numpy(sums_N).to(cost_NTS.dtype)


@torch.no_grad()
def hard_path(cost_TS: Tensor, *, band: int | None = None) -> Tensor:
    """The alignment that hard_dtw sums over, first pair of frames first.

    Shapes: cost_TS (T, S) -> (P, 2) int64 on the CPU, rows (t, s) from (0, 0) to (T-1, S-1), max(T, S) <= P < T + S.
    Ties: seen from the end, a step in both sequences wins over one in the first alone, that over one in the second.
    Raises: ValueError if cost is not 2-D, or as hard_dtw.
    """
    if cost_TS.ndim != 2:
        raise ValueError(f"expected the costs of one problem (T, S), got {tuple(cost_TS.shape)}")
    cost_NTS = cost_TS[None].cpu()
    _check(cost_NTS, 1.0, band)
    sums = soft_dtw_diagonal.accumulate(cost_NTS, soft_dtw_diagonal.hard_minimum, band)[0].tolist()
    t, s = cost_TS.shape
    path = [(t - 1, s - 1)]
    while (t, s) != (1, 1):
        t, s = min(((t - 1, s - 1), (t - 1, s), (t, s - 1)), key=lambda cell: sums[cell[0]][cell[1]])
        path.append((t - 1, s - 1))
    return torch.tensor(path[::-1])


class _SoftDTW(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cost_NTS: Tensor, gamma: float, band: int | None) -> Tensor:
        keep = ctx.needs_input_grad[0]
        distances_N, kept = _engine(cost_NTS).forward(cost_NTS.detach(), gamma, band, keep=keep)
        ctx.save_for_backward(kept)
        ctx.like, ctx.gamma, ctx.band = cost_NTS.new_empty(1).expand(cost_NTS.shape), gamma, band
        return distances_N.to(cost_NTS.dtype, copy=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_N: Tensor) -> tuple[Tensor, None, None]:
        (kept,) = ctx.saved_tensors
        engine = _engine(ctx.like)
        return engine.backward(kept, ctx.gamma, ctx.band, grad_N.detach()).to(ctx.like.dtype), None, None


def _engine(cost_NTS: Tensor) -> Engine:
    """The numba kernel on the CPU, which takes a second to load; else as `_device_engine`."""
    if cost_NTS.device.type == "cpu":
        from dastm.model.matching import soft_dtw_cpu

        return soft_dtw_cpu
    return _device_engine(cost_NTS)


def _device_engine(cost_NTS: Tensor) -> DeviceEngine:
    """The Triton kernel for short sequences on CUDA, else plain PyTorch."""
    if cost_NTS.device.type == "cuda":
        longest = max(cost_NTS.shape[1:])
        reason = f"{longest} frames are more than {MAX_FRAMES}" if longest > MAX_FRAMES else missing(cost_NTS.device)
        if reason is None:
            from dastm.model.matching import soft_dtw_triton

            return soft_dtw_triton
        tell_once("soft-DTW", reason)
    return soft_dtw_diagonal


def _check(cost_NTS: Tensor, gamma: float, band: int | None) -> None:
    if not (gamma > 0 and math.isfinite(gamma)):
        raise ValueError(f"gamma must be above 0 and finite, got {gamma}")
    if cost_NTS.ndim != 3 or not cost_NTS.is_floating_point():
        raise ValueError(f"expected floating-point costs (N, T, S), got {cost_NTS.dtype} {tuple(cost_NTS.shape)}")
    if cost_NTS.numel() == 0:
        raise ValueError(f"costs must not be empty, got {tuple(cost_NTS.shape)}")
    n_t, n_s = cost_NTS.shape[1:]
    if band is not None and band < abs(n_t - n_s):
        raise ValueError(f"band {band} cannot reach the corner of {n_t} x {n_s} frames: at least {abs(n_t - n_s)}")
    if cost_NTS.device.type == "cpu":
        _check_values(cost_NTS, gamma)


def _check_values(cost_NTS: Tensor, gamma: float) -> None:
    least, most = torch.aminmax(cost_NTS.detach())
    largest = max(-float(least), float(most))
    if not math.isfinite(largest):
        raise ValueError("costs hold nan or inf")
    if max(largest, largest / gamma, 1 / gamma) > LARGEST:
        raise ValueError(f"costs up to {largest:g} are too large for gamma {gamma:g}")
