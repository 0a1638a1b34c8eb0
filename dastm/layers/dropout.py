"""Dropout that is a pure function of a seed, so that a resumed training draws the very masks it would have drawn.

In: any tensor. Out: the same tensor with entries zeroed at random and the others scaled up (Srivastava et al., JMLR
2014). `torch.nn.Dropout` draws from the process-wide generator, whose state depends on everything that ran before;
here each layer has its own generator, and the trainer calls `reseed_dropout` at the start of every episode.
"""

import numpy as np
import torch
from torch import Tensor, nn


class Reseeded(nn.Module):
    """What draws random numbers in training: `Dropout` here, and `dastm.layers.drop_edge.DropEdge`."""

    @property
    def drops(self) -> bool:
        """Whether there is anything to draw for."""
        raise NotImplementedError

    def reseed(self, seed: int) -> None:
        """Start the sequence that belongs to `seed`.

        Raises: ValueError if seed is negative.
        """
        raise NotImplementedError


class Dropout(Reseeded):
    """Zero each entry with probability p in training and divide the others by 1 - p; the identity in evaluation.

    Masks follow from the seed of the last `reseed` (0 at first) and the number of calls since; they are not part of
    the state dict. The same seed gives other masks on another kind of device or for another memory layout.

    Raises: ValueError if p is outside [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout: a probability in [0, 1), got {p}")
        self.p = p
        self._seed = 0
        self._generator: torch.Generator | None = None

    @property
    def drops(self) -> bool:
        """Whether p is above zero."""
        return self.p > 0

    def reseed(self, seed: int) -> None:
        """Start the sequence of masks that belongs to `seed`.

        Raises: ValueError if seed is negative.
        """
        # Torch's CPU generator reads 32 bits of a seed; SeedSequence lets all bits of a larger one count.
        self._seed = int(np.random.SeedSequence(seed).generate_state(1)[0])
        if self._generator is not None:
            self._generator.manual_seed(self._seed)  # the same one: a CUDA graph knows it

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x of any shape -> the same shape."""
        mask = self.mask(x)
        return x if mask is None else x * mask

    def mask(self, like: Tensor) -> Tensor | None:
        """The next call's factors, 0 or 1 / (1 - p), for a tensor such as `like`; None where nothing is dropped."""
        if not (self.training and self.drops):
            return None
        keep = 1 - self.p
        # In the memory order of its tensor: mixed orders would make the product several times slower.
        mask = torch.empty_like(like, requires_grad=False)
        return mask.bernoulli_(keep, generator=self._generator_on(like.device)).div_(keep)

    def extra_repr(self) -> str:
        """What `print(module)` shows of this layer."""
        return f"p={self.p}"

    def _generator_on(self, device: torch.device) -> torch.Generator:
        if self._generator is None or self._generator.device != device:
            self._generator = torch.Generator(device).manual_seed(self._seed)
        return self._generator


def generators(module: nn.Module) -> list[torch.Generator]:
    """What the masks of a module have been drawn from: the same objects however often it is reseeded."""
    found = [layer._generator for layer in module.modules() if isinstance(layer, Dropout)]
    return [generator for generator in found if generator is not None]


def reseed_dropout(module: nn.Module, seed: int) -> None:
    """Reseed whatever is `Reseeded` in `module`, each with its own seed drawn from `seed`, in the order of the modules.

    A layer that drops nothing has its seed too, so that the others' do not depend on it, but is left alone.
    Raises: ValueError if seed is negative and there is something to drop.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, Reseeded)]
    if not any(layer.drops for layer in layers):
        return
    for layer, state in zip(layers, np.random.SeedSequence(seed).generate_state(len(layers)), strict=True):
        if layer.drops:
            layer.reseed(int(state))
