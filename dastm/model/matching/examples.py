"""Chooses what queries are compared with, and turns distances to examples into distances to classes.

In: features of examples (support clips), or distances to them. Out: references, or distances to classes. With `mean` a
class has one reference, its prototype. Otherwise every example is a reference: `nearest` uses the smallest distance,
`power_mean` a mean in which the smallest counts most. The more examples a class has, the smaller is its smallest
distance, to any query; a power mean has less of that.

Axes: Q queries, L examples, R references (W or L), W ways (classes), S frames, V joints, D channels.
"""

import torch
from torch import Tensor

from dastm.config.schema import Examples
from dastm.model.matching.prototypes import check_labels, prototypes

ORDER = 6
"""Order of the power mean: distances count by their power -6. Values from 4 to 8 do about as well (docs/results.md)."""


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
    An infinite distance marks an example that must not count; a class without other examples is infinitely far.
    """
    if examples == "mean":
        return distances_QR
    members_WL = labels_L == torch.arange(n_way, device=labels_L.device)[:, None]
    away_QWL = distances_QR[:, None].masked_fill(members_WL.logical_not(), torch.inf)
    least_QW = away_QWL.amin(2)
    if examples == "nearest" or len(labels_L) == n_way:  # or one example each: nothing to average
        return least_QW
    power_mean_QW: Tensor = least_QW * _above_least(away_QWL, least_QW)
    return power_mean_QW


def _above_least(away_QWL: Tensor, least_QW: Tensor) -> Tensor:
    """The power mean of distances as a multiple of the least one, from 1 up -> (Q, W).

    A least distance of 0 has a power mean of 0, and one below 0, which only soft sums have, counts alone.
    """
    counts_QWL = away_QWL.isfinite()
    shares_QWL = least_QW[..., None] / away_QWL.clamp(min=torch.finfo(away_QWL.dtype).tiny)
    shares_QWL = shares_QWL.masked_fill(counts_QWL.logical_not(), 0).clamp(0, 1) ** ORDER
    mean_QW = shares_QWL.sum(2) / counts_QWL.sum(2).clamp(min=1)
    above_QW: Tensor = mean_QW.clamp(min=1 / away_QWL.shape[2]) ** (-1 / ORDER)
    return above_QW.masked_fill(least_QW <= 0, 1)
