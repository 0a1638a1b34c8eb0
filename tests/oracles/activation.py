"""Slow activation (Eq. 4-6): one pair of frames at a time, Ĥ^q and Ĥ^s built and subtracted."""

import torch
from torch import Tensor

from dastm.model.matching.activation import Activation


def softmax_rows(scores: Tensor) -> Tensor:
    weights = (scores - scores.amax(1, keepdim=True)).exp()
    return weights / weights.sum(1, keepdim=True)


def activated(weights: Activation, query_VD: Tensor, support_VD: Tensor) -> tuple[Tensor, Tensor]:
    root = query_VD.shape[1] ** 0.5
    attention_q = softmax_rows((query_VD @ weights.W1q) @ (support_VD @ weights.W2q).T / root)
    attention_s = softmax_rows((support_VD @ weights.W1s) @ (query_VD @ weights.W2s).T / root)
    return attention_q @ (query_VD @ weights.W3q), attention_s @ (support_VD @ weights.W3s)


def pair_distance(weights: Activation, query_VD: Tensor, support_VD: Tensor) -> Tensor:
    query_hat, support_hat = activated(weights, query_VD, support_VD)
    return torch.linalg.vector_norm(query_hat - support_hat)


def distances(weights: Activation, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
    return torch.stack(
        [
            torch.stack(
                [
                    torch.stack([torch.stack([pair_distance(weights, q, s) for s in prototype]) for q in query])
                    for prototype in prototypes_WSVD
                ]
            )
            for query in query_QTVD
        ]
    )
