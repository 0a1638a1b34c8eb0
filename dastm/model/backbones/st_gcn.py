"""ST-GCN without its pooling and classifier: joints of one body over time in, features of every frame and joint out.

Yan, Xiong & Lin, "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition", AAAI 2018,
https://arxiv.org/abs/1801.07455. A batch norm of every coordinate of every joint, then blocks of a graph convolution
over the joints and a convolution over time. Layers and submodules are named as in the published model, so that its
weights load after renaming. DASTM (PAPER sections 3 and 6) keeps all frames and joints for the matching.

Axes: B bodies, T frames (m after the strides), V joints, C channels, P partitions, D features (256).
Tensors inside have the shape (B, C, T, V) but lie in memory as (B, T, V, C): then both halves of the graph
convolution are plain matrix products without a copy, and the convolution over time takes the layout unchanged.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from dastm.contract.skeleton import Layout
from dastm.layers.batch_norm import BatchNorm2d
from dastm.layers.blocks import BlockShape, block_shapes, resized
from dastm.layers.drop_edge import DropEdge
from dastm.layers.dropout import Dropout
from dastm.layers.graph import spatial_partition
from dastm.layers.input_norm import InputNorm
from dastm.layers.onednn_linear import onednn_linear
from dastm.layers.pair_norm import GraphNorm
from dastm.layers.time_conv import frames_left, time_conv
from dastm.layers.weights import draw_convolution, fresh_norms

BLOCKS = {
    10: ((64, 1), (64, 1), (64, 1), (64, 1), (128, 2), (128, 1), (128, 1), (256, 2), (256, 1), (256, 1)),
    7: ((64, 1), (64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1)),
    4: ((64, 1), (64, 1), (128, 2), (256, 2)),
}
"""(channels, temporal stride) of each block. The paper does not give those of 7 and 4 blocks: here they keep the widths
and the strides of 2 at the first block of a new width, so that all three give 256 features on the same frames."""
N_PARTITIONS = 3
KERNEL = 9
"""Frames that a convolution over time spans."""


class Graph(NamedTuple):
    """The adjacency of a block as it is used, R = V * P rows."""

    gather_RV: Tensor
    """Row (j, p) has what joint j gathers of every joint in partition p, the transpose of A_p."""
    sums_VP: Tensor
    """The sums of these rows."""


def graphs(A_KPVV: Tensor) -> list[Graph]:
    """The graphs of all blocks at once, A (K, P, V, V), with as few operations as for one block."""
    gather_KRV = A_KPVV.permute(0, 3, 1, 2).flatten(1, 2)
    return [Graph(*of_block) for of_block in zip(gather_KRV, A_KPVV.sum(2).mT, strict=True)]


class GraphConv(nn.Module):
    """Sum over partitions p of A_p^T (x W_p + b_p): joints gather from their neighbours, one weight a partition."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = time_conv(in_channels, out_channels * N_PARTITIONS)

    def forward(self, x_BCTV: Tensor, graph: Graph, norm: nn.BatchNorm2d | None = None) -> Tensor:
        """Shapes: x (B, C, T, V) -> (B, C', T, V). The published model convolves first, then gathers.

        The order is exchanged: gathering first touches P * C instead of P * C' channels, and leaves one product with
        all of W. The bias of partition p arrives at joint j multiplied by the column sum of A_p, as it does there.
        A batch norm that follows in evaluation is taken into W and b if it is given.
        """
        n_bodies, channels, n_frames, n_joints = x_BCTV.shape
        weight, bias = self.conv.weight, self.conv.get_parameter("bias")
        bias_PD, weight_PDC = bias.view(N_PARTITIONS, -1), weight.view(N_PARTITIONS, -1, channels)
        bias_VD = graph.sums_VP @ bias_PD
        if norm is not None:
            scale_D, shift_D = _scale_and_shift(norm)
            weight_PDC, bias_VD = weight_PDC * scale_D[:, None], bias_VD * scale_D + shift_D
        x_NVC = x_BCTV.permute(0, 2, 3, 1).reshape(n_bodies * n_frames, n_joints, channels)
        # Cast before it is repeated: autocast would cast as many copies as there are frames.
        gather_NRV = graph.gather_RV.to(x_NVC.dtype).expand(x_NVC.shape[0], -1, -1)
        gathered = torch.bmm(gather_NRV, x_NVC).view(n_bodies, n_frames, n_joints, -1)
        y_BTVD = onednn_linear(gathered, weight_PDC.transpose(0, 1).flatten(1))
        return y_BTVD.add_(bias_VD).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Graph convolution, then batch norm, ReLU, convolution over time, batch norm, dropout; plus the residual; ReLU.

    The residual is nothing in the first block, the input where shapes agree, else a strided 1x1 convolution. PairNorm,
    where it is asked for, comes before the first batch norm.

    Args:
        kernel: frames that the convolution over time spans; odd.
    """

    def __init__(self, shape: BlockShape, *, kernel: int = KERNEL, pair_norm: float = 0.0) -> None:
        super().__init__()
        channels = shape.out_channels
        self.gcn = GraphConv(shape.in_channels, channels)
        self.tcn = nn.Sequential(
            GraphNorm(channels, pair_norm),
            nn.ReLU(inplace=True),
            time_conv(channels, channels, kernel=kernel, stride=shape.stride),
            BatchNorm2d(channels),
            Dropout(shape.dropout),
        )
        self.residual: nn.Module | None = None
        if not shape.first and shape.keeps_shape:
            self.residual = nn.Identity()
        elif not shape.first:
            projection = time_conv(shape.in_channels, channels, stride=shape.stride)
            self.residual = nn.Sequential(projection, BatchNorm2d(channels))

    def forward(self, x_BCTV: Tensor, graph: Graph) -> Tensor:
        """Shapes: x (B, C, T, V) -> (B, C', ceil(T / stride), V)."""
        if not self.training and x_BCTV.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
            return self._fused(x_BCTV, graph)
        y_BCTV: Tensor = self.tcn(self.gcn(x_BCTV, graph))
        if self.residual is not None:
            y_BCTV = y_BCTV.add_(self.residual(x_BCTV))
        return torch.relu_(y_BCTV)

    def _fused(self, x_BCTV: Tensor, graph: Graph) -> Tensor:
        """The block in evaluation, its batch norms taken into the convolutions before them, unless PairNorm is between.

        The weights are folded again at every call: that is cheap, differentiable, and cannot be out of date. Not in
        bf16, where it gains nothing, nor on CUDA, where it adds some hundred kernels on weights and is not measured.
        """
        layers: list[Any] = list(self.tcn)
        norm, _, conv, norm_after, _ = layers
        folded = norm.pair_norm.scale == 0
        y_BCTV = self.gcn(x_BCTV, graph, norm) if folded else norm(self.gcn(x_BCTV, graph))
        y_BCTV = _conv_then_norm(torch.relu_(y_BCTV), conv, norm_after)
        if isinstance(self.residual, nn.Sequential):
            projection: list[Any] = list(self.residual)
            y_BCTV.add_(_conv_then_norm(x_BCTV, *projection))
        elif self.residual is not None:
            y_BCTV.add_(x_BCTV)
        return torch.relu_(y_BCTV)


class STGCN(nn.Module):
    """Skeleton features by graph convolution (Yan et al., AAAI 2018).

    Args:
        layout: the joints, their bones and the hub that the partition is measured from.
        n_blocks: 10 as published, or the shallower 7 or 4 of the paper's appendix.
        dropout: at the end of every block but the first.
        edge_importance: learn a factor for every entry of the adjacency, one set a block.
        pair_norm: PairNorm's scale, after every graph convolution; 0 for none.
        drop_edge: the share of bones that a step of training does without, in all blocks the same ones.
        channels: that go out of each block; None: as published.
        block_strides: stride in time of each block; None: as published.
        n_streams: number of input streams, side by side: each joint has this many times the layout's coordinates.

    The weights are those of a fixed seed until `reset` or `load_state_dict`; no global generator is touched.
    Raises: ValueError for another n_blocks, channels or strides of another number of blocks, dropout or drop_edge
        outside [0, 1), or pair_norm below 0.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        n_blocks: int = 10,
        dropout: float = 0.0,
        edge_importance: bool = True,
        pair_norm: float = 0.0,
        drop_edge: float = 0.0,
        channels: Sequence[int] | None = None,
        block_strides: Sequence[int] | None = None,
        n_streams: int = 1,
    ) -> None:
        super().__init__()
        depths = resized(BLOCKS, n_blocks, channels, block_strides)
        shapes = block_shapes(depths, n_blocks, len(layout.coordinates) * n_streams, dropout)
        self.layout = layout
        self.strides = tuple(shape.stride for shape in shapes)
        self.n_features = shapes[-1].out_channels
        self.A: Tensor
        self.register_buffer("A", spatial_partition(layout))
        self.data_bn = InputNorm(layout, n_streams=n_streams)
        self.st_gcn_networks = nn.ModuleList(Block(shape, pair_norm=pair_norm) for shape in shapes)
        self.edge_importance = nn.ParameterList(
            nn.Parameter(torch.ones_like(self.A)) for _ in range(n_blocks if edge_importance else 0)
        )
        self.drop_edge = DropEdge(layout, drop_edge)
        self.reset(torch.Generator().manual_seed(0))

    def forward(self, bodies_BTVC: Tensor) -> Tensor:
        """Features of every frame left by the strides and of every joint.

        Shapes: bodies (B, T, V, C), present bodies only -> (B, m, V, D), m = n_frames_out(T), D = n_features.
        Raises: ValueError if the shape is not that of the layout.
        """
        x_BCTV: Tensor = self.data_bn(bodies_BTVC).permute(0, 3, 1, 2)
        (A_PVV,) = self.drop_edge.graphs([self.A], lambda bones: [spatial_partition(self.layout, bones)])
        if self.edge_importance:
            of_blocks = graphs(A_PVV * torch.stack(tuple(self.edge_importance)))
        else:
            of_blocks = graphs(A_PVV[None]) * len(self.st_gcn_networks)
        for block, graph in zip(self.st_gcn_networks, of_blocks, strict=True):
            x_BCTV = block(x_BCTV, graph)
        return x_BCTV.permute(0, 2, 3, 1)

    def n_frames_out(self, n_frames: int) -> int:
        """The number m of feature frames for `n_frames` frames (8 for 30, 13 for 50)."""
        return frames_left(n_frames, self.strides)

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights again; what comes out depends on the generator's state only, on any device.

        Convolutions get PyTorch's default distributions (weight and bias uniform within 1 / sqrt(fan in)), batch
        norms the identity and fresh statistics, edge importances one.
        """
        fresh_norms(self)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                draw_convolution(module, generator)
        for importance in self.edge_importance:
            importance.fill_(1.0)


def _conv_then_norm(x_BCTV: Tensor, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
    """A batch norm in evaluation after a convolution, as one convolution."""
    scale_D, shift_D = _scale_and_shift(norm)
    weight, bias_D = conv.weight * scale_D[:, None, None, None], conv.get_parameter("bias") * scale_D + shift_D
    return conv2d(x_BCTV, weight, bias_D, stride=conv.stride, padding=(conv.kernel_size[0] // 2, 0))


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a batch norm in evaluation multiplies every channel by, and what it adds to it."""
    scale_D = norm.get_parameter("weight") * torch.rsqrt(norm.get_buffer("running_var") + norm.eps)
    return scale_D, norm.get_parameter("bias") - norm.get_buffer("running_mean") * scale_D
