"""MS-G3D without its pooling and classifier: joints of one body over time in, features of every frame and joint out.

Liu, Zhang, Chen, Wang & Ouyang, "Disentangling and Unifying Graph Convolutions for Skeleton-Based Action Recognition",
CVPR 2020, https://arxiv.org/abs/2003.14111. A batch norm of every coordinate of every joint, then blocks of two
pathways whose sum goes through ReLU and a multi-scale convolution over time: joints at 13 distances of one frame, and
joints at 6 distances in windows of 3 and of 5 frames.

Published: three blocks of 96, 192 and 384 channels with strides 1, 2, 2. DASTM's authors (PAPER sections 1 and 6) keep
the first two and stride both, so that 30 frames become 8 there as well and 50 to 13; D is then 192. On Kinetics the
published model has 8 scales in both pathways.

Published weights load after this renaming: `gcn3d1.`, `sgcn1.`, `tcn1.` become `blocks.0.gcn3d.`, `blocks.0.sgcn.`,
`blocks.0.tcn.`, and so on with 2 and 3; `fc.*` is left out. Their `data_bn.*` has one set a body slot, as here with
`body_slots=2`; with one slot, the default, the first V * C of the published entries are those of the first body. The
adjacency is no part of the state dict there, nor here.

Axes: B bodies, T frames (m after the strides), V joints, C channels, W frames of a window, N nodes, K scales,
D features.
Tensors inside have the shape (B, C, T, V) but lie in memory as (B, T, V, C): then graph convolutions are plain matrix
products, and the convolutions over time need no other layout.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dastm.contract.skeleton import Layout
from dastm.layers.batch_norm import BatchNorm2d
from dastm.layers.blocks import BlockShape, block_shapes
from dastm.layers.drop_edge import DropEdge
from dastm.layers.dropout import Dropout
from dastm.layers.graph import hop_distances
from dastm.layers.input_norm import InputNorm
from dastm.layers.pair_norm import GraphNorm
from dastm.layers.time_conv import frames_left, time_conv
from dastm.layers.weights import Conv3d, draw_convolution, draw_uniform, fresh_norms
from dastm.model.backbones.ms_g3d_graph import k_adjacency, window_hops
from dastm.model.backbones.ms_tcn import MultiScaleTemporalConv

BLOCKS = {
    3: ((96, 1), (192, 2), (384, 2)),
    2: ((96, 2), (192, 2)),
}
"""(channels, temporal stride) of each block: 3 as published, 2 as DASTM's authors released it."""

WINDOWS = (3, 5)
MASK = 1e-6


class MultiScaleGraphConv(nn.Module):
    """ReLU of the batch norm of sum over scales k of (A_k + R_k) x W_k + b; R is the learned residual mask.

    In a graph of several frames N = W * V nodes come in frame after frame and leave joint after joint. PairNorm, if
    used, follows the sum, and takes all nodes of the graph together.

    Args:
        n_nodes: (scales, nodes) of the graph.
        channels: that come in and go out.
        n_frames: W.
    """

    def __init__(
        self,
        n_nodes: tuple[int, int],
        channels: tuple[int, int],
        *,
        n_frames: int = 1,
        dropout: float = 0.0,
        pair_norm: float = 0.0,
    ) -> None:
        super().__init__()
        self.n_frames = n_frames
        self.A_res = nn.Parameter(torch.zeros(math.prod(n_nodes), n_nodes[1]))
        self.dropout = Dropout(dropout)
        self.mlp = Shared(n_nodes[0] * channels[0], channels[1], pair_norm)

    def forward(self, x_BTNC: Tensor, A_KNN: Tensor) -> Tensor:
        """Shapes: x (B, T, N, C), N = W * V, A (K, N, N) -> (B, T, V, W, C')."""
        n_bodies, n_frames, n_nodes, channels = x_BTNC.shape
        A = A_KNN.flatten(0, 1) + self.A_res
        # Rows (scale, frame, joint) become (joint, frame, scale): every node's scales lie side by side for the map W,
        # and afterwards every joint's frames for the convolution that collapses the window.
        gather = A.view(-1, self.n_frames, n_nodes // self.n_frames, n_nodes).permute(2, 1, 0, 3).reshape(-1, n_nodes)
        x_MNC = x_BTNC.reshape(-1, n_nodes, channels)
        gathered = torch.bmm(gather.expand(len(x_MNC), -1, -1), x_MNC)
        y: Tensor = self.mlp(self.dropout(gathered.view(n_bodies, n_frames, n_nodes, -1)))
        return y.view(n_bodies, n_frames, -1, self.n_frames, y.shape[-1])


class Shared(nn.Module):
    """One linear map of all scales, shared by the nodes; batch norm; ReLU. The map is stored as a 1x1 convolution."""

    def __init__(self, in_channels: int, out_channels: int, pair_norm: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList((time_conv(in_channels, out_channels), GraphNorm(out_channels, pair_norm)))

    def forward(self, x_BTNC: Tensor) -> Tensor:
        """Shapes: x (B, T, N, C) -> (B, T, N, C')."""
        conv, norm = self.layers
        y_BTNC = functional.linear(x_BTNC, conv.get_parameter("weight").flatten(1), conv.get_parameter("bias"))
        y_BCTN: Tensor = norm(y_BTNC.permute(0, 3, 1, 2))
        return torch.relu_(y_BCTN).permute(0, 2, 3, 1)


class Windows(nn.Module):
    """Every `stride`-th frame with the frames around it, zeros before the first and after the last."""

    def __init__(self, n_frames: int, stride: int) -> None:
        super().__init__()
        self.n_frames, self.stride = n_frames, stride

    def forward(self, x_BCTV: Tensor) -> Tensor:
        """Shapes: x (B, C, T, V) -> (B, ceil(T / stride), W * V, C)."""
        half = self.n_frames // 2
        padded_BTVC = functional.pad(x_BCTV.permute(0, 2, 3, 1), (0, 0, 0, 0, half, half))
        return padded_BTVC.unfold(1, self.n_frames, self.stride).permute(0, 1, 4, 2, 3).flatten(2, 3)


class WindowConv(nn.Module):
    """Graph convolution over windows of W frames, each collapsed by a convolution over its W frames; batch norm.

    Args:
        n_nodes: (scales, joints) of the graph.
        channels: that come in, inside the windows, that go out.
    """

    def __init__(
        self,
        n_nodes: tuple[int, int],
        channels: tuple[int, int, int],
        *,
        n_frames: int,
        stride: int,
        dropout: float,
        pair_norm: float,
    ) -> None:
        super().__init__()
        in_channels, inner, out_channels = channels
        graph_conv = MultiScaleGraphConv(
            (n_nodes[0], n_nodes[1] * n_frames),
            (in_channels, inner),
            n_frames=n_frames,
            dropout=dropout,
            pair_norm=pair_norm,
        )
        self.gcn3d = nn.ModuleList((Windows(n_frames, stride), graph_conv))
        kernel = (1, n_frames, 1)
        self.out_conv = Conv3d(inner, out_channels, kernel)
        self.out_bn = BatchNorm2d(out_channels)

    def forward(self, x_BCTV: Tensor, A_KNN: Tensor) -> Tensor:
        """Shapes: x (B, C, T, V), A (K, W * V, W * V) -> (B, C', ceil(T / stride), V)."""
        windows, graph_conv = self.gcn3d
        y_BTVWC: Tensor = graph_conv(windows(x_BCTV), A_KNN)
        weight = self.out_conv.weight[:, :, 0, :, 0].transpose(1, 2).flatten(1)
        y_BTVC = functional.linear(y_BTVWC.flatten(3), weight, self.out_conv.bias)
        y_BCTV: Tensor = self.out_bn(y_BTVC.permute(0, 3, 1, 2))
        return y_BCTV


class WindowPathway(nn.Module):
    """The sum over window sizes of a `WindowConv` each."""

    def __init__(self, branches: list[WindowConv]) -> None:
        super().__init__()
        self.gcn3d = nn.ModuleList(branches)

    def forward(self, x_BCTV: Tensor, graphs: Sequence[Tensor]) -> Tensor:
        """Shapes: x (B, C, T, V), one graph a window size -> (B, C', ceil(T / stride), V)."""
        first, *others = (branch(x_BCTV, A_KNN) for branch, A_KNN in zip(self.gcn3d, graphs, strict=True))
        total: Tensor = sum(others, start=first)
        return total


class JointPathway(nn.ModuleList):
    """Graph convolution over the joints of a frame, then two multi-scale convolutions over time, the first strided."""

    def __init__(
        self,
        n_nodes: tuple[int, int],
        channels: tuple[int, int, int],
        *,
        stride: int,
        dropout: float,
        pair_norm: float,
    ) -> None:
        in_channels, inner, out_channels = channels
        layers = (
            MultiScaleGraphConv(n_nodes, (in_channels, inner), dropout=dropout, pair_norm=pair_norm),
            MultiScaleTemporalConv(inner, out_channels, stride=stride),
            MultiScaleTemporalConv(out_channels, out_channels, relu=False),
        )
        super().__init__(layers)

    def forward(self, x_BCTV: Tensor, A_KVV: Tensor) -> Tensor:
        """Shapes: x (B, C, T, V), A (K, V, V) -> (B, C', ceil(T / stride), V)."""
        graph_conv, *temporal = self
        y_BCTV: Tensor = graph_conv(x_BCTV.permute(0, 2, 3, 1), A_KVV).squeeze(3).permute(0, 3, 1, 2)
        for conv in temporal:
            y_BCTV = conv(y_BCTV)
        return y_BCTV


class Block(nn.Module):
    """ReLU of the sum of both pathways, then a multi-scale convolution over time (the paper's STGC block).

    Channels change inside the graph convolutions in the first block, and after them in the others.

    Args:
        n_scales: of the graph of a frame, and of those of windows.
    """

    def __init__(self, shape: BlockShape, *, n_joints: int, n_scales: tuple[int, int], pair_norm: float) -> None:
        super().__init__()
        inner = shape.out_channels if shape.first else shape.in_channels
        widths = (shape.in_channels, inner, shape.out_channels)
        options: dict[str, Any] = {"stride": shape.stride, "dropout": shape.dropout, "pair_norm": pair_norm}
        windows = [WindowConv((n_scales[1], n_joints), widths, n_frames=w, **options) for w in WINDOWS]
        self.gcn3d = WindowPathway(windows)
        self.sgcn = JointPathway((n_scales[0], n_joints), widths, **options)
        self.tcn = MultiScaleTemporalConv(shape.out_channels, shape.out_channels)

    def forward(self, x_BCTV: Tensor, graphs: Sequence[Tensor]) -> Tensor:
        """Shapes: x (B, C, T, V), graphs as of `MSG3D.graphs` -> (B, C', ceil(T / stride), V)."""
        both = self.sgcn(x_BCTV, graphs[0]) + self.gcn3d(x_BCTV, graphs[1:])
        y_BCTV: Tensor = self.tcn(torch.relu_(both))
        return y_BCTV


class MSG3D(nn.Module):
    """Skeleton features by disentangled multi-scale graph convolutions (Liu et al., CVPR 2020).

    Args:
        layout: the joints and their bones.
        n_blocks: 2 as DASTM's authors released it (192 features), or 3 as published (384 features).
        n_scales: distances within a frame; those beyond the widest of the layout gather only the joint itself.
        n_window_scales: distances within a window.
        dropout: before the map of every graph convolution but those of the first block; published without.
        pair_norm: PairNorm's scale, after every graph convolution; 0 for none. In a window, of all its nodes together.
        drop_edge: the share of bones that a step of training does without, in all blocks the same ones. Distances are
            counted again on those left, so that joints between which no way is left gather nothing of each other.
        body_slots: number of sets of statistics of the input norm; published with 2.
        n_streams: number of input streams, side by side: each joint has this many times the layout's coordinates.

    The weights are those of a fixed seed until `reset` or `load_state_dict`; no global generator is touched.
    Raises: ValueError for another n_blocks, scales or body_slots below 1, dropout or drop_edge outside [0, 1), or
        pair_norm below 0.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        n_blocks: int = 2,
        n_scales: int = 13,
        n_window_scales: int = 6,
        dropout: float = 0.0,
        pair_norm: float = 0.0,
        drop_edge: float = 0.0,
        body_slots: int = 1,
        n_streams: int = 1,
    ) -> None:
        super().__init__()
        shapes = block_shapes(BLOCKS, n_blocks, len(layout.coordinates) * n_streams, dropout)
        if min(n_scales, n_window_scales) < 1:
            name, n = ("n_scales", n_scales) if n_scales < 1 else ("n_window_scales", n_window_scales)
            raise ValueError(f"{name}: at least 1, got {n}")
        self.layout = layout
        self.n_scales = n_scales, n_window_scales
        self.strides = tuple(shape.stride for shape in shapes)
        self.n_features = shapes[-1].out_channels
        for n_frames, A_KNN in zip(
            (1, *WINDOWS), multi_scale_graphs(hop_distances(layout), *self.n_scales), strict=True
        ):
            self.register_buffer(f"A{n_frames}", A_KNN, persistent=False)
        self.data_bn = InputNorm(layout, body_slots, n_streams)
        self.blocks = nn.ModuleList(
            Block(shape, n_joints=layout.n_joints, n_scales=self.n_scales, pair_norm=pair_norm) for shape in shapes
        )
        self.drop_edge = DropEdge(layout, drop_edge)
        self.reset(torch.Generator().manual_seed(0))

    def forward(self, bodies_BTVC: Tensor) -> Tensor:
        """Features of every frame left by the strides and of every joint.

        Shapes: bodies (B, T, V, C) -> (B, m, V, D), m = n_frames_out(T), D = n_features. With one body slot, present
            bodies only; with more, those of a clip one after the other, absent ones too.
        Raises: ValueError if the shape is not that of the layout, or B no multiple of body_slots.
        """
        x_BCTV: Tensor = self.data_bn(bodies_BTVC).permute(0, 3, 1, 2)
        graphs = self.graphs()
        for block in self.blocks:
            x_BCTV = block(x_BCTV, graphs)
        return x_BCTV.permute(0, 2, 3, 1)

    def graphs(self) -> Sequence[Tensor]:
        """The graphs of a frame and of each window, as this step sees them: shapes (K, V, V), (K', W * V, W * V) .."""
        whole = [self.get_buffer(f"A{n_frames}") for n_frames in (1, *WINDOWS)]
        return self.drop_edge.graphs(
            whole, lambda bones: multi_scale_graphs(hop_distances(self.layout, bones), *self.n_scales)
        )

    def n_frames_out(self, n_frames: int) -> int:
        """The number m of feature frames for `n_frames` frames (8 for 30, 13 for 50)."""
        return frames_left(n_frames, self.strides)

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights again; what comes out depends on the generator's state only, on any device.

        As published: convolutions get PyTorch's default distributions (weight and bias uniform within
        1 / sqrt(fan in)), residual masks are uniform within 1e-6, batch norms the identity and fresh statistics.
        """
        fresh_norms(self)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Conv3d)):
                draw_convolution(module, generator)
            elif isinstance(module, MultiScaleGraphConv):
                draw_uniform(module.A_res, MASK, generator)


def multi_scale_graphs(hops_VV: Tensor, n_scales: int, n_window_scales: int) -> list[Tensor]:
    """The graphs of a frame and of each window size -> (K, V, V), (K', W * V, W * V) .. float32."""
    windows = [k_adjacency(window_hops(hops_VV, n_frames), n_window_scales) for n_frames in WINDOWS]
    return [k_adjacency(hops_VV, n_scales), *windows]
