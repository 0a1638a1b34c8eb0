"""The polar factor U V^T of H = U diag(s) V^T without a decomposition: for accelerators, by matrix products alone.

In: matrices. Out: their polar factors, singular values replaced by one (and zero by zero). With G = H H^T that is
G^-1/2 H. The root is found by the coupled iteration of Newton and Schulz (Higham, Functions of Matrices, SIAM 2008,
chapter 6), here of fifth order: Y and Z begin as G and the identity; with p(t) = (15 - 10 t + 3 t^2) / 8 each step
takes Y p(Z Y) for Y and p(Z Y) Z for Z, which tends to G^-1/2. Only n x n matrices take part. No solver runs matrix by
matrix and nothing waits for the device. On CUDA one Triton kernel takes all steps (`polar_triton`).
"""

import torch
from torch import Tensor

from dastm.model.matching.triton_support import MAX_ROWS, missing, tell_once

STEPS = 24
"""A small eigenvalue of Z Y grows by (15/8)^2 a step, and so does the rounding where there is none: 24 steps bring
1e-13 of the sum of squares to one, and 1e-16, which may be negative, to 1e-3."""


def polar_factor(features_VD: Tensor) -> Tensor:
    """U V^T of every matrix, V <= D; singular values below about 3e-7 of the norm stay between zero and one.

    Shapes: features_VD (..., V, D) float64 -> the same. A matrix of zeros stays zero.
    """
    size = torch.linalg.matrix_norm(features_VD, keepdim=True)
    unit_NVD = (features_VD / size.masked_fill(size == 0, 1)).reshape(-1, *features_VD.shape[-2:])
    gram_NVV = torch.bmm(unit_NVD, unit_NVD.mT)
    if fused(gram_NVV):
        from dastm.model.matching import polar_triton

        roots_NVV = polar_triton.inverse_roots(gram_NVV, STEPS)
    else:
        roots_NVV = inverse_roots(gram_NVV)
    return torch.bmm(roots_NVV, unit_NVD).view_as(features_VD)


def inverse_roots(gram_NVV: Tensor) -> Tensor:
    """G^-1/2 of symmetric matrices whose eigenvalues lie within 0..1 -> the same shape, float64."""
    y, z = gram_NVV, torch.eye(gram_NVV.shape[-1], dtype=gram_NVV.dtype, device=gram_NVV.device).expand_as(gram_NVV)
    for _ in range(STEPS):
        t = torch.bmm(z, y)
        rest = torch.baddbmm(t, t, t, beta=-10 / 8, alpha=3 / 8)  # p(t) without its constant
        y, z = torch.baddbmm(y, y, rest, beta=15 / 8), torch.baddbmm(z, rest, z, beta=15 / 8)
    return z


def fused(gram_NVV: Tensor) -> bool:
    """Whether the GPU's kernel takes these matrices; if a GPU cannot use it, the log says why, once per process."""
    if gram_NVV.device.type != "cuda":
        return False
    n = gram_NVV.shape[-1]
    reason = f"{n} joints are more than {MAX_ROWS}" if n > MAX_ROWS else missing(gram_NVV.device)
    if reason:
        tell_once("rank term", reason)
    return reason is None
