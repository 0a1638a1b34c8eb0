"""Slow nuclear norm: one singular value decomposition a matrix, for the sum and for its gradient u v^T."""

import torch
from torch import Tensor


def nuclear_norm(matrix_VD: Tensor) -> Tensor:
    return torch.linalg.svdvals(matrix_VD.double()).sum()


def gradient(matrix_VD: Tensor, least: float) -> Tensor:
    """Sum of u_i v_i^T over the singular values above this share of the largest."""
    u, s, vt = torch.linalg.svd(matrix_VD.double(), full_matrices=False)
    kept = s > least * s.max()
    return u[:, kept] @ vt[kept]
