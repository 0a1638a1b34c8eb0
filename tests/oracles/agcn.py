"""One block of 2s-AGCN (Shi et al., CVPR 2019) in the published order of operations, in numpy loops, in training mode.

`weights` holds the entries of a block's state dict as float64 arrays. x_BCTV (B, C, T, V), A_KVV (3, V, V).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dastm.contract.skeleton import Layout
from tests.oracles.pair_norm import of_array
from tests.oracles.st_gcn import batch_norm, conv_over_time

Array = NDArray[np.float64]


def directed_partition(layout: Layout) -> Array:
    """Self, inward and outward links, each column divided by its sum where there is one."""
    n = layout.n_joints
    links = ([(i, i) for i in range(n)], list(layout.bones), [(j, i) for i, j in layout.bones])
    partition = np.zeros((3, n, n))
    for k in range(3):
        for i, j in links[k]:
            partition[k, j, i] = 1
        for column in range(n):
            total = partition[k, :, column].sum()
            if total > 0:
                partition[k, :, column] /= total
    return partition


def bones(bodies: Array, layout: Layout) -> Array:
    vectors = np.zeros_like(bodies)
    for joint in range(layout.n_joints):
        for end, source in layout.bones:
            if end == joint:
                vectors[:, :, joint] = bodies[:, :, joint] - bodies[:, :, source]
                break
    return vectors


def directions(bodies: Array, layout: Layout) -> Array:
    vectors, n_space = bodies.copy(), 2 if layout.is_image else 3
    for body, places in zip(vectors, bodies, strict=True):
        for t in range(len(places)):
            at = min(t, len(places) - 2)
            step = (places[at + 1] - places[at])[:, :n_space]
            body[t, :, :n_space] = 0.8 * np.sqrt(layout.n_joints) * step / np.sqrt((step**2).sum())
    return vectors


def motion(bodies: Array) -> Array:
    vectors = np.zeros_like(bodies)
    for t in range(bodies.shape[1] - 1):
        vectors[:, t] = bodies[:, t + 1] - bodies[:, t]
    return vectors


def block(x: Array, A: Array, weights: Mapping[str, Array], stride: int, first: bool, pair_norm: float = 0.0) -> Array:
    y = graph_conv(x, A, weights, pair_norm)
    y = conv_over_time(y, weights["tcn1.conv.weight"], weights["tcn1.conv.bias"], stride)
    y = batch_norm(y, weights["tcn1.bn.weight"], weights["tcn1.bn.bias"])
    if first:
        return np.maximum(y, 0)
    residual = x
    if "residual.conv.weight" in weights:
        residual = conv_over_time(x, weights["residual.conv.weight"], weights["residual.conv.bias"], stride)
        residual = batch_norm(residual, weights["residual.bn.weight"], weights["residual.bn.bias"])
    return np.maximum(y + residual, 0)


def graph_conv(x: Array, A: Array, weights: Mapping[str, Array], pair_norm: float) -> Array:
    """For each subset: graph of each clip, gather, convolve; add up; norm; residual; ReLU."""
    y = 0
    for k in range(3):
        a, b = (pointwise(x, weights, f"gcn1.conv_{name}.{k}") for name in "ab")
        gathered = np.zeros_like(x)
        for clip in range(len(x)):
            graph = A[k] + weights["gcn1.PA"][k] + own_graph(a[clip], b[clip])
            for w in range(x.shape[3]):
                for v in range(x.shape[3]):
                    gathered[clip, :, :, w] += x[clip, :, :, v] * graph[v, w]
        y = y + pointwise(gathered, weights, f"gcn1.conv_d.{k}")
    y = of_array(y, pair_norm)
    y = batch_norm(y, weights["gcn1.bn.weight"], weights["gcn1.bn.bias"])
    residual = x
    if "gcn1.down.0.weight" in weights:
        residual = pointwise(x, weights, "gcn1.down.0")
        residual = batch_norm(residual, weights["gcn1.down.1.weight"], weights["gcn1.down.1.bias"])
    return np.maximum(y + residual, 0)


def own_graph(a_CTV: Array, b_CTV: Array) -> Array:
    n_joints = a_CTV.shape[2]
    graph = np.empty((n_joints, n_joints))
    for w in range(n_joints):
        scores = np.array([(a_CTV[:, :, v] * b_CTV[:, :, w]).mean() for v in range(n_joints)])
        powers = np.exp(scores - scores.max())
        graph[:, w] = powers / powers.sum()
    return graph


def pointwise(x: Array, weights: Mapping[str, Array], name: str) -> Array:
    return conv_over_time(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=1)
