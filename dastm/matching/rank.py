"""Rank maximisation (Eq. 2-3): features in, the sum of singular values of each frame's n x d matrix out, and L_dis.

No SVD of n x d matrices. With H = U diag(s) V^T the gradient of sum(s) is the polar factor U V^T: the same for every
choice of U among repeated singular values, and zero where a singular value is zero (the least subgradient).
CPU: G = H H^T = U diag(s^2) U^T in float64, the polar factor is U diag(1/s) U^T H. Squaring costs half the digits:
singular values below 1e-7 of the largest are told apart only together, and so count as zero in the gradient.
Accelerators: the polar factor by matrix products alone (`polar`), since a solver of eigenvalues waits for the device.

Axes: L clips, T frames, V joints, D channels.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dastm.matching.eigen import eigh
from dastm.matching.polar import polar_factor

_RESOLVED = 1e-7
"""Share of the largest singular value below which eigenvectors of the float64 Gram matrix say nothing reliable."""


def nuclear_norm(features_VD: Tensor) -> Tensor:
    """||H||_*, the sum of singular values of each matrix, computed in float64.

    Shapes: features_VD (..., V, D) -> (...), in the type of the features. The gradient can be taken once, not twice;
    singular values below max(V, D) eps, or 1e-7, times the largest count as zero in it.
    Raises: ValueError if there is no matrix of at least 1 x 1; on the CPU also if the features hold nan or inf. On an
    accelerator, where looking at them would wait for the device, nan goes through to the result.
    """
    if features_VD.ndim < 2 or features_VD.numel() == 0:
        raise ValueError(f"expected matrices (..., V, D), got {tuple(features_VD.shape)}")
    n_joints, n_channels = features_VD.shape[-2:]
    norms: Tensor = _NuclearNorm.apply(  # type: ignore[no-untyped-call]
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


class _NuclearNorm(torch.autograd.Function):
    """Of wide matrices, V <= D."""

    @staticmethod
    def forward(ctx: Any, features_VD: Tensor) -> Tensor:
        norms, directions_VD = (_by_eigenvectors if features_VD.device.type == "cpu" else _by_products)(features_VD)
        ctx.save_for_backward(directions_VD)
        return norms.to(features_VD.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (directions_VD,) = ctx.saved_tensors
        return grad[..., None, None] * directions_VD  # type: ignore[no-any-return]


def _by_eigenvectors(features_VD: Tensor) -> tuple[Tensor, Tensor]:
    """Norms in float64, and polar factors in the type of the features. Raises: ValueError for nan or inf."""
    wide, size = features_VD.double(), None
    if features_VD.dtype == torch.float64:  # largest entry 1: squares neither overflow nor vanish
        size = wide.abs().amax((-2, -1), keepdim=True)
        wide = wide / size.masked_fill(size == 0, 1)
    gram_VV = wide @ wide.mT
    if not torch.isfinite(gram_VV).all():
        raise ValueError("features hold nan or inf")
    squares_V, vectors_VV = eigh(gram_VV)
    values_V = squares_V.clamp(min=0).sqrt()
    if size is not None:
        # As lengths of the rows of U^T H zeros come out as zeros: the root of a rounding error of 1e-16 is 1e-8.
        values_V = torch.linalg.vector_norm(vectors_VV.mT @ wide, dim=-1)
    limit = max(_RESOLVED, wide.shape[-1] * torch.finfo(features_VD.dtype).eps)
    zero = values_V <= limit * values_V.amax(-1, keepdim=True)
    inverse_V = values_V.masked_fill(zero, 1).reciprocal().masked_fill(zero, 0)
    directions_VD = (vectors_VV * inverse_V[..., None, :] @ vectors_VV.mT) @ wide
    norms = values_V.sum(-1) if size is None else values_V.sum(-1) * size[..., 0, 0]
    return norms, directions_VD.to(features_VD.dtype)


def _by_products(features_VD: Tensor) -> tuple[Tensor, Tensor]:
    """As `_by_eigenvectors`, without a solver: what an accelerator does without being waited for."""
    wide = features_VD.double()
    directions_VD = polar_factor(wide)
    return (directions_VD * wide).sum((-2, -1)), directions_VD.to(features_VD.dtype)
