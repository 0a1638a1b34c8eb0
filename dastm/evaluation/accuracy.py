"""Distances and labels in, the share of queries that are right out; the scores of training and evaluation alike.

Axes: Q queries, W ways.
"""

import torch
from torch import Tensor


def accuracy(distances_QW: Tensor, labels: Tensor) -> Tensor:
    """Share of queries whose nearest prototype is their own class's, in 0..1.

    Shapes: distances_QW (Q, W), labels (Q,) -> (), float64. Of equal distances the first class wins. nan if any
    distance is nan, which has no nearest prototype: who reads the accuracies has to look.
    Raises: ValueError if the shapes do not fit.
    """
    check_distances(distances_QW, labels)
    share = (distances_QW.argmin(1) == labels).double().mean()
    return share.masked_fill(distances_QW.isnan().any(), torch.nan)


def check_distances(distances_QW: Tensor, labels_Q: Tensor) -> None:
    if distances_QW.ndim != 2 or labels_Q.shape != distances_QW.shape[:1] or distances_QW.numel() == 0:
        raise ValueError(
            f"expected distances (Q, W) and labels (Q,), got {tuple(distances_QW.shape)} and {tuple(labels_Q.shape)}"
        )
