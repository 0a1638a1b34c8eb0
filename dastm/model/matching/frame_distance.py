"""Distances of features: of all pairs of frames, Frobenius or cosine, or of whole clips, Euclidean or its square.

In: query and prototype features as they come (the DTW, DASTM* and ProtoNet rows of Tables 1 and 2 of DASTM), or
sequences of frames in pairs. Out: distances.
Axes: Q queries, W ways, T query frames, S prototype frames, V joints, D channels; N pairs of sequences; A and B rows,
E numbers a row.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dastm.config.schema import FrameDistance
from dastm.layers.full_product import full_product
from dastm.model.matching.roots import over_root, recompute_close, safe_sqrt

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
    same_frames(query_QTVD, prototypes_WSVD)
    return pairwise_distance(query_QTVD.flatten(1), prototypes_WSVD.flatten(1))


def squared_euclidean(query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
    """The square of `euclidean` (ProtoNet in DASTM's released code). Shapes and errors: as there."""
    return euclidean(query_QTVD, prototypes_WSVD).square()


def cosine(query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
    """1 - cosine of every flattened query frame with every flattened prototype frame, 0 to 2 (DASTM's released code).

    Shapes: query_QTVD (Q, T, V, D), prototypes_WSVD (W, S, V, D) -> (Q, W, T, S). Raises: ValueError as frobenius.
    A frame of zeros has distance 1 to all frames, itself included, and gradient zero. Digits: equal frames have
    distance 0 but for a rounding error of about eps.
    """
    check_features(query_QTVD, prototypes_WSVD)
    distances_AB = paired_cosine(query_QTVD.flatten(0, 1)[None], prototypes_WSVD.flatten(0, 1)[None])[0]
    return distances_AB.view(*query_QTVD.shape[:2], *prototypes_WSVD.shape[:2]).transpose(1, 2)


def paired_frobenius(first_NTVD: Tensor, second_NSVD: Tensor) -> Tensor:
    """||H - H'||_F of all frames of the first with all frames of the second of a pair of sequences.

    Shapes: first_NTVD (N, T, V, D), second_NSVD (N, S, V, D) -> (N, T, S). The gradient is zero where a distance is.
    """
    first_NTE, second_NSE = first_NTVD.flatten(2), second_NSVD.flatten(2)
    return torch.cdist(first_NTE, second_NSE, compute_mode="donot_use_mm_for_euclid_dist")


def paired_cosine(first_NTVD: Tensor, second_NSVD: Tensor) -> Tensor:
    """1 - cosine of all flattened frames of the first with all of the second of a pair of sequences, as `cosine`.

    Shapes: first_NTVD (N, T, V, D), second_NSVD (N, S, V, D) -> (N, T, S).
    """
    first_NTE, second_NSE = first_NTVD.flatten(2), second_NSVD.flatten(2)
    sizes_NT, sizes_NS = torch.linalg.vector_norm(first_NTE, dim=2), torch.linalg.vector_norm(second_NSE, dim=2)
    products_NTS = full_product(first_NTE, second_NSE.mT)
    return cosine_distance(products_NTS, sizes_NT[:, :, None], sizes_NS[:, None])


def cosine_distance(products: Tensor, first_sizes: Tensor, second_sizes: Tensor) -> Tensor:
    """1 - product / (size size'), 1 where a size is zero: nothing divides by it, nor does a gradient.

    Shapes: such as broadcast to the products'.
    """
    sizes = [size.masked_fill(size == 0, torch.inf) for size in (first_sizes, second_sizes)]
    return 1 - products / sizes[0] / sizes[1]


FRAME_DISTANCES: dict[FrameDistance, Callable[[Tensor, Tensor], Tensor]] = {"frobenius": frobenius, "cosine": cosine}
PAIRED: dict[FrameDistance, Callable[[Tensor, Tensor], Tensor]] = {
    "frobenius": paired_frobenius,
    "cosine": paired_cosine,
}
"""Name in the configuration -> the functions for all queries with all prototypes, and for paired sequences."""


def check_name(distance: str) -> None:
    """Raise ValueError unless it is the name of a frame distance."""
    if distance not in FRAME_DISTANCES:
        raise ValueError(f"distance: one of {', '.join(FRAME_DISTANCES)}, got {distance!r}")


def pairwise_distance(rows_AE: Tensor, rows_BE: Tensor) -> Tensor:
    """Euclidean distance of every row of one matrix to every row of the other, by one matrix product.

    Shapes: rows_AE (A, E), rows_BE (B, E) -> (A, B). The mean of rows_BE is subtracted from both sides first: no
    distance changes, and less is lost to cancellation; close pairs are then computed again by direct subtraction.
    An accelerator always subtracts directly, because the search for close pairs would have to wait for the device. The
    gradient is zero where a distance is zero. It can be taken once, not twice.
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


def same_frames(query_QTVD: Tensor, prototypes_WSVD: Tensor) -> None:
    """Raise ValueError unless both have the same number of frames, for comparisons of frame t with frame t."""
    if query_QTVD.shape[1] != prototypes_WSVD.shape[1]:
        raise ValueError(
            f"frame t is compared with frame t, but there are {query_QTVD.shape[1]} query frames and"
            f" {prototypes_WSVD.shape[1]} prototype frames"
        )


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
