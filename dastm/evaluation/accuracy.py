"""Distances and labels in, the share of correct queries out; training and evaluation both use it.

Axes: Q queries, W ways.
"""

import torch
from torch import Tensor


def accuracy(distances_QW: Tensor, labels: Tensor) -> Tensor:
    """Share of queries whose nearest prototype is their own class's, in 0..1.

    Shapes: distances_QW (Q, W), labels (Q,) -> (), float64. Of equal distances the first class counts. The result is
    nan if any distance is nan; the caller has to check.
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
