"""One block of ST-GCN (Yan et al., AAAI 2018) in the published order of operations, in numpy loops, in training mode.

`weights` holds the entries of a block's state dict as float64 arrays. x_BCTV (B, C, T, V), A_PVV (P, V, V).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tests.oracles.pair_norm import of_array

Array = NDArray[np.float64]
EPSILON = 1e-5


def block(
    x_BCTV: Array, A_PVV: Array, weights: Mapping[str, Array], stride: int, first: bool, pair_norm: float = 0.0
) -> Array:
    y = graph_conv(x_BCTV, A_PVV, weights["gcn.conv.weight"], weights["gcn.conv.bias"])
    y = of_array(y, pair_norm)
    y = batch_norm(y, weights["tcn.0.weight"], weights["tcn.0.bias"])
    y = np.maximum(y, 0)
    y = conv_over_time(y, weights["tcn.2.weight"], weights["tcn.2.bias"], stride)
    y = batch_norm(y, weights["tcn.3.weight"], weights["tcn.3.bias"])
    if first:
        return np.maximum(y, 0)
    residual = x_BCTV
    if "residual.0.weight" in weights:
        residual = conv_over_time(x_BCTV, weights["residual.0.weight"], weights["residual.0.bias"], stride)
        residual = batch_norm(residual, weights["residual.1.weight"], weights["residual.1.bias"])
    return np.maximum(y + residual, 0)


def graph_conv(x: Array, A: Array, weight: Array, bias: Array) -> Array:
    """Convolve to P groups of channels, then gather each group with its own matrix and add them."""
    n_partitions, n_joints = A.shape[:2]
    n_out = len(bias) // n_partitions
    y = np.zeros((x.shape[0], n_out, x.shape[2], n_joints))
    for p in range(n_partitions):
        for c in range(n_out):
            row = p * n_out + c
            convolved_BTV = np.einsum("i,bitv->btv", weight[row, :, 0, 0], x) + bias[row]
            for w in range(n_joints):
                for v in range(n_joints):
                    y[:, c, :, w] += convolved_BTV[:, :, v] * A[p, v, w]
    return y


def batch_norm(x: Array, weight: Array, bias: Array) -> Array:
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        mean, variance = x[:, c].mean(), x[:, c].var()
        y[:, c] = (x[:, c] - mean) / np.sqrt(variance + EPSILON) * weight[c] + bias[c]
    return y


def conv_over_time(x: Array, weight: Array, bias: Array, stride: int) -> Array:
    """Zero-padded so that a stride of one keeps the number of frames."""
    kernel = weight.shape[2]
    n_frames = x.shape[2]
    starts = range(0, n_frames, stride)
    y = np.empty((x.shape[0], len(bias), len(starts), x.shape[3]))
    for out, start in enumerate(starts):
        y[:, :, out] = bias[:, None]
        for k in range(kernel):
            t = start + k - kernel // 2
            if 0 <= t < n_frames:
                y[:, :, out] += np.einsum("oi,biv->bov", weight[:, :, k, 0], x[:, :, t])
    return y
