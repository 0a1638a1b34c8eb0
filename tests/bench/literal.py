"""What the fast versions are measured against: the same results, computed as the equations read."""

import math

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from dastm.matching.activation import Activation


def activation_distances(weights: Activation, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
    """Eq. 4-6 batched but literal: an n x d tensor for every pair of frames -> (Q, W, T, S)."""
    root = math.sqrt(query_QTVD.shape[-1])
    q, s = query_QTVD[:, None, :, None], prototypes_WSVD[None, :, None]
    a_query = ((q @ weights.W1q) @ (s @ weights.W2q).mT / root).softmax(-1)
    a_support = ((s @ weights.W1s) @ (q @ weights.W2s).mT / root).softmax(-1)
    difference = a_query @ (q @ weights.W3q) - a_support @ (s @ weights.W3s)
    return difference.flatten(-2).norm(dim=-1)


def bare_products(query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
    """The three large matrix products that any version needs (two of scores, one of values), and nothing else."""
    rows, columns = query_QTVD.flatten(0, 2), prototypes_WSVD.flatten(0, 2)
    return (rows @ columns.T).sum() + (rows @ columns.T).sum() + (rows @ columns.T).sum()


@njit
def soft_dtw_plain(cost_NTS: NDArray[np.float64], gamma: float) -> NDArray[np.float64]:  # pragma: no cover
    """Value and gradient, one thread, three exponentials a cell each way: the textbook loops -> (N, T, S) gradient."""
    n_problems, n_t, n_s = cost_NTS.shape
    grad = np.zeros((n_problems, n_t + 2, n_s + 2))
    for n in range(n_problems):
        R = np.full((n_t + 2, n_s + 2), np.inf)
        R[0, 0] = 0.0
        for i in range(1, n_t + 1):
            for j in range(1, n_s + 1):
                a, b, c = -R[i - 1, j - 1] / gamma, -R[i - 1, j] / gamma, -R[i, j - 1] / gamma
                top = max(a, b, c)
                R[i, j] = cost_NTS[n, i - 1, j - 1] - gamma * (
                    np.log(np.exp(a - top) + np.exp(b - top) + np.exp(c - top)) + top
                )
        D = np.zeros((n_t + 2, n_s + 2))
        D[1 : n_t + 1, 1 : n_s + 1] = cost_NTS[n]
        R[n_t + 1, :] = -np.inf
        R[:, n_s + 1] = -np.inf
        R[n_t + 1, n_s + 1] = R[n_t, n_s]
        E = grad[n]
        E[n_t + 1, n_s + 1] = 1.0
        for j in range(n_s, 0, -1):
            for i in range(n_t, 0, -1):
                a = np.exp((R[i + 1, j] - R[i, j] - D[i + 1, j]) / gamma)
                b = np.exp((R[i, j + 1] - R[i, j] - D[i, j + 1]) / gamma)
                c = np.exp((R[i + 1, j + 1] - R[i, j] - D[i + 1, j + 1]) / gamma)
                E[i, j] = E[i + 1, j] * a + E[i, j + 1] * b + E[i + 1, j + 1] * c
    return grad[:, 1:-1, 1:-1]


def nuclear_norm_svd(features_LVD: Tensor) -> Tensor:
    """Sum of singular values by torch.linalg -> (L,)."""
    return torch.linalg.svdvals(features_LVD).sum(-1)
