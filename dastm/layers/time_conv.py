"""Convolutions over time alone, and how many frames they leave.

Axes: B bodies, C channels, T frames, V joints; (B, C, T, V) that lies in memory as (B, T, V, C).
"""

import math
from collections.abc import Iterable

from torch import Tensor, nn

from dastm.layers.batch_norm import BatchNorm2d
from dastm.layers.weights import Conv2d


def frames_left(n_frames: int, strides: Iterable[int]) -> int:
    """How many of `n_frames` are left after convolutions with these strides, each rounded up."""
    for stride in strides:
        n_frames = math.ceil(n_frames / stride)
    return n_frames


def time_conv(in_channels: int, out_channels: int, *, kernel: int = 1, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A convolution over an odd number of frames that leaves ceil(T / stride) of them; its weights are yet to be drawn.

    Frames beyond the first and the last count as zeros.
    """
    return Conv2d(
        in_channels,
        out_channels,
        (kernel, 1),
        stride=(stride, 1),
        dilation=(dilation, 1),
        padding=(dilation * (kernel // 2), 0),
    )


class TemporalConv(nn.Module):
    """A convolution over time, then batch norm. Arguments as of `time_conv`."""

    def __init__(
        self, in_channels: int, out_channels: int, *, kernel: int = 1, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.conv = time_conv(in_channels, out_channels, kernel=kernel, stride=stride, dilation=dilation)
        self.bn = BatchNorm2d(out_channels)

    def forward(self, x_BCTV: Tensor) -> Tensor:
        """Shapes: x (B, C, T, V) -> (B, C', ceil(T / stride), V)."""
        y_BCTV: Tensor = self.bn(self.conv(x_BCTV))
        return y_BCTV
