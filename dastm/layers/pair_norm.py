"""PairNorm: the joints of a frame are pushed apart after every graph convolution, all by the same factor.

Zhao & Akoglu, "PairNorm: Tackling Oversmoothing in GNNs", ICLR 2020, https://arxiv.org/abs/1909.12223, Eq. 10-11: the
joints are centred, and scaled so that the total of their squared distances is the same in every frame and layer.

Axes: B bodies, C channels, T frames, V joints (or all nodes of a window).
"""

import torch
from torch import Tensor, nn

from dastm.layers.batch_norm import BatchNorm2d

EPSILON = 1e-6
"""Added to the mean squared norm, as the authors do: joints that are all alike become zeros."""


class PairNorm(nn.Module):
    """Centre a frame's joints, then scale them to a mean squared norm of scale^2; the identity for scale 0.

    It stands where the authors have it, between the graph convolution and what follows. In ST-GCN, 2s-AGCN and MS-G3D
    a batch norm follows, which divides any factor common to all frames out again: there only the centring and the
    scaling of frames relative to each other have an effect, and `scale` acts only through the epsilons. In the LSTM,
    `scale` has an effect.

    Raises: ValueError if scale is negative or not finite.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        if not 0 <= scale < float("inf"):
            raise ValueError(f"pair_norm: a scale of 0 or more, got {scale}")
        self.scale = scale

    def forward(self, x_BCTV: Tensor) -> Tensor:
        """Shapes: x (B, C, T, V), each frame of each body apart -> the same, in the same precision and memory order."""
        if self.scale == 0:
            return x_BCTV
        # In bf16 a mean squared norm of thousands would lose what distinguishes frames.
        precise = x_BCTV.to(torch.promote_types(x_BCTV.dtype, torch.float32))
        centred = precise - precise.mean(dim=3, keepdim=True)
        mean_squared_BT = centred.square().sum(dim=1, keepdim=True).mean(dim=3, keepdim=True)
        return (centred * (self.scale * torch.rsqrt(mean_squared_BT + EPSILON))).to(x_BCTV.dtype)

    def extra_repr(self) -> str:
        """What `print(module)` shows of this layer."""
        return f"scale={self.scale}"


class GraphNorm(BatchNorm2d):
    """What follows every graph convolution: PairNorm, where it is asked for, then batch norm.

    It has the weights of a batch norm, under their names.
    """

    def __init__(self, channels: int, pair_norm: float = 0.0) -> None:
        super().__init__(channels)
        self.pair_norm = PairNorm(pair_norm)

    def forward(self, x_BCTV: Tensor) -> Tensor:
        """Shapes: x (B, C, T, V) -> the same."""
        return super().forward(self.pair_norm(x_BCTV))
