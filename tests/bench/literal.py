"""What the fast versions are measured against: the same results, computed as the equations and publications read."""

import math
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dastm.episodes.episode import Episode
from dastm.model.backbones.st_gcn import STGCN
from dastm.model.matching.activation import Activation
from dastm.model.network import Recogniser

Doubles = NDArray[np.float64]


def activation_distances(weights: Activation, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
    """Eq. 4-6 batched but literal: an n x d tensor for every pair of frames -> (Q, W, T, S)."""
    root = math.sqrt(query_QTVD.shape[-1])
    q, s = query_QTVD[:, None, :, None], prototypes_WSVD[None, :, None]
    a_query = ((q @ weights.W1q) @ (s @ weights.W2q).mT / root).softmax(-1)
    a_support = ((s @ weights.W1s) @ (q @ weights.W2s).mT / root).softmax(-1)
    difference = a_query @ (q @ weights.W3q) - a_support @ (s @ weights.W3s)
    return difference.flatten(-2).norm(dim=-1)


@njit
def soft_dtw_plain(cost_NTS: Doubles, gamma: float) -> tuple[Doubles, Doubles]:  # pragma: no cover
    """One thread, three exponentials a cell each way: the textbook loops -> (N,) value, (N, T, S) gradient."""
    n_problems, n_t, n_s = cost_NTS.shape
    values, grad = np.zeros(n_problems), np.zeros((n_problems, n_t + 2, n_s + 2))
    for n in range(n_problems):
        R = np.full((n_t + 2, n_s + 2), np.inf)
        R[0, 0] = 0.0
        for i in range(1, n_t + 1):
            for j in range(1, n_s + 1):
                a, b, c = -R[i - 1, j - 1] / gamma, -R[i - 1, j] / gamma, -R[i, j - 1] / gamma
                top = max(a, b, c)
                R[i, j] = cost_NTS[n, i - 1, j - 1] - gamma * (
                    np.log(np.exp(a - top) + np.exp(b - top) + np.exp(c - top)) + top
                )
        values[n] = R[n_t, n_s]
        D = np.zeros((n_t + 2, n_s + 2))
        D[1 : n_t + 1, 1 : n_s + 1] = cost_NTS[n]
        R[n_t + 1, :] = -np.inf
        R[:, n_s + 1] = -np.inf
        R[n_t + 1, n_s + 1] = R[n_t, n_s]
        E = grad[n]
        E[n_t + 1, n_s + 1] = 1.0
        for j in range(n_s, 0, -1):
            for i in range(n_t, 0, -1):
                a = np.exp((R[i + 1, j] - R[i, j] - D[i + 1, j]) / gamma)
                b = np.exp((R[i, j + 1] - R[i, j] - D[i, j + 1]) / gamma)
                c = np.exp((R[i + 1, j + 1] - R[i, j] - D[i + 1, j + 1]) / gamma)
                E[i, j] = E[i + 1, j] * a + E[i, j + 1] * b + E[i + 1, j + 1] * c
    return values, grad[:, 1:-1, 1:-1]


class PlainSoftDTW(torch.autograd.Function):
    """The plain loops as a function of tensors: costs (N, T, S), gamma -> (N,)."""

    @staticmethod
    def forward(ctx: Any, cost_NTS: Tensor, gamma: float) -> Tensor:
        values, grad = soft_dtw_plain(cost_NTS.detach().double().numpy(), gamma)
        ctx.save_for_backward(torch.from_numpy(grad).to(cost_NTS.dtype))
        return torch.from_numpy(values).to(cost_NTS.dtype)

    @staticmethod
    def backward(ctx: Any, grad_N: Tensor) -> tuple[Tensor, None]:
        (grad_NTS,) = ctx.saved_tensors
        return grad_N[:, None, None] * grad_NTS, None


def st_gcn(network: STGCN, bodies_BTVC: Tensor) -> Tensor:
    """The publication's order and memory layout: channels before frames, convolve to P groups, then gather each."""
    n_bodies, n_frames, n_joints, n_coordinates = bodies_BTVC.shape
    x = bodies_BTVC.permute(0, 2, 3, 1).reshape(n_bodies, n_joints * n_coordinates, n_frames)
    x = (
        nn.BatchNorm1d.forward(network.data_bn, x)
        .view(n_bodies, n_joints, n_coordinates, n_frames)
        .permute(0, 2, 3, 1)
        .contiguous()
    )
    for i, block in enumerate(network.st_gcn_networks):
        A_PVV = network.A * network.edge_importance[i] if network.edge_importance else network.A
        y = block.gcn.conv(x)
        y = torch.einsum("bpctv,pvw->bctw", y.view(n_bodies, len(A_PVV), -1, *y.shape[2:]), A_PVV).contiguous()
        y = block.tcn(y)
        x = torch.relu(y if block.residual is None else y + block.residual(x))
    return x.permute(0, 2, 3, 1)


def episode_loss(model: Recogniser, episode: Episode) -> Tensor:
    """Eq. 1-8 of an episode whose clips have all their bodies, preset `paper`: every part as it reads."""
    joints = torch.cat([episode.support.joints_LMTVC, episode.query.joints_LMTVC])
    features = st_gcn(model.backbone, joints.flatten(0, 1)).unflatten(0, joints.shape[:2]).mean(1)
    n_support, n_way = len(episode.support_labels), len(episode.plan.class_ids)
    support = features[:n_support]
    prototypes_WSVD = torch.stack([support[episode.support_labels == way].mean(0) for way in range(n_way)])
    cost_QWTS = activation_distances(model.activation, features[n_support:], prototypes_WSVD)
    distances_QW = PlainSoftDTW.apply(cost_QWTS.flatten(0, 1), model.matcher.options.gamma).view(-1, n_way)
    rank = -torch.linalg.svdvals(features).sum(-1).mean()
    return functional.cross_entropy(-distances_QW, episode.query_labels) + 0.1 * rank
