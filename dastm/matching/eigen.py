"""Eigenvalues and eigenvectors of many small symmetric matrices on the CPU: LAPACK's solver, one matrix a thread.

In: matrices, as torch holds them. Out: what `torch.linalg.eigh` gives, which solves one matrix after the other.
"""

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor

from dastm.matching.threads import torch_threads

Doubles = NDArray[np.float64]


def eigh(matrices_VV: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, smallest first, and eigenvectors as columns.

    Shapes: matrices_VV (..., V, V) float64, symmetric and finite, on the CPU -> (..., V), (..., V, V).
    """
    flat = matrices_VV.reshape(-1, *matrices_VV.shape[-2:]).contiguous()
    with torch_threads():
        values, vectors = _eigh(flat.numpy())
    return torch.from_numpy(values).view(matrices_VV.shape[:-1]), torch.from_numpy(vectors).view(matrices_VV.shape)


@njit(parallel=True, cache=True)
def _eigh(matrices_NVV: Doubles) -> tuple[Doubles, Doubles]:
    values, vectors = np.empty(matrices_NVV.shape[:2]), np.empty(matrices_NVV.shape)
    for n in prange(len(matrices_NVV)):
        values[n], vectors[n] = np.linalg.eigh(matrices_NVV[n])
    return values, vectors
