"""A linear layer without bias, on the CPU by oneDNN: up to twice as fast as the BLAS that PyTorch comes with.

On a Zen 5 processor with two threads, (5000, 256) by (256, 1000) in float32: 437 against 194 GFLOP/s.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d


def onednn_linear(x_MK: Tensor, weight_NK: Tensor) -> Tensor:
    """x @ weight^T; on the CPU (except in float64) as a convolution of one entry, because PyTorch gives that to oneDNN.

    Shapes: x_MK (..., K), weight_NK (N, K) -> (..., N); its order in memory follows that of x.
    """
    if x_MK.device.type != "cpu" or x_MK.dtype == torch.float64 or not x_MK.numel():
        return x_MK @ weight_NK.t()
    rows = x_MK.reshape(1, -1, 1, x_MK.shape[-1]).permute(0, 3, 1, 2)
    y = conv2d(rows, weight_NK[:, :, None, None]).permute(0, 2, 3, 1)
    return y.reshape(*x_MK.shape[:-1], len(weight_NK))
