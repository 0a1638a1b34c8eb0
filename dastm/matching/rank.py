"""Rank maximisation (Eq. 2-3): features in, the sum of singular values of each frame's n x d matrix out, and L_dis.

No SVD: with G = H H^T = U diag(s^2) U^T the singular values are the norms of the rows of U^T H. Taken as rows, and not
as roots of the eigenvalues, zeros come out as zeros: the root of a rounding error of 1e-16 would be 1e-8.
Gradient: U diag(1/s) U^T H, the sum of u_i v_i^T. It is the same for every choice of U among repeated singular values;
a singular value of zero contributes nothing (the least subgradient). Squaring costs half the digits: singular values
below about 1e-8 of the largest are told apart only together, and so count as zero in the gradient.

Axes: L clips, T frames, V joints, D channels.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_RESOLVED = 1e-7
"""Share of the largest singular value below which eigenvectors of the float64 Gram matrix say nothing reliable."""


def nuclear_norm(features_VD: Tensor) -> Tensor:
    """||H||_*, the sum of singular values of each matrix, computed in float64.

    Shapes: features_VD (..., V, D) -> (...), in the type of the features. The gradient can be taken once, not twice;
    singular values below max(V, D) eps, or 1e-7, times the largest count as zero in it.
    Raises: ValueError if there is no matrix of at least 1 x 1, or the features hold nan or inf.
    """
    if features_VD.ndim < 2 or features_VD.numel() == 0:
        raise ValueError(f"expected matrices (..., V, D), got {tuple(features_VD.shape)}")
    if not torch.isfinite(features_VD).all():
        raise ValueError("features hold nan or inf")
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
        wide = features_VD.double()
        # Largest entry 1: squares neither overflow nor vanish.
        size = wide.abs().amax((-2, -1), keepdim=True)
        wide = wide / size.masked_fill(size == 0, 1)
        vectors_VV = torch.linalg.eigh(wide @ wide.mT).eigenvectors
        rows_VD = vectors_VV.mT @ wide
        values_V = torch.linalg.vector_norm(rows_VD, dim=-1)
        ctx.save_for_backward(vectors_VV, rows_VD, values_V)
        ctx.dtype = features_VD.dtype
        norms: Tensor = (values_V.sum(-1) * size[..., 0, 0]).to(features_VD.dtype)
        return norms

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        vectors_VV, rows_VD, values_V = ctx.saved_tensors
        dtype: torch.dtype = ctx.dtype
        limit = max(_RESOLVED, rows_VD.shape[-1] * torch.finfo(dtype).eps)
        zero = values_V <= limit * values_V.amax(-1, keepdim=True)
        inverse_V = values_V.masked_fill(zero, 1).reciprocal().masked_fill(zero, 0)
        directions_VD = vectors_VV @ (inverse_V[..., None] * rows_VD)
        grad_VD: Tensor = (grad.double()[..., None, None] * directions_VD).to(dtype)
        return grad_VD
