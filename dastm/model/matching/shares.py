"""Which joints a distance comes from: the exact share of every joint in the distance of a query to an example.

In: features of one query and one example and, for `matching.path_power`, the terms of their paths. Out: shares that add
up to the distance in evaluation. A learned distance is the sum of frame distances along the best alignment, and each of
these is a sum over joints: 1 - cosine is half the squared difference of the two frames at norm 1, and the Frobenius
norm is its square divided by itself. A distance that belongs to no joint (a frame of zeros is at distance 1 from all)
is divided evenly. In a product of two distances the share of a joint is its share of each, weighted by their powers.

Axes: T query frames, S example frames, V joints, D channels; M bodies, R vectors of a path, X numbers of a joint.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dastm.config.schema import MatchingConfig
from dastm.model.matching.path import band_of, path_factor, same_bodies, times_path
from dastm.model.matching.soft_dtw import hard_path


def has_joint_shares(options: MatchingConfig) -> bool:
    """Whether the distance of this matching is a sum over joints."""
    plain = not options.divergence and not options.soft_evaluation
    return options.spatial == "none" and options.temporal == "dtw" and plain


Terms = tuple[Tensor, Tensor]
"""Of the paths of the query and the example (`dastm.model.matching.path.path_terms`), each (M, R, V, X)."""


def joint_shares(query_TVD: Tensor, example_SVD: Tensor, options: MatchingConfig, terms: Terms | None = None) -> Tensor:
    """Share of every joint in the distance of two clips -> (V,), none negative; see `aligned_shares`."""
    return aligned_shares(query_TVD, example_SVD, options, terms).parts_PV.sum(0)


@dataclass(frozen=True, kw_only=True)
class AlignedShares:
    """The shares of the distance of two aligned clips, by time and joint."""

    cost_TS: Tensor
    """The cost of every pair of frames, on the scale of the distance; for a product, that of the features alone."""
    path_P2: Tensor
    """Steps (t, s) of the best alignment of features."""
    parts_PV: Tensor
    """Share of every step and joint in the distance, none negative; together they are the distance."""


def aligned_shares(
    query_TVD: Tensor, example_SVD: Tensor, options: MatchingConfig, terms: Terms | None = None
) -> AlignedShares:
    """Shares of every step of the best alignment and every joint.

    Args:
        terms: the terms of the paths of both; needed if `options.path_power` is set. The share of a step of the path is
            assigned to the frame of the query in which the step lies.

    Raises: ValueError if joints attend to each other, if clips are not aligned, or for the divergence or the soft
    minimum: then the distance is not a sum over joints.
    """
    if not has_joint_shares(options):
        raise ValueError("shares of joints: only for spatial none, temporal dtw, no divergence, no soft_evaluation")
    found = _aligned(_frame_parts(query_TVD, example_SVD, options), options.band)
    frames = max(found.cost_TS.shape) if options.mean else 1
    learned = replace(found, cost_TS=found.cost_TS / frames, parts_PV=found.parts_PV / frames)
    if not options.path_power:
        return learned
    if terms is None:
        raise ValueError("shares of joints: matching.path_power needs the terms of both paths")
    return _product(learned, *terms, options.path_power)


def _aligned(parts_TSV: Tensor, band: int | None) -> AlignedShares:
    """The best alignment of pairs of frames, and the parts along it."""
    cost_TS = parts_TSV.sum(2)
    path_P2 = hard_path(cost_TS, band=band).to(parts_TSV.device)
    t, s = path_P2.T
    return AlignedShares(cost_TS=cost_TS, path_P2=path_P2, parts_PV=parts_TSV[t, s])


def _product(learned: AlignedShares, query_MRVC: Tensor, example_MRVC: Tensor, power: float) -> AlignedShares:
    """Of the product of the learned distance and that of the path, on the alignment of features."""
    both_1MRVC = same_bodies(query_MRVC[None], example_MRVC[None])
    query_RVE, example_RVE = (terms[0].permute(1, 2, 0, 3).flatten(2) for terms in both_1MRVC)
    steps = len(query_RVE) - 2
    path = _aligned(_cosine_parts(query_RVE[:-2], example_RVE[:-2]), band_of(steps))
    distance = times_path(learned.parts_PV.sum()[None, None], path_factor(*both_1MRVC, power), power)[0, 0]
    on_frames_PV = _on_frames(
        _share_of(path.parts_PV, path), path.path_P2[:, 0] * len(learned.cost_TS) // steps, learned.path_P2
    )
    parts_PV = (1 - power) * _share_of(learned.parts_PV, learned) + power * on_frames_PV
    return AlignedShares(
        cost_TS=_share_of(learned.cost_TS, learned) * distance, path_P2=learned.path_P2, parts_PV=parts_PV * distance
    )


def _share_of(values: Tensor, aligned: AlignedShares) -> Tensor:
    """Values by the sum along the alignment; where that is nothing, all steps and joints have the same."""
    total = aligned.parts_PV.sum().double()
    return values.double() / total if total > 0 else torch.full_like(values, 1 / values.numel()).double()


def _on_frames(parts_QV: Tensor, frame_Q: Tensor, path_P2: Tensor) -> Tensor:
    """Parts of the steps Q of one alignment on the steps P of another, each at the frame of the query that it is at."""
    frame_P = path_P2[:, 0]
    per_frame_TV = parts_QV.new_zeros((int(frame_P.max()) + 1, parts_QV.shape[1])).index_add(0, frame_Q, parts_QV)
    counts_T = torch.bincount(frame_P)
    return per_frame_TV[frame_P] / counts_T[frame_P][:, None]


def _frame_parts(query_TVD: Tensor, example_SVD: Tensor, options: MatchingConfig) -> Tensor:
    """Share of every joint in the distance of every pair of frames -> (T, S, V)."""
    if options.frame_distance == "cosine":
        return _cosine_parts(_unit(query_TVD), _unit(example_SVD))
    parts_TSV = _squares(query_TVD, example_SVD)
    sizes_TS1 = parts_TSV.sum(2, keepdim=True).sqrt()
    parts_TSV = parts_TSV / sizes_TS1.masked_fill(sizes_TS1 == 0, 1)
    return parts_TSV / math.sqrt(query_TVD[0].numel()) if options.mean else parts_TSV


def _cosine_parts(query_TVD: Tensor, example_SVD: Tensor) -> Tensor:
    """Of 1 - inner product of frames of norm 1 at most."""
    halves_TSV = _squares(query_TVD, example_SVD) / 2
    cost_TS = 1 - torch.tensordot(query_TVD.flatten(1), example_SVD.flatten(1), dims=([1], [1]))
    rest_TS = (cost_TS - halves_TSV.sum(2)).clamp(min=0)
    parts_TSV: Tensor = halves_TSV + rest_TS[:, :, None] / query_TVD.shape[1]
    return parts_TSV


def _squares(query_TVD: Tensor, example_SVD: Tensor) -> Tensor:
    return (query_TVD[:, None] - example_SVD).square().sum(3)


def _unit(frames_TVD: Tensor) -> Tensor:
    sizes_T = torch.linalg.vector_norm(frames_TVD.flatten(1), dim=1)
    unit_TVD: Tensor = frames_TVD / sizes_T.masked_fill(sizes_T == 0, 1)[:, None, None]
    return unit_TVD
