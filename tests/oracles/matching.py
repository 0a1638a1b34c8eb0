"""Slow matching: every method of the tables, both recipes, one pair, one frame, one joint and one number at a time.

Weights are those of a `Matcher`, read as numbers; everything else is written from the definitions.
`masks` of a block: factors of the attention and of what is added to the residual; none: nothing is dropped.
"""

import math

import torch
from torch import Tensor, nn

from tests.oracles import activation as equations
from tests.oracles.soft_dtw import recursive

Masks = tuple[Tensor | None, Tensor | None]
NOTHING: Masks = (None, None)


def linear(layer: nn.Linear, row: Tensor) -> Tensor:
    """One joint: sum over channels, output by output."""
    return torch.stack(
        [sum(layer.weight[o, c] * row[c] for c in range(len(row))) + layer.bias[o] for o in range(len(layer.bias))]
    )


def softmax(values: list[Tensor]) -> list[Tensor]:
    weights = [(value - max(values)).exp() for value in values]
    return [weight / sum(weights) for weight in weights]


def block(layer: nn.Module, own_VD: Tensor, other_VD: Tensor, masks: Masks = NOTHING) -> Tensor:
    """The released block: joint i of `own` attends to the joints j of `other` and gathers its own side's values."""
    n_joints, n_channels = own_VD.shape
    asks, gives = [linear(layer.query, row) for row in own_VD], [linear(layer.value, row) for row in own_VD]
    keys = [linear(layer.key, row) for row in other_VD]
    rows = []
    for i in range(n_joints):
        weights = softmax([(asks[i] * keys[j]).sum() / math.sqrt(n_channels) for j in range(n_joints)])
        if masks[0] is not None:
            weights = [weight * masks[0][i, j] for j, weight in enumerate(weights)]
        added = linear(layer.output, sum(weights[j] * gives[j] for j in range(n_joints)))
        rows.append(layer_norm(layer.norm, own_VD[i] + (added if masks[1] is None else added * masks[1][i])))
    return torch.stack(rows)


def layer_norm(layer: nn.LayerNorm, row: Tensor) -> Tensor:
    mean = row.sum() / len(row)
    variance = ((row - mean) ** 2).sum() / len(row)
    return (row - mean) / (variance + 1e-12).sqrt() * layer.weight + layer.bias


def within(layer: nn.Module, frame_VD: Tensor) -> Tensor:
    """NGM: the joints of a skeleton attend to each other."""
    if hasattr(layer, "norm"):
        return block(layer, frame_VD, frame_VD)
    n_joints, n_channels = frame_VD.shape
    rows = []
    for i in range(n_joints):
        asks = frame_VD[i] @ layer.W1
        weights = softmax([(asks * (frame_VD[j] @ layer.W2)).sum() / n_channels**0.5 for j in range(n_joints)])
        rows.append(sum(weights[j] * (frame_VD[j] @ layer.W3) for j in range(n_joints)))
    return torch.stack(rows)


def frame_distance(first_VD: Tensor, second_VD: Tensor, kind: str) -> Tensor:
    first, second = first_VD.flatten(), second_VD.flatten()
    if kind == "frobenius":
        return sum((a - b) ** 2 for a, b in zip(first, second, strict=True)).sqrt()
    product = sum(a * b for a, b in zip(first, second, strict=True))
    sizes = sum(a * a for a in first).sqrt() * sum(b * b for b in second).sqrt()
    return 1 - (product / sizes if sizes > 0 else 0 * product)


def activated(matcher: nn.Module, query_VD: Tensor, support_VD: Tensor) -> tuple[Tensor, Tensor]:
    """Two frames, each activated by the other."""
    if hasattr(matcher.activation, "query_side"):
        sides = matcher.activation.query_side, matcher.activation.support_side
        return block(sides[0], query_VD, support_VD), block(sides[1], support_VD, query_VD)
    return equations.activated(matcher.activation, query_VD, support_VD)


def costs(matcher: nn.Module, query_TVD: Tensor, prototype_SVD: Tensor) -> Tensor:
    """Frame distances of one query and one prototype (T, S), both as they are after attention within."""
    kind = matcher.options.frame_distance
    scale = query_TVD[0].numel() ** 0.5 if matcher.options.mean and kind == "frobenius" else 1.0
    rows, in_step = [], hasattr(matcher.activation, "query_side")
    # of the block, Ĥ of frame t comes from frame t alone, on either side
    at_T = [activated(matcher, *pair) for pair in zip(query_TVD, prototype_SVD, strict=True)] if in_step else []
    for t in range(len(query_TVD)):
        row = []
        for s in range(len(prototype_SVD)):
            if matcher.activation is None:
                pair = query_TVD[t], prototype_SVD[s]
            elif in_step:
                pair = at_T[t][0], at_T[s][1]
            else:
                pair = activated(matcher, query_TVD[t], prototype_SVD[s])
            row.append(frame_distance(*pair, kind) / scale)
        rows.append(torch.stack(row))
    return torch.stack(rows)


def own_costs(matcher: nn.Module, frames_TVD: Tensor) -> Tensor:
    kind = matcher.options.frame_distance
    scale = frames_TVD[0].numel() ** 0.5 if matcher.options.mean and kind == "frobenius" else 1.0
    return torch.stack([torch.stack([frame_distance(a, b, kind) / scale for b in frames_TVD]) for a in frames_TVD])


def aligned(matcher: nn.Module, cost_TS: Tensor) -> float:
    soft = matcher.training or matcher.options.soft_evaluation
    blocked = cost_TS.clone()
    for t in range(cost_TS.shape[0]):
        for s in range(cost_TS.shape[1]):
            if matcher.options.band is not None and abs(t - s) > matcher.options.band:
                blocked[t, s] = 1e9
    return recursive(blocked, matcher.options.gamma if soft else 0.0)


def clip_distance(matcher: nn.Module, query_TVD: Tensor, prototype_TVD: Tensor) -> float:
    """ProtoNet: squares of all numbers of frame t minus frame t."""
    square = 0.0
    for query_VD, prototype_VD in zip(query_TVD, prototype_TVD, strict=True):
        pair = query_VD, prototype_VD
        if matcher.activation is not None:
            pair = activated(matcher, query_VD, prototype_VD)
        square += sum((a - b) ** 2 for a, b in zip(pair[0].flatten().tolist(), pair[1].flatten().tolist(), strict=True))
    square = square / query_TVD.numel() if matcher.options.mean else square
    return square if matcher.options.clip_distance == "squared" else math.sqrt(square)


def distance(matcher: nn.Module, query_TVD: Tensor, prototype_SVD: Tensor) -> float:
    """One query, one prototype."""
    if matcher.within is not None:
        query_TVD = torch.stack([within(matcher.within, frame) for frame in query_TVD])
        prototype_SVD = torch.stack([within(matcher.within, frame) for frame in prototype_SVD])
    if matcher.options.temporal == "none":
        return clip_distance(matcher, query_TVD, prototype_SVD)
    value = aligned(matcher, costs(matcher, query_TVD, prototype_SVD))
    if matcher.options.divergence and matcher.activation is None:
        own = [aligned(matcher, own_costs(matcher, frames)) for frames in (query_TVD, prototype_SVD)]
        value -= (own[0] + own[1]) / 2
    return value / max(len(query_TVD), len(prototype_SVD)) if matcher.options.mean else value


def distances(matcher: nn.Module, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.tensor(
            [[distance(matcher, query, prototype) for prototype in prototypes_WSVD] for query in query_QTVD],
            dtype=torch.float64,
        )


def surrogate(frame_VD: Tensor) -> float:
    """Of one frame: softmax of each joint's channels, norms of the columns, mean of the min(n, d) largest."""
    rows = frame_VD.double().tolist()
    largest = max(max(row) for row in rows)
    soft = []
    for row in rows:
        row = [x - largest for x in row]
        weights = [math.exp(x - max(row)) for x in row]
        soft.append([weight / sum(weights) for weight in weights])
    columns = [math.sqrt(sum(row[c] ** 2 for row in soft)) for c in range(len(rows[0]))]
    n_largest = min(len(rows), len(rows[0]))
    return sum(sorted(columns, reverse=True)[:n_largest]) / n_largest


def surrogate_loss(prototypes_WSVD: Tensor, query_QTVD: Tensor) -> float:
    halves = []
    for clips in (prototypes_WSVD, query_QTVD):
        frames = [surrogate(frame) for clip in clips for frame in clip]
        halves.append(-sum(frames) / len(frames))
    return halves[0] + halves[1]
