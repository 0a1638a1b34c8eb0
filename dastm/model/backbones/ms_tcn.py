"""Multi-scale convolution over time: six narrow branches side by side, each seeing another span of frames.

In and out: features of every frame and joint. Liu et al., "Disentangling and Unifying Graph Convolutions for
Skeleton-Based Action Recognition", CVPR 2020, https://arxiv.org/abs/2003.14111, section 3.4 (MS-TCN). Submodules are
named as in the published weights.

Axes: B bodies, C channels, T frames, V joints; (B, C, T, V) that lies in memory as (B, T, V, C).
"""

import torch
from torch import Tensor, nn

from dastm.layers.batch_norm import BatchNorm2d
from dastm.layers.time_conv import TemporalConv, time_conv

DILATIONS = (1, 2, 3, 4)
N_BRANCHES = len(DILATIONS) + 2


class MultiScaleTemporalConv(nn.Module):
    """Branches of C' / 6 channels each, concatenated; plus the residual; ReLU.

    Four branches: 1x1 convolution, batch norm, ReLU, convolution over 3 frames 1, 2, 3 or 4 apart, batch norm.
    The fifth takes the maximum of 3 frames instead of convolving; the sixth is a 1x1 convolution and batch norm.
    The residual is the input where shapes agree, else a strided 1x1 convolution and batch norm.

    Args:
        relu: False leaves out the last ReLU (where a sum with another pathway follows).

    Raises: ValueError if out_channels is no multiple of 6.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1, relu: bool = True) -> None:
        super().__init__()
        if out_channels % N_BRANCHES:
            raise ValueError(f"out_channels: a multiple of {N_BRANCHES}, got {out_channels}")
        self.relu = relu
        width = out_channels // N_BRANCHES
        branches = [
            nn.Sequential(*_narrow(in_channels, width), TemporalConv(width, width, kernel=3, stride=stride, dilation=d))
            for d in DILATIONS
        ]
        pool = nn.MaxPool2d((3, 1), stride=(stride, 1), padding=(1, 0))
        branches.append(nn.Sequential(*_narrow(in_channels, width), pool, BatchNorm2d(width)))
        branches.append(nn.Sequential(time_conv(in_channels, width, stride=stride), BatchNorm2d(width)))
        self.branches = nn.ModuleList(branches)
        self.residual: nn.Module = nn.Identity()
        if in_channels != out_channels or stride != 1:
            self.residual = TemporalConv(in_channels, out_channels, stride=stride)

    def forward(self, x_BCTV: Tensor) -> Tensor:
        """Shapes: x (B, C, T, V) -> (B, C', ceil(T / stride), V)."""
        y_BCTV = torch.cat([branch(x_BCTV) for branch in self.branches], dim=1) + self.residual(x_BCTV)
        return torch.relu_(y_BCTV) if self.relu else y_BCTV


def _narrow(in_channels: int, width: int) -> tuple[nn.Module, ...]:
    return time_conv(in_channels, width), BatchNorm2d(width), nn.ReLU(inplace=True)
