"""MS-G3D (Liu et al., CVPR 2020) in the published order of operations, in training mode, node by node.

Elementary operations on float64 tensors only, so that gradients come from the restatement as well. `weights` are the
entries of a state dict; functions take those whose names begin with a prefix. x_BCTV (B, C, T, V) throughout; a node
of a window of W frames is frame w, joint v, number w * V + v.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dastm.contract.skeleton import Layout
from tests.oracles.pair_norm import pair_norm

Weights = Mapping[str, Tensor]
EPSILON = 1e-5


def network(
    bodies_BTVC: Tensor,
    layout: Layout,
    weights: Weights,
    strides: Sequence[int],
    n_scales: int,
    n_window_scales: int,
    scale: float = 0.0,
) -> Tensor:
    """(B, T, V, C) -> (B, m, V, D). `scale` is PairNorm's."""
    x = bodies_BTVC.permute(0, 3, 1, 2)
    entries_VC = [weights[f"data_bn.{name}"].reshape(layout.n_joints, -1) for name in ("weight", "bias")]
    columns = [batch_norm(x[:, :, :, v : v + 1], entries_VC[0][v], entries_VC[1][v]) for v in range(layout.n_joints)]
    x = torch.cat(columns, dim=3)
    for i, stride in enumerate(strides):
        x = block(x, layout, under(weights, f"blocks.{i}."), stride, (n_scales, n_window_scales), scale)
    return x.permute(0, 2, 3, 1)


def block(x: Tensor, layout: Layout, weights: Weights, stride: int, n_scales: tuple[int, int], scale: float) -> Tensor:
    A = binary_adjacency(layout)
    joints = graph_conv(x, multi_scale(A, n_scales[0]), under(weights, "sgcn.0."), scale)
    joints = temporal_conv(joints, under(weights, "sgcn.1."), stride)
    joints = temporal_conv(joints, under(weights, "sgcn.2."), 1, last=False)
    windows = torch.zeros_like(joints)
    for i, n_frames in enumerate((3, 5)):
        branch = under(weights, f"gcn3d.gcn3d.{i}.")
        scales = multi_scale(window_graph(A, n_frames), n_scales[1])
        nodes = graph_conv(unfold(x, n_frames, stride), scales, under(branch, "gcn3d.1."), scale)
        collapsed = collapse(nodes, n_frames, branch["out_conv.weight"], branch["out_conv.bias"])
        windows = windows + norm(collapsed, branch, "out_bn")
    return temporal_conv(relu(joints + windows), under(weights, "tcn."), 1)


def binary_adjacency(layout: Layout) -> Tensor:
    A = torch.zeros(layout.n_joints, layout.n_joints, dtype=torch.float64)
    for i, j in layout.bones:
        if i != j:
            A[i, j] = A[j, i] = 1
    return A


def window_graph(A: Tensor, n_frames: int) -> Tensor:
    """The skeleton with self loops in every frame, and the same edges from every frame to every other."""
    rows = [torch.cat([A + torch.eye(len(A), dtype=A.dtype)] * n_frames, dim=1)] * n_frames
    return torch.cat(rows, dim=0)


def multi_scale(A: Tensor, n_scales: int) -> Tensor:
    """(K, N, N), stored in single precision."""
    return torch.stack([normalise(k_adjacency(A, k)) for k in range(n_scales)]).float().double()


def k_adjacency(A: Tensor, k: int) -> Tensor:
    """I + what walks of k steps reach, less what walks of k - 1 steps reach, when a walk may also stay (Eq. 5)."""
    eye = torch.eye(len(A), dtype=A.dtype)
    if k == 0:
        return eye
    return eye + reached(A + eye, k) - reached(A + eye, k - 1)


def reached(step: Tensor, n_steps: int) -> Tensor:
    total = torch.eye(len(step), dtype=step.dtype)
    for _ in range(n_steps):
        total = (total @ step > 0).to(step.dtype)
    return total


def normalise(A: Tensor) -> Tensor:
    degree = A.sum(dim=1)
    return torch.stack([A[i] / (degree[i] * degree) ** 0.5 for i in range(len(A))])


def graph_conv(x_BCTN: Tensor, A_KNN: Tensor, weights: Weights, scale: float = 0.0) -> Tensor:
    """Gather at every scale and node, then one map of all (scale, channel), scale after scale."""
    n_scales, n_nodes = A_KNN.shape[:2]
    scales = []
    for k in range(n_scales):
        rows = A_KNN[k] + weights["A_res"][k * n_nodes : (k + 1) * n_nodes]
        scales.append(torch.stack([x_BCTN @ row for row in rows], dim=3))
    y = pointwise(torch.cat(scales, dim=1), weights["mlp.layers.0.weight"], weights["mlp.layers.0.bias"])
    return relu(norm(pair_norm(y, scale), weights, "mlp.layers.1"))


def unfold(x: Tensor, n_frames: int, stride: int) -> Tensor:
    """(B, C, T, V) -> (B, C, number of windows, W * V)."""
    windows = []
    for centre in range(0, x.shape[2], stride):
        window = []
        for t in range(centre - n_frames // 2, centre + n_frames // 2 + 1):
            window.append(x[:, :, t] if 0 <= t < x.shape[2] else torch.zeros_like(x[:, :, 0]))
        windows.append(torch.cat(window, dim=2))
    return torch.stack(windows, dim=2)


def collapse(nodes: Tensor, n_frames: int, weight: Tensor, bias: Tensor) -> Tensor:
    n_joints = nodes.shape[3] // n_frames
    y = bias[:, None, None]
    for w in range(n_frames):
        y = y + pointwise(nodes[:, :, :, w * n_joints : (w + 1) * n_joints], weight[:, :, :, w], 0 * bias)
    return y


def temporal_conv(x: Tensor, weights: Weights, stride: int, *, last: bool = True) -> Tensor:
    """The six branches, the residual, and at last ReLU."""
    branches = []
    for b in range(6):
        inside = under(weights, f"branches.{b}.")
        y = over_time(x, inside["0.weight"], inside["0.bias"], stride if b == 5 else 1, 1)
        y = norm(y, inside, "1")
        if b < 4:
            y = over_time(relu(y), inside["3.conv.weight"], inside["3.conv.bias"], stride, b + 1)
            y = norm(y, inside, "3.bn")
        elif b == 4:
            y = norm(greatest_of_three(relu(y), stride), inside, "4")
        branches.append(y)
    residual = x
    if "residual.conv.weight" in weights:
        residual = over_time(x, weights["residual.conv.weight"], weights["residual.conv.bias"], stride, 1)
        residual = norm(residual, weights, "residual.bn")
    total = torch.cat(branches, dim=1) + residual
    return relu(total) if last else total


def over_time(x: Tensor, weight: Tensor, bias: Tensor, stride: int, dilation: int) -> Tensor:
    """Zero-padded so that a stride of one keeps the number of frames."""
    kernel, n_frames = weight.shape[2], x.shape[2]
    frames = []
    for centre in range(0, n_frames, stride):
        y = bias[:, None].expand(len(x), len(bias), 1)
        for k in range(kernel):
            t = centre + (k - kernel // 2) * dilation
            if 0 <= t < n_frames:
                y = y + torch.einsum("oi,biv->bov", weight[:, :, k, 0], x[:, :, t])
        frames.append(y)
    return torch.stack(frames, dim=2)


def greatest_of_three(x: Tensor, stride: int) -> Tensor:
    n_frames = x.shape[2]
    frames = []
    for centre in range(0, n_frames, stride):
        near = [x[:, :, t] for t in (centre - 1, centre, centre + 1) if 0 <= t < n_frames]
        frames.append(torch.stack(near).amax(dim=0))
    return torch.stack(frames, dim=2)


def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.einsum("oi,bitv->botv", weight.flatten(1), x) + bias[:, None, None]


def norm(x: Tensor, weights: Weights, name: str) -> Tensor:
    return batch_norm(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def batch_norm(x: Tensor, weight_C: Tensor, bias_C: Tensor) -> Tensor:
    centred = x - x.mean(dim=(0, 2, 3), keepdim=True)
    variance = (centred**2).mean(dim=(0, 2, 3), keepdim=True)
    return centred / (variance + EPSILON) ** 0.5 * weight_C[:, None, None] + bias_C[:, None, None]


def relu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.zeros_like(x))


def under(weights: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
