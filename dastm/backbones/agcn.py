"""2s-AGCN without its pooling and classifier: joints of one body over time in, features of every frame and joint out.

Shi, Zhang, Cheng & Lu, "Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action Recognition",
CVPR 2019, https://arxiv.org/abs/1805.07694. The build of ST-GCN, on graphs of which one part is fixed, one learned and
one follows from the body itself; and a second network that sees bones (`dastm.backbones.streams`). The published model
trains the two apart and adds their scores. The equivalent for a metric is features side by side: a squared Euclidean
distance of them is the sum of those of the two networks.

Published weights of the joint network load after putting `networks.joint.` before their names (`networks.bone.` before
those of the bone network); `fc.*` is left out; of `data_bn.*`, which has one set a body slot, the first V * C entries
are those of the first body. Bodies are encoded apart here, so one norm serves them all, whichever slot they fill (the
recipe `release` has a norm over both slots). The fixed graph is no part of the state dict there, nor here.

Axes: B bodies, T frames (m after the strides), V joints, C channels, K subsets, I embedding channels, D features.
Tensors inside have the shape (B, C, T, V) but lie in memory as (B, T, V, C), as in ST-GCN.
"""

import math
from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from dastm.backbones.dropout import Dropout
from dastm.backbones.ms_tcn import TemporalConv, time_conv
from dastm.backbones.st_gcn import BLOCKS
from dastm.backbones.streams import bones
from dastm.skeleton import Layout

STREAMS = {"joint": ("joint",), "bone": ("bone",), "two": ("joint", "bone")}
"""The networks behind each value of `stream`."""

N_SUBSETS = 3
SMALL = 1e-6
"""Where learned graphs and the norm after a graph convolution begin: it first passes on its input and little else."""


def directed_partition(layout: Layout) -> Tensor:
    """The fixed graphs: the joint itself, the joint that it hangs on, and the joints that hang on it.

    A[k, i, j] is the weight of joint i's value in what joint j gathers. Columns sum to one, or to zero where a joint
    has no such neighbour. This order is that of the published weights; ST-GCN divides otherwise (`graph`).

    Shapes: -> (3, V, V) float32.
    """
    inward_VV = torch.zeros(layout.n_joints, layout.n_joints)
    for joint, source in layout.bones:
        inward_VV[source, joint] = 1
    graphs = torch.stack((torch.eye(layout.n_joints), inward_VV, inward_VV.t()))
    return graphs / graphs.sum(dim=1, keepdim=True).clamp(min=1)


class AdaptiveGraphConv(nn.Module):
    """ReLU of the batch norm of sum over k of (A_k + B_k + C_k)^T x W_k + b_k, plus the residual.

    A is fixed, B learned (named PA). C_k is a graph of the clip itself: two embeddings, one of the joint that gives and
    one of the joint that gathers, are multiplied, averaged over their channels and over time, and go through a softmax
    over the joints that give. The residual is the input where channels agree, else a 1x1 convolution and batch norm.
    """

    def __init__(self, in_channels: int, out_channels: int, n_joints: int) -> None:
        super().__init__()
        self.n_embedding = out_channels // 4
        self.PA = nn.Parameter(torch.empty(N_SUBSETS, n_joints, n_joints))
        self.conv_a = nn.ModuleList(time_conv(in_channels, self.n_embedding) for _ in range(N_SUBSETS))
        self.conv_b = nn.ModuleList(time_conv(in_channels, self.n_embedding) for _ in range(N_SUBSETS))
        self.conv_d = nn.ModuleList(time_conv(in_channels, out_channels) for _ in range(N_SUBSETS))
        self.down: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(time_conv(in_channels, out_channels), nn.BatchNorm2d(out_channels))
        self.bn = nn.BatchNorm2d(out_channels)

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
        return torch.relu_(self.bn(y_BTVC.permute(0, 3, 1, 2)).add_(self.down(x_BCTV)))

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
    """

    def __init__(
        self,
        channels: tuple[int, int],
        *,
        n_joints: int,
        stride: int,
        temporal_kernel: int,
        dropout: float,
        first: bool,
    ) -> None:
        super().__init__()
        in_channels, out_channels = channels
        self.gcn1 = AdaptiveGraphConv(in_channels, out_channels, n_joints)
        self.tcn1 = TemporalConv(out_channels, out_channels, kernel=temporal_kernel, stride=stride)
        self.dropout = Dropout(dropout)
        self.residual: nn.Module | None = None
        if not first and in_channels == out_channels and stride == 1:
            self.residual = nn.Identity()
        elif not first:
            self.residual = TemporalConv(in_channels, out_channels, stride=stride)

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


class Network(nn.Module):
    """One stream: a batch norm of every coordinate of every joint, then the blocks, named l1, l2 .."""

    def __init__(self, layout: Layout, *, n_blocks: int, dropout: float, temporal_kernel: int) -> None:
        super().__init__()
        n_coordinates = len(layout.coordinates)
        self.A: Tensor
        self.register_buffer("A", directed_partition(layout), persistent=False)
        self.data_bn = nn.BatchNorm1d(layout.n_joints * n_coordinates)
        widths = (n_coordinates, *(width for width, _ in BLOCKS[n_blocks]))
        for i, channels in enumerate(pairwise(widths)):
            block = Block(
                channels,
                n_joints=layout.n_joints,
                stride=BLOCKS[n_blocks][i][1],
                temporal_kernel=temporal_kernel,
                dropout=dropout if i > 0 else 0.0,
                first=i == 0,
            )
            self.add_module(f"l{i + 1}", block)

    @property
    def blocks(self) -> list[Block]:
        """l1, l2 .. in their order."""
        return [module for module in self.children() if isinstance(module, Block)]

    def forward(self, bodies_BTVC: Tensor) -> Tensor:
        """Shapes: bodies (B, T, V, C) -> (B, m, V, D)."""
        # Rows of (joint, coordinate) a frame: the statistics are those of the published (B, V*C, T) batch norm.
        normal = self.data_bn(bodies_BTVC.flatten(0, 1).flatten(1)).view(bodies_BTVC.shape)
        x_BCTV: Tensor = normal.permute(0, 3, 1, 2)
        for block in self.blocks:
            x_BCTV = block(x_BCTV, self.A)
        return x_BCTV.permute(0, 2, 3, 1)


class AGCN(nn.Module):
    """Skeleton features by graph convolution on adaptive graphs (Shi et al., CVPR 2019).

    Args:
        layout: the joints, and the bones in their direction.
        n_blocks: 10 as published, or 7 or 4 as in `st_gcn.BLOCKS`.
        dropout: after every convolution over time but that of the first block; published without.
        stream: "joint", "bone", or "two": both networks, their features side by side (512 in place of 256).
        temporal_kernel: frames that a convolution over time spans; odd.

    The weights are those of a fixed seed until `reset` or `load_state_dict`; no global generator is touched.
    Raises: ValueError for another n_blocks or stream, an even temporal_kernel, or dropout outside [0, 1).
    """

    def __init__(
        self,
        layout: Layout,
        *,
        n_blocks: int = 10,
        dropout: float = 0.0,
        stream: str = "joint",
        temporal_kernel: int = 9,
    ) -> None:
        super().__init__()
        if n_blocks not in BLOCKS:
            raise ValueError(f"n_blocks: one of {', '.join(map(str, BLOCKS))}, got {n_blocks}")
        if stream not in STREAMS:
            raise ValueError(f"stream: one of {', '.join(STREAMS)}, got {stream!r}")
        if temporal_kernel < 1 or temporal_kernel % 2 == 0:
            raise ValueError(f"temporal_kernel: an odd number of frames, got {temporal_kernel}")
        self.layout = layout
        self.body_shape = (layout.n_joints, len(layout.coordinates))
        self.strides = tuple(stride for _, stride in BLOCKS[n_blocks])
        self.networks = nn.ModuleDict(
            {
                name: Network(layout, n_blocks=n_blocks, dropout=dropout, temporal_kernel=temporal_kernel)
                for name in STREAMS[stream]
            }
        )
        self.n_features = BLOCKS[n_blocks][-1][0] * len(self.networks)
        self.reset(torch.Generator().manual_seed(0))

    def forward(self, bodies_BTVC: Tensor) -> Tensor:
        """Features of every frame left by the strides and of every joint; joints' before bones' for stream "two".

        Shapes: bodies (B, T, V, C), present bodies only -> (B, m, V, D), m = n_frames_out(T), D = n_features.
        Raises: ValueError if the shape is not that of the layout.
        """
        n_joints, n_coordinates = self.body_shape
        if bodies_BTVC.ndim != 4 or tuple(bodies_BTVC.shape[2:]) != self.body_shape:
            raise ValueError(f"bodies: expected (B, T, {n_joints}, {n_coordinates}), got {tuple(bodies_BTVC.shape)}")
        features = [
            network(bodies_BTVC if name == "joint" else bones(bodies_BTVC, self.layout))
            for name, network in self.networks.items()
        ]
        return features[0] if len(features) == 1 else torch.cat(features, dim=-1)

    def n_frames_out(self, n_frames: int) -> int:
        """m: how many feature frames come of `n_frames` (8 of 30, 13 of 50)."""
        for stride in self.strides:
            n_frames = math.ceil(n_frames / stride)
        return n_frames

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights anew; what comes out depends on the generator's state only, on any device.

        As published: weights are normal with variance 2 / (out channels * kernel), those of W_k with 2 / (out channels
        * in channels * 3); biases are zero; batch norms are the identity with fresh statistics, but those after the
        graph convolutions, like the learned graphs, begin at 1e-6. The joints' network is drawn before the bones', each
        block after block, so that the joints' is the same for every `stream`.
        """
        for norm in self.modules():
            if isinstance(norm, nn.modules.batchnorm._BatchNorm):
                norm.reset_parameters()
        for block in self.modules():
            if isinstance(block, Block):
                block.reset(generator)


def _each(convs: Iterable[nn.Module], name: str) -> list[Tensor]:
    return [conv.get_parameter(name) for conv in convs]


def _draw(conv: nn.Module, generator: torch.Generator, fan: int | None = None) -> None:
    """Normal with variance 2 / fan, which is out channels * kernel unless given; no bias."""
    weight = conv.get_parameter("weight")
    drawn = torch.empty(weight.shape, dtype=weight.dtype, device=generator.device)
    std = math.sqrt(2 / (fan or weight[:, 0].numel()))
    weight.copy_(drawn.normal_(0, std, generator=generator))
    conv.get_parameter("bias").zero_()
