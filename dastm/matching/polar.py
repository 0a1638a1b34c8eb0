"""The polar factor U V^T of H = U diag(s) V^T without a decomposition: for accelerators, by matrix products alone.

In: matrices. Out: their polar factors, singular values replaced by one (and zero by zero). The Newton-Schulz iteration
of fifth order (Bjorck & Bowie, SIAM J. Numer. Anal. 1971) on H divided by its Frobenius norm: p(s) = (15 s - 10 s^3 +
3 s^5) / 8 sends every s in (0, 1] towards one. No solver runs matrix by matrix and nothing waits for the device.
"""

import torch
from torch import Tensor

_STEPS = 30
"""A small singular value grows by 15/8 a step, and so does the rounding in directions where there is none: 30 steps
bring 1e-8 of the norm to one, and 1e-16 to 1e-8."""


def polar_factor(features_VD: Tensor) -> Tensor:
    """U V^T of every matrix, V <= D; singular values below about 1e-8 of the norm stay between zero and one.

    Shapes: features_VD (..., V, D) float64 -> the same. A matrix of zeros stays zero.
    """
    size = torch.linalg.matrix_norm(features_VD, keepdim=True)
    x_VD = features_VD / size.masked_fill(size == 0, 1)
    identity_VV = torch.eye(features_VD.shape[-2], dtype=features_VD.dtype, device=features_VD.device)
    for _ in range(_STEPS):
        gram_VV = x_VD @ x_VD.mT
        x_VD = (15 / 8 * identity_VV - 10 / 8 * gram_VV + 3 / 8 * gram_VV @ gram_VV) @ x_VD
    return x_VD  # type: ignore[no-any-return]
