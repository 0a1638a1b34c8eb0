"""Distances of activated frames for all pairs (Eq. 4-6) on a GPU: Triton kernels, one pair of frames a program.

In and out as in gram: per frame, the query's features and values and the prototype's keys, scores and values;
||Ĥ^q - Ĥ^s||_F of every pair. Here the activated frames are subtracted directly, a block of channels at a time, so
close pairs need no second look and nothing waits for the device. No tensor of a pair leaves the forward kernel.

With E = A^q Vq - A^s Vs and w = dL/dD / D, the backward kernel writes, for the pairs of some query frames at a time,
w E, both attention matrices and the gradients of both scores (softmax and w included), all taken from E itself; large
matrix products of PyTorch then sum over the pairs, in the same order every time: no atomics, the same bits every run.

Sums are float32. Products of float32 inputs are TF32 if PyTorch's may be (torch.get_float32_matmul_precision), else in
full; those of bfloat16 inputs are TF32, which holds all their digits and, after the softmax, more than bfloat16 would.

Axes: A query frames, B prototype frames, V joints (i rows, j columns in the comments), D channels.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from dastm.model.matching.roots import over_root
from dastm.model.matching.triton_support import launch_on, unfit

_CHUNK_BYTES = 1 << 29
"""Room for what the backward kernel writes and the one rearranged copy of part of it: for all pairs of an episode of 5
ways and 5 queries, 8 frames of 25 joints each."""


def activated_distances(
    query_AVD: Tensor,
    values_AVD: Tensor,
    keys_BVD: Tensor,
    scores_BVD: Tensor,
    values_BVD: Tensor,
    chunk_pairs: int | None = None,
) -> Tensor:
    """||A^q Vq - A^s Vs||_F of all pairs, with A^q = softmax_rows(query keys^T), A^s = softmax_rows(scores query^T).

    Shapes: query_AVD and values_AVD (A, V, D), keys_BVD, scores_BVD and values_BVD (B, V, D) -> (A, B), in the type of
    the inputs. `chunk_pairs` bounds the pairs of the backward pass worked on at a time (at least one query frame with
    all prototype frames); None chooses from the sizes. It changes memory and speed, not the result.
    The gradient is zero where a distance is zero. It can be taken once, not twice.
    Raises: ValueError if the inputs are not all float32 or all bfloat16, or V is above MAX_JOINTS.
    """
    inputs = query_AVD, values_AVD, keys_BVD, scores_BVD, values_BVD
    reason = unfit(inputs)
    if reason:
        raise ValueError(f"no fused kernel: {reason}")
    distances_AB: Tensor = _ActivatedDistances.apply(*inputs, chunk_pairs)  # type: ignore[no-untyped-call]
    return distances_AB


class _ActivatedDistances(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, values: Tensor, keys: Tensor, scores: Tensor, values_B: Tensor, chunk_pairs: int | None
    ) -> Tensor:
        inputs = tuple(frames.contiguous() for frames in (query, values, keys, scores, values_B))
        distances_AB = query.new_empty(len(query), len(keys), dtype=torch.float32)
        with launch_on(query):
            _distance_kernel[(distances_AB.numel(),)](
                *(*inputs, distances_AB, len(keys), *query.shape[1:]), **_options(query)
            )
        ctx.save_for_backward(*inputs, distances_AB)
        ctx.chunk_pairs = chunk_pairs
        return distances_AB.to(query.dtype, copy=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_AB: Tensor) -> tuple[Tensor | None, ...]:
        query, values, keys, scores, values_B, distances_AB = ctx.saved_tensors
        weight_AB = over_root(grad_AB.float(), distances_AB)
        n_frames = _chunk_frames(query, len(keys), ctx.chunk_pairs)
        chunks = (slice(start, start + n_frames) for start in range(0, len(query), n_frames))
        found = [
            _chunk_grads((query[chunk], values[chunk], keys, scores, values_B), weight_AB[chunk]) for chunk in chunks
        ]
        query_grads = (torch.cat(pieces) for pieces in zip(*(of_query for of_query, _ in found), strict=True))
        of_prototypes = zip(*(of_prototypes for _, of_prototypes in found), strict=True)
        sums = (sum((piece.float() for piece in more), first.float()) for first, *more in of_prototypes)
        return *query_grads, *(total.to(query.dtype) for total in sums), None


def _chunk_frames(query_AVD: Tensor, n_prototypes: int, chunk_pairs: int | None) -> int:
    """Query frames a chunk."""
    n_joints, n_channels = query_AVD.shape[1:]
    pair_bytes = n_joints * (2 * n_channels + 5 * n_joints) * query_AVD.element_size()
    return max(1, min(_CHUNK_BYTES // pair_bytes, chunk_pairs or _CHUNK_BYTES) // n_prototypes)


def _chunk_grads(
    inputs: tuple[Tensor, ...], weight_AB: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Gradients of (query, values) and of (keys, scores, values) of the prototypes."""
    query, _, keys, scores, _ = inputs
    n_query, n_prototypes, n_joints, n_channels = len(query), len(keys), *query.shape[1:]
    error = query.new_empty(n_query, n_prototypes, n_joints, n_channels)
    query_map, support_map = (query.new_empty(n_query, n_prototypes, n_joints, n_joints) for _ in range(2))
    query_rows, support_rows = (query.new_empty(n_query * n_joints, n_prototypes * n_joints) for _ in range(2))
    outputs = error, query_map, support_map, query_rows, support_rows
    with launch_on(query):
        _gradient_kernel[(weight_AB.numel(),)](
            *(*inputs, weight_AB.contiguous(), *outputs, n_prototypes, n_joints, n_channels), **_options(query)
        )
    query_grad = query_rows @ keys.flatten(0, 1) + support_rows @ scores.flatten(0, 1)
    values_grad = query_map.flatten(1, 2).mT @ error.flatten(1, 2)
    keys_grad, scores_grad = query_rows.T @ query.flatten(0, 1), support_rows.T @ query.flatten(0, 1)
    values_grad_B = -(support_map.transpose(0, 1).flatten(1, 2).mT @ error.transpose(0, 1).flatten(1, 2))
    return (query_grad.view_as(query), values_grad), (keys_grad.view_as(keys), scores_grad.view_as(keys), values_grad_B)


def _options(query_AVD: Tensor) -> dict[str, Any]:
    """Sizes and arithmetic of the kernels: powers of two, 16 at least, as matrix units want them."""
    n_joints = query_AVD.shape[1]
    exact = query_AVD.dtype == torch.float32 and torch.get_float32_matmul_precision() == "highest"
    return {
        "JOINTS": max(16, triton.next_power_of_2(n_joints)),
        "CHANNELS": 16 if n_joints > 32 else 32,
        "PRECISION": "ieee" if exact else "tf32",
        "num_warps": 8 if n_joints > 32 else 4,
        "num_stages": 2,
    }


@triton.jit(do_not_specialize=["n_prototypes", "n_joints"])
def _distance_kernel(
    query: tl.tensor,
    values: tl.tensor,
    keys: tl.tensor,
    scores: tl.tensor,
    values_B: tl.tensor,
    distances: tl.tensor,
    n_prototypes: tl.int32,
    n_joints: tl.int32,
    n_channels: tl.int32,
    JOINTS: tl.constexpr,
    CHANNELS: tl.constexpr,
    PRECISION: tl.constexpr,
) -> None:
    pair = tl.program_id(0).to(tl.int64)
    a = pair // n_prototypes * n_joints * n_channels
    b = pair % n_prototypes * n_joints * n_channels
    query_map, support_map = _maps(query + a, keys + b, scores + b, n_joints, n_channels, JOINTS, CHANNELS, PRECISION)
    squares = tl.full((JOINTS, CHANNELS), 0.0, tl.float32)
    for start in range(0, n_channels, CHANNELS):
        error, _, _ = _error(
            query_map, support_map, values + a, values_B + b, start, n_joints, n_channels, JOINTS, CHANNELS, PRECISION
        )
        squares += error * error
    tl.store(distances + pair, tl.sqrt_rn(tl.sum(tl.sum(squares, 1), 0)))


# A chunk's weights may begin anywhere: to specialise on that would compile the kernel again in the middle of a run.
@triton.jit(do_not_specialize=["n_prototypes", "n_joints"], do_not_specialize_on_alignment=["weight"])
def _gradient_kernel(
    query: tl.tensor,
    values: tl.tensor,
    keys: tl.tensor,
    scores: tl.tensor,
    values_B: tl.tensor,
    weight: tl.tensor,
    error_out: tl.tensor,
    query_map_out: tl.tensor,
    support_map_out: tl.tensor,
    query_rows: tl.tensor,
    support_rows: tl.tensor,
    n_prototypes: tl.int32,
    n_joints: tl.int32,
    n_channels: tl.int32,
    JOINTS: tl.constexpr,
    CHANNELS: tl.constexpr,
    PRECISION: tl.constexpr,
) -> None:
    pair = tl.program_id(0).to(tl.int64)
    n_a = pair // n_prototypes
    n_b = pair % n_prototypes
    a = n_a * n_joints * n_channels
    b = n_b * n_joints * n_channels
    query_map, support_map = _maps(query + a, keys + b, scores + b, n_joints, n_channels, JOINTS, CHANNELS, PRECISION)
    w = tl.load(weight + pair)
    i = tl.arange(0, JOINTS)[:, None]
    j = tl.arange(0, JOINTS)[None, :]
    square = (i < n_joints) & (j < n_joints)
    map_at = pair * n_joints * n_joints + i * n_joints + j
    tl.store(query_map_out + map_at, query_map, mask=square)
    tl.store(support_map_out + map_at, support_map, mask=square)
    # dL/dA^q = w E Vq^T and dL/dA^s = -w E Vs^T; w comes in at the end.
    to_query_map = tl.full((JOINTS, JOINTS), 0.0, tl.float32)
    to_support_map = tl.full((JOINTS, JOINTS), 0.0, tl.float32)
    for start in range(0, n_channels, CHANNELS):
        error, left, right = _error(
            query_map, support_map, values + a, values_B + b, start, n_joints, n_channels, JOINTS, CHANNELS, PRECISION
        )
        to_query_map = tl.dot(error, tl.trans(left), to_query_map, input_precision=PRECISION)
        to_support_map = tl.dot(error, tl.trans(right), to_support_map, input_precision=PRECISION)
        d = start + tl.arange(0, CHANNELS)[None, :]
        error_at = pair * n_joints * n_channels + i * n_channels + d
        tl.store(error_out + error_at, w * error, mask=(i < n_joints) & (d < n_channels))
    n_columns = n_prototypes * n_joints
    # Row i of the query and column j of the prototype in both: A^s has them the other way round.
    query_at = (n_a * n_joints + i) * n_columns + n_b * n_joints + j
    support_at = (n_a * n_joints + j) * n_columns + n_b * n_joints + i
    tl.store(query_rows + query_at, w * _softmax_grad(query_map, to_query_map), mask=square)
    tl.store(support_rows + support_at, -w * _softmax_grad(support_map, to_support_map), mask=square)


@triton.jit
def _maps(
    query: tl.tensor,
    keys: tl.tensor,
    scores: tl.tensor,
    n_joints: tl.int32,
    n_channels: tl.int32,
    JOINTS: tl.constexpr,
    CHANNELS: tl.constexpr,
    PRECISION: tl.constexpr,
) -> tl.tensor:
    """A^q and A^s of a pair, zero beyond the joints there are."""
    query_scores = tl.full((JOINTS, JOINTS), 0.0, tl.float32)
    support_scores = tl.full((JOINTS, JOINTS), 0.0, tl.float32)
    for start in range(0, n_channels, CHANNELS):
        rows = _block(query, start, n_joints, n_channels, JOINTS, CHANNELS)
        key = _block(keys, start, n_joints, n_channels, JOINTS, CHANNELS)
        score = _block(scores, start, n_joints, n_channels, JOINTS, CHANNELS)
        query_scores = tl.dot(rows, tl.trans(key), query_scores, input_precision=PRECISION)
        support_scores = tl.dot(score, tl.trans(rows), support_scores, input_precision=PRECISION)
    return _softmax(query_scores, n_joints, JOINTS), _softmax(support_scores, n_joints, JOINTS)


@triton.jit
def _error(
    query_map: tl.tensor,
    support_map: tl.tensor,
    values: tl.tensor,
    values_B: tl.tensor,
    start: tl.int32,
    n_joints: tl.int32,
    n_channels: tl.int32,
    JOINTS: tl.constexpr,
    CHANNELS: tl.constexpr,
    PRECISION: tl.constexpr,
) -> tl.tensor:
    """A block of channels of E = A^q Vq - A^s Vs, with those of Vq and Vs."""
    left = _block(values, start, n_joints, n_channels, JOINTS, CHANNELS)
    right = _block(values_B, start, n_joints, n_channels, JOINTS, CHANNELS)
    # Two products of the same kind, then a difference: equal sides give exactly zero.
    activated_query = tl.dot(query_map, left, input_precision=PRECISION)
    activated_support = tl.dot(support_map, right, input_precision=PRECISION)
    return activated_query - activated_support, left, right


@triton.jit
def _block(
    frame: tl.tensor,
    start: tl.int32,
    n_joints: tl.int32,
    n_channels: tl.int32,
    JOINTS: tl.constexpr,
    CHANNELS: tl.constexpr,
) -> tl.tensor:
    """A block of channels of a frame (V, D) in float32, zero beyond its edges."""
    v = tl.arange(0, JOINTS)[:, None]
    d = start + tl.arange(0, CHANNELS)[None, :]
    inside = (v < n_joints) & (d < n_channels)
    return tl.load(frame + v * n_channels + d, mask=inside, other=0.0).to(tl.float32)


@triton.jit
def _softmax(scores: tl.tensor, n_joints: tl.int32, JOINTS: tl.constexpr) -> tl.tensor:
    """Rows that sum to one; rows and columns beyond the joints there are are zero."""
    i = tl.arange(0, JOINTS)[:, None]
    j = tl.arange(0, JOINTS)[None, :]
    scores = tl.where(j < n_joints, scores, float("-inf"))
    weights = tl.exp(scores - tl.max(scores, 1)[:, None])
    return tl.where(i < n_joints, weights / tl.sum(weights, 1)[:, None], 0.0)


@triton.jit
def _softmax_grad(softmax: tl.tensor, grad: tl.tensor) -> tl.tensor:
    product = softmax * grad
    return product - softmax * tl.sum(product, 1)[:, None]
