"""Disentangled scales of a skeleton: joints exactly k bones apart, within one frame or a window of frames.

In: the hop distances of a layout. Out: one normalised (N, N) matrix a scale; row i gathers what node i gets.
Liu, Zhang, Chen, Wang & Ouyang, "Disentangling and Unifying Graph Convolutions for Skeleton-Based Action Recognition",
CVPR 2020, https://arxiv.org/abs/2003.14111, section 3.2 (k-adjacency) and 3.3 (the graph of a window).

Axes: V joints, W frames of a window, N nodes (V joints, or W * V of a window: node w * V + v), K scales.
"""

import torch
from torch import Tensor


def window_hops(hops_VV: Tensor, n_frames: int) -> Tensor:
    """How far the nodes of a window are apart when each is tied to itself and its neighbours in all of its frames.

    Time costs nothing: two joints are as far apart between frames as within one; a joint is 1 from itself elsewhere.

    Shapes: hops (V, V), int64, zero on the diagonal -> (W * V, W * V), W = n_frames.
    Raises: ValueError if n_frames < 1.
    """
    if n_frames < 1:
        raise ValueError(f"n_frames: a window has at least 1, got {n_frames}")
    hops_NN = hops_VV.tile(n_frames, n_frames)
    elsewhere = (hops_NN == 0) & ~torch.eye(len(hops_NN), dtype=torch.bool)
    return hops_NN.masked_fill(elsewhere, 1)


def k_adjacency(hops_NN: Tensor, n_scales: int) -> Tensor:
    """D^-1/2 A_k D^-1/2 for k = 0 .. n_scales - 1, where A_k ties every node to itself and to those k hops away.

    D holds the row sums of A_k. Scale 0 is the identity, and so is every scale beyond the widest distance.

    Nodes that no bones lead between, farther than any scale, are tied at none.

    Shapes: hops (N, N), int64, symmetric -> (K, N, N) float32.
    Raises: ValueError if n_scales < 1.
    """
    if n_scales < 1:
        raise ValueError(f"n_scales: at least 1, got {n_scales}")
    scales_K = torch.arange(n_scales)[:, None, None]
    adjacency_KNN = ((hops_NN == scales_K) | (hops_NN == 0)).double()
    degree_KN = adjacency_KNN.sum(dim=2)
    normal_KNN = adjacency_KNN / (degree_KN[:, :, None] * degree_KN[:, None, :]).sqrt()
    return normal_KNN.float()
