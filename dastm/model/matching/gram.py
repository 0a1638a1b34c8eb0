"""Distances of activated frames for all pairs (Eq. 4-6) from n x n matrices alone: no n x d tensor for any pair.

In: per frame, the query's features and values and the prototype's keys, scores and values. Out: ||Ĥ^q - Ĥ^s||_F, or
1 - cosine of the two, whose product and sizes are the same three traces.
With A^q and A^s the attention matrices of a pair and Gq = Vq Vq^T, Gs = Vs Vs^T, C = Vq Vs^T,
    ||A^q Vq - A^s Vs||^2 = tr(A^q Gq A^qT) + tr(A^s Gs A^sT) - 2 tr(A^q C A^sT).
Scores and C of a chunk of query frames are three large matrix products. For the backward pass the n x n matrices of
the first chunks are kept, as many as a fixed room holds; those of all further chunks are formed again. So memory does
not grow with the number of pairs beyond that room, one chunk, and the distances themselves.

Axes: A query frames, B prototype frames, V joints (i rows, j columns in the comments), D channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dastm.layers.onednn_linear import onednn_linear
from dastm.model.matching.chunks import in_chunks
from dastm.model.matching.frame_distance import cosine_distance
from dastm.model.matching.roots import over_root, recompute_close, safe_sqrt

_KEPT_BYTES = 1 << 28
"""Room for the n x n matrices of pairs that are kept for the backward pass."""


@dataclass(frozen=True)
class _Prototypes:
    """What the pairs need of the prototype frames, prepared once for all chunks."""

    keys_BVD: Tensor
    scores_BVD: Tensor
    values_BVD: Tensor
    gram_BVV: Tensor


@dataclass(frozen=True)
class _Pairs:
    """The n x n matrices of a chunk of query frames with all prototype frames."""

    query_map: Tensor
    """A^q (A, B, V, V), rows are query joints, columns prototype joints"""
    support_map: Tensor
    """A^s (A, B, V, V), rows are prototype joints, columns query joints"""
    cross: Tensor
    """C = Vq Vs^T (A, B, V, V)"""
    query_part: Tensor
    """A^q Gq (A, B, V, V)"""
    support_part: Tensor
    """A^s Gs (A, B, V, V)"""

    def nbytes(self) -> int:
        """Memory of all five."""
        return 5 * self.cross.nbytes


def activated_distances(
    query_AVD: Tensor, values_AVD: Tensor, keys_BVD: Tensor, scores_BVD: Tensor, values_BVD: Tensor, n_frames: int
) -> Tensor:
    """||A^q Vq - A^s Vs||_F of all pairs, with A^q = softmax_rows(query keys^T), A^s = softmax_rows(scores query^T).

    Shapes: query_AVD and values_AVD (A, V, D), keys_BVD, scores_BVD and values_BVD (B, V, D) -> (A, B).
    `n_frames` query frames are worked on at a time; it changes memory and speed, not the result.
    The gradient is zero where a distance is zero. It can be taken once, not twice.
    """
    distances_AB: Tensor = _ActivatedDistances.apply(  # type: ignore[no-untyped-call]
        *(query_AVD, values_AVD, keys_BVD, scores_BVD, values_BVD, n_frames)
    )
    return distances_AB


def activated_cosines(
    query_AVD: Tensor, values_AVD: Tensor, keys_BVD: Tensor, scores_BVD: Tensor, values_BVD: Tensor, n_frames: int
) -> Tensor:
    """1 - cosine of the flattened A^q Vq and A^s Vs of all pairs; all else as `activated_distances`.

    A pair of which one side is zero has distance 1 and gradient zero.
    """
    prototypes = _Prototypes(keys_BVD, scores_BVD, values_BVD, values_BVD @ values_BVD.mT)

    def some(chunk: slice) -> Tensor:
        pairs = _pairs(query_AVD[chunk], values_AVD[chunk], prototypes)
        query_size = safe_sqrt(_inner(pairs.query_map, pairs.query_part))
        support_size = safe_sqrt(_inner(pairs.support_map, pairs.support_part))
        return cosine_distance(_inner(pairs.support_map, pairs.query_map @ pairs.cross), query_size, support_size)

    # Autograd keeps about twice as many matrices a pair as `_Pairs` holds.
    frame_bytes = 10 * len(keys_BVD) * query_AVD.shape[1] ** 2 * query_AVD.element_size()
    return in_chunks(some, len(query_AVD), n_frames, 2 * _KEPT_BYTES // frame_bytes)


class _ActivatedDistances(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query_AVD: Tensor, values_AVD: Tensor, keys: Tensor, scores: Tensor, values: Tensor, n_frames: int
    ) -> Tensor:
        prototypes = _Prototypes(keys, scores, values, values @ values.mT)
        distances_AB = query_AVD.new_empty(len(query_AVD), len(keys))
        ctx.kept, room = [], _KEPT_BYTES if any(ctx.needs_input_grad) else 0
        for chunk in _chunks(len(query_AVD), n_frames):
            pairs = _pairs(query_AVD[chunk], values_AVD[chunk], prototypes)
            distances_AB[chunk] = _distances(pairs, values_AVD[chunk], prototypes)
            room -= pairs.nbytes()
            if room >= 0:
                ctx.kept.append(pairs)
        ctx.save_for_backward(query_AVD, values_AVD, keys, scores, values, distances_AB)
        ctx.n_frames = n_frames
        return distances_AB

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_AB: Tensor) -> tuple[Tensor | None, ...]:
        query_AVD, values_AVD, keys, scores, values, distances_AB = ctx.saved_tensors
        prototypes = _Prototypes(keys, scores, values, values @ values.mT)
        weight_AB = over_root(grad_AB, distances_AB)
        query_grads = torch.empty_like(query_AVD), torch.empty_like(values_AVD)
        prototype_grads = torch.zeros_like(keys), torch.zeros_like(scores), torch.zeros_like(values)
        for chunk, kept in zip_longest(_chunks(len(query_AVD), ctx.n_frames), ctx.kept):
            pairs = kept or _pairs(query_AVD[chunk], values_AVD[chunk], prototypes)
            for_query, for_prototypes = _grads(pairs, query_AVD[chunk], values_AVD[chunk], prototypes, weight_AB[chunk])
            for whole, found in zip(query_grads, for_query, strict=True):
                whole[chunk] = found
            for whole, found in zip(prototype_grads, for_prototypes, strict=True):
                whole += found
        return *query_grads, *prototype_grads, None


def _chunks(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


def _distances(pairs: _Pairs, values_AVD: Tensor, prototypes: _Prototypes) -> Tensor:
    own_AB = _inner(pairs.query_map, pairs.query_part) + _inner(pairs.support_map, pairs.support_part)
    square_AB = own_AB - 2 * _inner(pairs.support_map, pairs.query_map @ pairs.cross)

    def exact(a: Tensor, b: Tensor) -> Tensor:
        difference = pairs.query_map[a, b] @ values_AVD[a] - pairs.support_map[a, b] @ prototypes.values_BVD[b]
        return difference.square().sum((1, 2))

    # So many pairs that their n x d tensors take the room of the chunk's n x n ones.
    recompute_close(square_AB, own_AB, exact, square_AB.numel() * values_AVD.shape[1] // values_AVD.shape[2])
    return safe_sqrt(square_AB)


def _grads(
    pairs: _Pairs, query_AVD: Tensor, values_AVD: Tensor, prototypes: _Prototypes, weight_AB: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Gradients of (query, values) and of (keys, scores, values) of the prototypes; weight is dL/dD over D."""
    weight = weight_AB[:, :, None, None]
    weighted_query, weighted_support = weight * pairs.query_map, weight * pairs.support_map
    # dL/dC = -w A^qT A^s; dL/dGq and dL/dGs are symmetric, hence the same form without the factor two.
    grad_cross = _to_rows(weighted_query.mT @ pairs.support_map)
    grad_gram_q = torch.bmm(weighted_query.flatten(1, 2).mT, pairs.query_map.flatten(1, 2))
    grad_gram_s = (weighted_support.mT @ pairs.support_map).sum(0)
    values_grad = grad_gram_q @ values_AVD - _fold(
        onednn_linear(grad_cross, _flat(prototypes.values_BVD).T), values_AVD
    )
    values_grad_B = grad_gram_s @ prototypes.values_BVD
    values_grad_B -= _fold(onednn_linear(grad_cross.T, _flat(values_AVD).T), prototypes.values_BVD)

    to_query_map = weight * (pairs.query_part - pairs.support_map @ pairs.cross.mT)
    to_support_map = weight * (pairs.support_part - pairs.query_map @ pairs.cross)
    grad_query_scores = _to_rows(_softmax_grad(pairs.query_map, to_query_map))
    grad_support_scores = _to_rows(_softmax_grad(pairs.support_map, to_support_map).mT)
    query_grad = onednn_linear(grad_query_scores, _flat(prototypes.keys_BVD).T)
    query_grad += onednn_linear(grad_support_scores, _flat(prototypes.scores_BVD).T)
    keys_grad = _fold(onednn_linear(grad_query_scores.T, _flat(query_AVD).T), prototypes.keys_BVD)
    scores_grad = _fold(onednn_linear(grad_support_scores.T, _flat(query_AVD).T), prototypes.scores_BVD)
    return (_fold(query_grad, query_AVD), values_grad), (keys_grad, scores_grad, values_grad_B)


def _pairs(query_AVD: Tensor, values_AVD: Tensor, prototypes: _Prototypes) -> _Pairs:
    query_map = _products(query_AVD, prototypes.keys_BVD).softmax(-1)
    support_map = _products(prototypes.scores_BVD, query_AVD).transpose(0, 1).softmax(-1)
    cross = _products(values_AVD, prototypes.values_BVD).contiguous()
    gram_AVV = values_AVD @ values_AVD.mT
    query_part = torch.bmm(query_map.flatten(1, 2), gram_AVV).view_as(query_map)
    return _Pairs(query_map, support_map, cross, query_part, support_map @ prototypes.gram_BVV)


def _products(left_AVD: Tensor, right_BVD: Tensor) -> Tensor:
    """Inner products of all joints of all frames, (A, B, V, V), in one matrix product."""
    rows = onednn_linear(_flat(left_AVD), _flat(right_BVD))
    return rows.view(*left_AVD.shape[:2], *right_BVD.shape[:2]).transpose(1, 2)


def _to_rows(pairs_ABVV: Tensor) -> Tensor:
    """(A, B, V, V) -> (A V, B V), the layout of the large matrix products."""
    return pairs_ABVV.transpose(1, 2).flatten(2, 3).flatten(0, 1)


def _flat(frames_AVD: Tensor) -> Tensor:
    return frames_AVD.flatten(0, 1)


def _fold(rows: Tensor, like_AVD: Tensor) -> Tensor:
    return rows.view_as(like_AVD)


def _inner(left_ABVV: Tensor, right_ABVV: Tensor) -> Tensor:
    return (left_ABVV * right_ABVV).sum((2, 3))


def _softmax_grad(softmax: Tensor, grad: Tensor) -> Tensor:
    weighted = softmax * grad
    return weighted - softmax * weighted.sum(-1, keepdim=True)
