"""Distances of features as they come, without activation (the DTW, DASTM* and ProtoNet rows of Tables 1 and 2).

In: query and prototype features. Out: Frobenius distances of all frame pairs, or Euclidean distances of whole clips.
Axes: Q queries, W ways, T query frames, S prototype frames, V joints, D channels; A and B rows, E numbers a row.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dastm.matching.roots import over_root, recompute_close, safe_sqrt

_NUMBERS_AT_ONCE = 1 << 22
"""Most numbers that the exact recomputation of close pairs gathers at a time."""


def frobenius(query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
    """||H^q - H^s||_F of every query frame with every prototype frame.

    Shapes: query_QTVD (Q, T, V, D), prototypes_WSVD (W, S, V, D) -> (Q, W, T, S).
    Raises: ValueError if the shapes do not fit.
    """
    check_features(query_QTVD, prototypes_WSVD)
    distances_AB = pairwise_distance(query_QTVD.flatten(0, 1).flatten(1), prototypes_WSVD.flatten(0, 1).flatten(1))
    n_query, n_frames = query_QTVD.shape[:2]
    return distances_AB.view(n_query, n_frames, *prototypes_WSVD.shape[:2]).transpose(1, 2)


def euclidean(query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
    """Euclidean distance of whole clips, all frames and joints flattened (ProtoNet, Snell et al., NeurIPS 2017).

    Shapes: query_QTVD (Q, T, V, D), prototypes_WSVD (W, T, V, D) -> (Q, W).
    Raises: ValueError if the shapes do not fit, the number of frames included.
    """
    check_features(query_QTVD, prototypes_WSVD)
    if query_QTVD.shape[1] != prototypes_WSVD.shape[1]:
        raise ValueError(f"{query_QTVD.shape[1]} query frames cannot be subtracted from {prototypes_WSVD.shape[1]}")
    return pairwise_distance(query_QTVD.flatten(1), prototypes_WSVD.flatten(1))


def pairwise_distance(rows_AE: Tensor, rows_BE: Tensor) -> Tensor:
    """Euclidean distance of every row of the one with every row of the other, through one matrix product.

    Shapes: rows_AE (A, E), rows_BE (B, E) -> (A, B). The mean of rows_BE is subtracted from both sides first: no
    distance changes, and less is lost to cancellation; close pairs are then computed again by direct subtraction.
    An accelerator subtracts directly in the first place: finding the close ones would wait for it.
    The gradient is zero where a distance is zero. It can be taken once, not twice.
    """
    if rows_AE.device.type != "cpu":
        return torch.cdist(rows_AE, rows_BE, compute_mode="donot_use_mm_for_euclid_dist")
    centre_E = rows_BE.detach().mean(0)
    centred = rows_AE - centre_E, rows_BE - centre_E
    distances_AB: Tensor = _PairwiseDistance.apply(*centred)  # type: ignore[no-untyped-call]
    return distances_AB


def check_features(query_QTVD: Tensor, prototypes_WSVD: Tensor) -> None:
    """Raise ValueError unless both have four axes, none of them empty, and the same joints and channels."""
    shapes = tuple(query_QTVD.shape), tuple(prototypes_WSVD.shape)
    if query_QTVD.ndim != 4 or prototypes_WSVD.ndim != 4 or shapes[0][2:] != shapes[1][2:] or 0 in sum(shapes, ()):
        raise ValueError(f"expected query (Q, T, V, D) and prototypes (W, S, V, D), got {shapes[0]} and {shapes[1]}")


class _PairwiseDistance(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows_AE: Tensor, rows_BE: Tensor) -> Tensor:
        scale_AB = rows_AE.square().sum(1)[:, None] + rows_BE.square().sum(1)
        square_AB = torch.addmm(scale_AB, rows_AE, rows_BE.T, alpha=-2)
        n_at_once = _NUMBERS_AT_ONCE // rows_AE.shape[1]
        recompute_close(square_AB, scale_AB, lambda a, b: (rows_AE[a] - rows_BE[b]).square().sum(1), n_at_once)
        distances_AB = safe_sqrt(square_AB)
        ctx.save_for_backward(rows_AE, rows_BE, distances_AB)
        return distances_AB

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_AB: Tensor) -> tuple[Tensor, Tensor]:
        rows_AE, rows_BE, distances_AB = ctx.saved_tensors
        weight_AB = over_root(grad_AB, distances_AB)
        grad_AE = weight_AB.sum(1, keepdim=True) * rows_AE - weight_AB @ rows_BE
        grad_BE = weight_AB.sum(0)[:, None] * rows_BE - weight_AB.T @ rows_AE
        return grad_AE, grad_BE
