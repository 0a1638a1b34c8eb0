"""Which joints a distance comes from: the exact share of every joint in the distance of a query to an example.

In: features, or terms of the path, of one query and one example. Out: a share a joint; they add up to the distance that
evaluation takes. A distance is the sum of frame distances along the best alignment, and each of these is a sum over
joints: 1 - cosine is half the squared difference of the two frames at norm 1, and the Frobenius norm is its square
divided by itself. What no joint can be said to have (a frame of zeros is at distance 1 from all) is spread evenly.

Axes: T query frames, S example frames, V joints, D channels; M bodies, R vectors of a path, C coordinates.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dastm.config.schema import MatchingConfig
from dastm.matching.path import BAND, STEPS, likeness
from dastm.matching.soft_dtw import hard_path


def has_joint_shares(options: MatchingConfig) -> bool:
    """Whether the distance of this matching is a sum over joints."""
    plain = not options.divergence and not options.soft_evaluation
    return options.spatial == "none" and options.temporal == "dtw" and plain


def joint_shares(query_TVD: Tensor, example_SVD: Tensor, options: MatchingConfig) -> Tensor:
    """Share of every joint in the aligned distance of two clips of features -> (V,), none negative.

    Raises: ValueError where joints attend to each other or clips are not aligned, or for the divergence or the soft
    minimum: then no sum over joints is the distance.
    """
    return aligned_shares(query_TVD, example_SVD, options).parts_PV.sum(0)


@dataclass(frozen=True, kw_only=True)
class AlignedShares:
    """Where the distance of two aligned clips comes from, in time and on the body."""

    cost_TS: Tensor
    """Distance of every query frame to every example frame."""
    path_P2: Tensor
    """Steps (t, s) of the best alignment."""
    parts_PV: Tensor
    """Share of every step and joint in the distance, none negative; together they are the distance."""


def aligned_shares(query_TVD: Tensor, example_SVD: Tensor, options: MatchingConfig) -> AlignedShares:
    """`joint_shares` for every step of the best alignment. ValueError as there."""
    if not has_joint_shares(options):
        raise ValueError("shares of joints: only for spatial none, temporal dtw, no divergence, no soft_evaluation")
    parts_TSV = _frame_parts(query_TVD, example_SVD, options)
    cost_TS = parts_TSV.sum(2)
    path_P2 = hard_path(cost_TS, band=options.band).to(parts_TSV.device)
    t, s = path_P2.T
    frames = max(cost_TS.shape) if options.mean else 1
    return AlignedShares(cost_TS=cost_TS, path_P2=path_P2, parts_PV=parts_TSV[t, s] / frames)


def _frame_parts(query_TVD: Tensor, example_SVD: Tensor, options: MatchingConfig) -> Tensor:
    """Share of every joint in the distance of every pair of frames -> (T, S, V)."""
    if options.frame_distance == "cosine":
        return _cosine_parts(_unit(query_TVD), _unit(example_SVD))
    parts_TSV = _squares(query_TVD, example_SVD)
    sizes_TS1 = parts_TSV.sum(2, keepdim=True).sqrt()
    parts_TSV = parts_TSV / sizes_TS1.masked_fill(sizes_TS1 == 0, 1)
    return parts_TSV / math.sqrt(query_TVD[0].numel()) if options.mean else parts_TSV


def path_joint_shares(query_MRVC: Tensor, example_MRVC: Tensor) -> Tensor:
    """Share of every joint in the `path_distances` of two clips, from the terms of both -> (V,), none negative.

    The numbers of bodies have to be the same; a joint's share is that of all bodies.
    """
    query_RVE, example_RVE = (terms.permute(1, 2, 0, 3).flatten(2) for terms in (query_MRVC, example_MRVC))
    parts_TSV = _cosine_parts(query_RVE[:STEPS], example_RVE[:STEPS])
    t, s = hard_path(parts_TSV.sum(2), band=BAND).to(parts_TSV.device).T
    shares_V: Tensor = parts_TSV[t, s].sum(0)
    return shares_V / likeness(query_MRVC[None], example_MRVC[None])[0, 0]


def _cosine_parts(query_TVD: Tensor, example_SVD: Tensor) -> Tensor:
    """Of 1 - inner product of frames of norm 1 or 0."""
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
