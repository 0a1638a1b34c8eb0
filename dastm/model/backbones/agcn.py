"""2s-AGCN without its pooling and classifier: joints of one body over time in, features of every frame and joint out.

Shi, Zhang, Cheng & Lu, "Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action Recognition",
CVPR 2019, https://arxiv.org/abs/1805.07694. The build of ST-GCN, on graphs of which one part is fixed, one learned and
one follows from the body itself. This is one of the published two networks; the second, which sees bones, is a stream
(`dastm.model.backbones.streams`). DASTM's authors released the joint stream alone.

Published weights load under their own names; `fc.*` is left out. Their `data_bn.*` has one set a body slot, as here
with `body_slots=2`. With one slot, the default, one norm serves all bodies, and of the published entries the first
V * C are those of the first body. The fixed graph is no part of the state dict there, nor here.

Axes: B bodies, T frames (m after the strides), V joints, C channels, K subsets, I embedding channels, D features.
Tensors inside have the shape (B, C, T, V) but lie in memory as (B, T, V, C), as in ST-GCN.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from dastm.contract.skeleton import Layout
from dastm.layers.batch_norm import BatchNorm2d
from dastm.layers.blocks import BlockShape, block_shapes
from dastm.layers.drop_edge import DropEdge
from dastm.layers.dropout import Dropout
from dastm.layers.graph import directed_partition
from dastm.layers.input_norm import InputNorm
from dastm.layers.pair_norm import GraphNorm
from dastm.layers.time_conv import TemporalConv, frames_left, time_conv
from dastm.layers.weights import draw_normal, fresh_norms
from dastm.model.backbones.st_gcn import BLOCKS, KERNEL

N_SUBSETS = 3
SMALL = 1e-6
"""Where learned graphs and the norm after a graph convolution begin: it first passes on its input and little else."""


class AdaptiveGraphConv(nn.Module):
    """ReLU of the batch norm of sum over k of (A_k + B_k + C_k)^T x W_k + b_k, plus the residual.

    A is fixed, B learned (named PA). C_k is a graph of the clip itself: two embeddings, one of the joint that gives and
    one of the joint that gathers, are multiplied, averaged over their channels and over time, and go through a softmax
    over the joints that give. The residual is the input where channels agree, else a 1x1 convolution and batch norm.
    PairNorm, if used, follows the sum over k.
    """

    def __init__(self, in_channels: int, out_channels: int, n_joints: int, pair_norm: float = 0.0) -> None:
        super().__init__()
        self.n_embedding = out_channels // 4
        self.PA = nn.Parameter(torch.empty(N_SUBSETS, n_joints, n_joints))
        self.conv_a = nn.ModuleList(time_conv(in_channels, self.n_embedding) for _ in range(N_SUBSETS))
        self.conv_b = nn.ModuleList(time_conv(in_channels, self.n_embedding) for _ in range(N_SUBSETS))
        self.conv_d = nn.ModuleList(time_conv(in_channels, out_channels) for _ in range(N_SUBSETS))
        self.down: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(time_conv(in_channels, out_channels), BatchNorm2d(out_channels))
        self.bn = GraphNorm(out_channels, pair_norm)

    def forward(self, x_BCTV: Tensor, A_KVV: Tensor) -> Tensor:
        """Shapes: x (B, C, T, V), A (3, V, V) -> (B, C', T, V)."""
        n_bodies, channels, n_frames, n_joints = x_BCTV.shape
        x_BTVC = x_BCTV.permute(0, 2, 3, 1)
        graphs_BKVV = A_KVV + self.PA + self._own_graphs(x_BTVC)
        # Rows (joint, subset): what a joint gathers in all subsets lies side by side, for one product with all W.
        gather_BNV = graphs_BKVV.permute(0, 3, 1, 2).reshape(n_bodies, 1, -1, n_joints)
        gather_BNV = gather_BNV.expand(-1, n_frames, -1, -1).flatten(0, 1)
        gathered = torch.bmm(gather_BNV, x_BTVC.reshape(-1, n_joints, channels))
        weight = torch.cat(_each(self.conv_d, "weight"), dim=1).flatten(1)
        bias = torch.stack(_each(self.conv_d, "bias")).sum(dim=0)
        y_BTVC = linear(gathered.view(n_bodies, n_frames, n_joints, -1), weight, bias)
        y_BCTV: Tensor = self.bn(y_BTVC.permute(0, 3, 1, 2))
        return torch.relu_(y_BCTV.add_(self.down(x_BCTV)))

    def _own_graphs(self, x_BTVC: Tensor) -> Tensor:
        """C: shape (B, K, V, V), summing to one over the first V."""
        n_bodies, n_frames, n_joints, _ = x_BTVC.shape
        convs = (*self.conv_a, *self.conv_b)
        embedded = linear(x_BTVC, torch.cat(_each(convs, "weight")).flatten(1), torch.cat(_each(convs, "bias")))
        both = embedded.view(n_bodies, n_frames, n_joints, 2, N_SUBSETS, -1).permute(3, 0, 4, 2, 1, 5).flatten(4)
        a_BKVN, b_BKVN = both.unbind()
        return torch.softmax(a_BKVN @ b_BKVN.mT / (self.n_embedding * n_frames), dim=2)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights of one subset after the other, then those of the residual; see `AGCN.reset`."""
        for embed_a, embed_b, convolve in zip(self.conv_a, self.conv_b, self.conv_d, strict=True):
            _draw(embed_a, generator)
            _draw(embed_b, generator)
            _draw(convolve, generator, fan=N_SUBSETS * convolve.get_parameter("weight").numel())
        if isinstance(self.down, nn.Sequential):
            _draw(self.down[0], generator)
        self.PA.fill_(SMALL)
        self.bn.weight.fill_(SMALL)


class Block(nn.Module):
    """Adaptive graph convolution, convolution over time, batch norm, dropout; plus the residual; ReLU.

    The residual is nothing in the first block, the input where shapes agree, else a strided 1x1 convolution and batch
    norm.

    Args:
        kernel: frames that the convolution over time spans; odd.
    """

    def __init__(self, shape: BlockShape, *, n_joints: int, kernel: int = KERNEL, pair_norm: float = 0.0) -> None:
        super().__init__()
        channels = shape.out_channels
        self.gcn1 = AdaptiveGraphConv(shape.in_channels, channels, n_joints, pair_norm)
        self.tcn1 = TemporalConv(channels, channels, kernel=kernel, stride=shape.stride)
        self.dropout = Dropout(shape.dropout)
        self.residual: nn.Module | None = None
        if not shape.first and shape.keeps_shape:
            self.residual = nn.Identity()
        elif not shape.first:
            self.residual = TemporalConv(shape.in_channels, channels, stride=shape.stride)

    def forward(self, x_BCTV: Tensor, A_KVV: Tensor) -> Tensor:
        """Shapes: x (B, C, T, V), A (3, V, V) -> (B, C', ceil(T / stride), V)."""
        y_BCTV: Tensor = self.dropout(self.tcn1(self.gcn1(x_BCTV, A_KVV)))
        if self.residual is not None:
            y_BCTV = y_BCTV.add_(self.residual(x_BCTV))
        return torch.relu_(y_BCTV)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights of the graph convolution, of the one over time and of the residual, in this order."""
        self.gcn1.reset(generator)
        _draw(self.tcn1.conv, generator)
        if isinstance(self.residual, TemporalConv):
            _draw(self.residual.conv, generator)


class AGCN(nn.Module):
    """Skeleton features by graph convolution on adaptive graphs (Shi et al., CVPR 2019).

    Args:
        layout: the joints, and the bones in their direction.
        n_blocks: 10 as published, or 7 or 4 as in `st_gcn.BLOCKS`.
        dropout: after every convolution over time but that of the first block; published without.
        pair_norm: PairNorm's scale, after every graph convolution; 0 for none.
        drop_edge: the share of bones that a step of training does without, in all blocks the same ones. It is the fixed
            graphs that lose them: those learned and those of the clip tie every joint to every other.
        body_slots: number of sets of statistics of the input norm; published with 2.
        n_streams: number of input streams, side by side: each joint has this many times the layout's coordinates.

    The weights are those of a fixed seed until `reset` or `load_state_dict`; no global generator is touched.
    Raises: ValueError for another n_blocks, dropout or drop_edge outside [0, 1), pair_norm below 0, or body_slots
        below 1.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        n_blocks: int = 10,
        dropout: float = 0.0,
        pair_norm: float = 0.0,
        drop_edge: float = 0.0,
        body_slots: int = 1,
        n_streams: int = 1,
    ) -> None:
        super().__init__()
        shapes = block_shapes(BLOCKS, n_blocks, len(layout.coordinates) * n_streams, dropout)
        self.layout = layout
        self.strides = tuple(shape.stride for shape in shapes)
        self.n_features = shapes[-1].out_channels
        self.A: Tensor
        self.register_buffer("A", directed_partition(layout), persistent=False)
        self.data_bn = InputNorm(layout, body_slots, n_streams)
        for i, shape in enumerate(shapes, start=1):
            self.add_module(f"l{i}", Block(shape, n_joints=layout.n_joints, pair_norm=pair_norm))
        self.drop_edge = DropEdge(layout, drop_edge)
        self.reset(torch.Generator().manual_seed(0))

    @property
    def blocks(self) -> list[Block]:
        """l1, l2 .. in their order."""
        return [module for module in self.children() if isinstance(module, Block)]

    def forward(self, bodies_BTVC: Tensor) -> Tensor:
        """Features of every frame left by the strides and of every joint.

        Shapes: bodies (B, T, V, C) -> (B, m, V, 256), m = n_frames_out(T). With one body slot, present bodies only;
            with more, those of a clip one after the other, absent ones too.
        Raises: ValueError if the shape is not that of the layout, or B no multiple of body_slots.
        """
        x_BCTV: Tensor = self.data_bn(bodies_BTVC).permute(0, 3, 1, 2)
        (A_KVV,) = self.drop_edge.graphs([self.A], lambda bones: [directed_partition(self.layout, bones)])
        for block in self.blocks:
            x_BCTV = block(x_BCTV, A_KVV)
        return x_BCTV.permute(0, 2, 3, 1)

    def n_frames_out(self, n_frames: int) -> int:
        """The number m of feature frames for `n_frames` frames (8 for 30, 13 for 50)."""
        return frames_left(n_frames, self.strides)

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights again; what comes out depends on the generator's state only, on any device.

        As published: weights are normal with variance 2 / (out channels * kernel), those of W_k with 2 / (out channels
        * in channels * 3); biases are zero; batch norms are the identity with fresh statistics, but those after the
        graph convolutions, like the learned graphs, begin at 1e-6. Blocks are drawn in their order.
        """
        fresh_norms(self)
        for block in self.blocks:
            block.reset(generator)


def _each(convs: Iterable[nn.Module], name: str) -> list[Tensor]:
    return [conv.get_parameter(name) for conv in convs]


def _draw(conv: nn.Module, generator: torch.Generator, fan: int | None = None) -> None:
    """Normal with variance 2 / fan, which is out channels * kernel unless given; no bias."""
    weight = conv.get_parameter("weight")
    draw_normal(weight, math.sqrt(2 / (fan or weight[:, 0].numel())), generator)
    conv.get_parameter("bias").zero_()
