"""Initial weights, drawn from a separate generator: the same numbers on any device, and no global state is touched.

`torch.nn` draws a layer's weights from the process-wide generator while it is built. The layers here leave that out,
and the network that holds them calls these functions in a fixed order. (`torch.nn.utils.skip_init` does the same, by
way of the meta device: using that once takes a second and a half, for it loads sympy.)
"""

import math

import torch
from torch import Tensor, nn


class Undrawn(nn.Module):
    """A mixin for a layer of `torch.nn` that leaves its weights undrawn when it is built."""

    def reset_parameters(self) -> None:
        """Called while the layer is built."""


class Linear(Undrawn, nn.Linear):
    """`nn.Linear` whose weights are yet to be drawn."""


class Conv2d(Undrawn, nn.Conv2d):
    """`nn.Conv2d` whose weights are yet to be drawn."""


class Conv3d(Undrawn, nn.Conv3d):
    """`nn.Conv3d` whose weights are yet to be drawn."""


def draw_uniform(parameter: Tensor, bound: float, generator: torch.Generator) -> None:
    """Draw every number uniformly within +-bound."""
    parameter.copy_(_empty(parameter, generator).uniform_(-bound, bound, generator=generator))


def draw_normal(parameter: Tensor, std: float, generator: torch.Generator) -> None:
    """Draw every number from a normal distribution with mean 0."""
    parameter.copy_(_empty(parameter, generator).normal_(0, std, generator=generator))


def draw_convolution(conv: nn.Conv2d | nn.Conv3d, generator: torch.Generator) -> None:
    """PyTorch's default distribution: weight, then bias, uniform within 1 / sqrt(fan in)."""
    bound = 1 / math.sqrt(conv.weight[0].numel())
    for parameter in conv.parameters():
        draw_uniform(parameter, bound, generator)


def fresh_norms(network: nn.Module) -> None:
    """Every batch norm the identity, with fresh statistics."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_parameters()


def _empty(parameter: Tensor, generator: torch.Generator) -> Tensor:
    return torch.empty(parameter.shape, dtype=parameter.dtype, device=generator.device)
