"""Chooses what queries are compared with, and turns distances to examples into distances to classes.

In: features of examples (support clips), or distances to them. Out: references, or distances to classes. With `mean` a
class has one reference, its prototype. Otherwise every example is a reference: `nearest` uses the smallest distance,
`both` half the smallest and half the mean of the distances (the mean alone suffers from outliers).

Axes: Q queries, L examples, R references (W or L), W ways (classes), S frames, V joints, D channels.
"""

import torch
from torch import Tensor

from dastm.config.schema import Examples
from dastm.layers.full_product import full_product
from dastm.matching.prototypes import check_labels, prototypes


def references(support_LSVD: Tensor, labels_L: Tensor, n_way: int, examples: Examples) -> Tensor:
    """The references of queries: prototypes (W, S, V, D), or the examples themselves (L, S, V, D).

    Raises: ValueError as `prototypes`.
    """
    if examples == "mean":
        return prototypes(support_LSVD, labels_L, n_way)
    check_labels(support_LSVD, labels_L, n_way)
    return support_LSVD


def to_classes(distances_QR: Tensor, labels_L: Tensor, n_way: int, examples: Examples) -> Tensor:
    """Distance of every query to every class, from its distances to the references.

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
