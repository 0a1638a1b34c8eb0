"""Rank maximisation (Eq. 2-3): features in, the sum of singular values of each frame's n x d matrix out, and L_dis.

No SVD of n x d matrices. With H = U diag(s) V^T the gradient of sum(s) is the polar factor U V^T: the same for every
choice of U among repeated singular values, and zero where a singular value is zero (the least subgradient).
CPU: G = H H^T = U diag(s^2) U^T in float64, the polar factor is R H with R = U diag(1/s) U^T, and only R is kept for
the backward pass. Squaring costs half the digits: singular values below 1e-7 of the largest are told apart only
together, and so count as zero in the gradient. R undoes what H has small: its product with H needs float64 too.
Accelerators: the polar factor by matrix products alone (`polar`), since a solver of eigenvalues waits for the device.

Axes: L clips, T frames, V joints, D channels.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dastm.model.matching.polar import polar_factor

_RESOLVED = 1e-7
"""Share of the largest singular value below which eigenvectors of the float64 Gram matrix say nothing reliable."""
_CHUNK_BYTES = 1 << 20
"""Room for float64 copies of features: those of a chunk of matrices stay in the second cache."""


def nuclear_norm(features_VD: Tensor) -> Tensor:
    """||H||_*, the sum of singular values of each matrix, computed in float64.

    Shapes: features_VD (..., V, D) -> (...), in the type of the features. The gradient can be taken once, not twice;
    singular values below max(V, D) eps, or 1e-7, times the largest count as zero in it.
    Raises: ValueError if there is no matrix of at least 1 x 1; on the CPU also if the features hold nan or inf. On an
    accelerator, where a check would wait for the device, nan is passed on to the result.
    Source: the rank maximisation of Ma et al., ECCV 2022, Eq. 2.

    >>> import dastm, torch
    >>> dastm.nuclear_norm(torch.diag(torch.tensor([3.0, 4.0])))
    tensor(7.)
    """
    if features_VD.ndim < 2 or features_VD.numel() == 0:
        raise ValueError(f"expected matrices (..., V, D), got {tuple(features_VD.shape)}")
    n_joints, n_channels = features_VD.shape[-2:]
    function = _ByEigenvectors if features_VD.device.type == "cpu" else _ByProducts
    norms: Tensor = function.apply(  # type: ignore[no-untyped-call]
        features_VD if n_joints <= n_channels else features_VD.mT
    )
    return norms


def rank_loss(features_LTVD: Tensor, *, unit: bool = False) -> Tensor:
    """L_dis of Eq. 3: minus the mean of ||H||_* over clips and frames.

    Shapes: features_LTVD (L, T, V, D) -> (). `unit` divides every frame's matrix by its Frobenius norm first, so that
    the loss lies within -sqrt(min(V, D))..-1 (0 for a frame of zeros) and scaling the features no longer lowers it.
    Raises: ValueError as nuclear_norm, or if there are not four axes.
    """
    if features_LTVD.ndim != 4:
        raise ValueError(f"expected features (L, T, V, D), got {tuple(features_LTVD.shape)}")
    norms_LT = nuclear_norm(features_LTVD)
    if unit:
        sizes_LT = torch.linalg.vector_norm(features_LTVD, dim=(2, 3))
        norms_LT = norms_LT / sizes_LT.masked_fill(sizes_LT == 0, 1)
    return -norms_LT.mean()


class _ByEigenvectors(torch.autograd.Function):
    """Nuclear norm of wide matrices, V <= D, by eigenvectors, on the CPU."""

    @staticmethod
    def forward(ctx: Any, features_VD: Tensor) -> Tensor:
        wide_NVD, size = features_VD.reshape(-1, *features_VD.shape[-2:]), None
        if features_VD.dtype == torch.float64:  # largest entry 1: squares neither overflow nor vanish
            size = wide_NVD.abs().amax((-2, -1), keepdim=True)
            wide_NVD = wide_NVD / size.masked_fill(size == 0, 1)
        values_NV, vectors_NVV = _decomposed(wide_NVD)
        limit = max(_RESOLVED, wide_NVD.shape[-1] * torch.finfo(features_VD.dtype).eps)
        zero = values_NV <= limit * values_NV.amax(-1, keepdim=True)
        inverse_NV = values_NV.masked_fill(zero, 1).reciprocal().masked_fill(zero, 0)
        ctx.save_for_backward(wide_NVD, (vectors_NVV * inverse_NV[:, None]) @ vectors_NVV.mT)
        ctx.shape = features_VD.shape
        norms_N = values_NV.sum(-1) if size is None else values_NV.sum(-1) * size[:, 0, 0]
        return norms_N.to(features_VD.dtype).view(features_VD.shape[:-2])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        wide_NVD, roots_NVV = ctx.saved_tensors
        left_NVV = grad.reshape(-1, 1, 1) * roots_NVV
        grad_NVD = torch.empty_like(wide_NVD)
        for chunk in _chunks(wide_NVD):
            grad_NVD[chunk] = left_NVV[chunk] @ wide_NVD[chunk].double()
        return grad_NVD.view(ctx.shape)


class _ByProducts(torch.autograd.Function):
    """Nuclear norm by matrix products alone, without a solver, so that nothing waits for an accelerator."""

    @staticmethod
    def forward(ctx: Any, features_VD: Tensor) -> Tensor:
        wide_VD = features_VD.double()
        directions_VD = polar_factor(wide_VD)
        ctx.save_for_backward(directions_VD.to(features_VD.dtype))
        return (directions_VD * wide_VD).sum((-2, -1)).to(features_VD.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (directions_VD,) = ctx.saved_tensors
        return grad[..., None, None] * directions_VD  # type: ignore[no-any-return]


def _decomposed(wide_NVD: Tensor) -> tuple[Tensor, Tensor]:
    """Singular values (N, V), unordered, and left singular vectors (N, V, V) in float64. ValueError for nan or inf."""
    from dastm.model.matching.eigen import eigh  # numba takes a second to load

    gram_NVV = wide_NVD.new_empty(*wide_NVD.shape[:2], wide_NVD.shape[1], dtype=torch.float64)
    for chunk in _chunks(wide_NVD):
        double = wide_NVD[chunk].double()
        torch.bmm(double, double.mT, out=gram_NVV[chunk])
    if not torch.isfinite(gram_NVV.diagonal(dim1=-2, dim2=-1)).all():
        raise ValueError("features hold nan or inf")
    squares_NV, vectors_NVV = eigh(gram_NVV)
    if wide_NVD.dtype == torch.float64:
        # As lengths of the rows of U^T H zeros come out as zeros: the root of a rounding error of 1e-16 is 1e-8.
        return torch.linalg.vector_norm(vectors_NVV.mT @ wide_NVD, dim=-1), vectors_NVV
    return squares_NV.clamp(min=0).sqrt(), vectors_NVV


def _chunks(wide_NVD: Tensor) -> Iterator[slice]:
    size = max(1, _CHUNK_BYTES // (8 * wide_NVD[0].numel()))
    return (slice(start, start + size) for start in range(0, len(wide_NVD), size))
