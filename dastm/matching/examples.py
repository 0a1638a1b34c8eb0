"""What of a class's examples queries are compared with, and how distances to examples become distances to classes.

In: features of examples (support clips), or distances to them. Out: references, or distances to classes. By their
`mean`, the prototype, a class has one reference; else every example is one, and the `nearest` counts alone, or `both`:
half the least and half the mean of the distances (a mean alone suffers from outliers).

Axes: Q queries, L examples, R references (W or L), W ways (classes), S frames, V joints, D channels.
"""

import torch
from torch import Tensor

from dastm.config.schema import Examples
from dastm.layers.full_product import full_product
from dastm.matching.prototypes import check_labels, prototypes


def references(support_LSVD: Tensor, labels_L: Tensor, n_way: int, examples: Examples) -> Tensor:
    """What queries are compared with: prototypes (W, S, V, D), or the examples as they are (L, S, V, D).

    Raises: ValueError as `prototypes`.
    """
    if examples == "mean":
        return prototypes(support_LSVD, labels_L, n_way)
    check_labels(support_LSVD, labels_L, n_way)
    return support_LSVD


def to_classes(distances_QR: Tensor, labels_L: Tensor, n_way: int, examples: Examples) -> Tensor:
    """Distance of every query to every class, from those to the references.

    Shapes: distances_QR (Q, R), labels_L (L,) integers in 0..n_way-1 -> (Q, W).
    """
    if examples == "mean":
        return distances_QR
    members_WL = labels_L == torch.arange(n_way, device=labels_L.device)[:, None]
    least_QW = distances_QR[:, None].masked_fill(members_WL.logical_not(), torch.inf).amin(2)
    if examples == "nearest":
        return least_QW
    weights_WL = members_WL.to(distances_QR.dtype)
    mean_QW = full_product(distances_QR, (weights_WL / weights_WL.sum(1, keepdim=True)).T)
    both_QW: Tensor = (least_QW + mean_QW) / 2
    return both_QW
