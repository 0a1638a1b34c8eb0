"""One step on several pieces: episodes, or batches of pretraining. The pieces of a step are divided among the ranks.

They are computed one after the other with the same weights: of R ranks, rank r computes the pieces i with i mod R = r.
Their gradients are averaged, and the statistics of their batch norms added one after the other. Every rank does both in
the order of the pieces, so the weights are the same for any number of ranks, bit for bit on the CPU.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from dastm.training.ranks import Ranks

MOMENTUM = 0.1
"""Weight of a piece in the running statistics: PyTorch's default, which all batch norms here use."""


def mean_gradients(
    model: nn.Module, weights: list[Tensor], pieces: Iterable[Callable[[], Tensor]], ranks: Ranks
) -> list[Tensor]:
    """The mean gradients of a step's pieces, left in `.grad` of `weights` -> the terms of every piece, in their order.

    Args:
        model: its batch norms have seen every piece afterwards.
        pieces: this rank's pieces, as many as on every other rank. Each leaves its gradients in `.grad` of `weights`
            and returns a row of numbers, its terms. If there are none, nothing changes.

    Raises: as `Ranks.together`.
    """
    norms = [norm for norm in model.modules() if isinstance(norm, _BatchNorm) and norm.training]
    statistics = [norm.get_buffer(name) for norm in norms for name in ("running_mean", "running_var")]
    total = _flat([*map(torch.zeros_like, weights), *statistics])
    n_weights = sum(weight.numel() for weight in weights)
    kept = torch.ones_like(total)
    kept[n_weights:] = 1 - MOMENTUM
    terms = []
    for of_ranks in map(ranks.gathered, ranks.together(lambda: [_share(one, weights, statistics) for one in pieces])):
        for share in of_ranks:  # in the order of the pieces
            total = kept * total + share[: len(total)]
            terms.append(share[len(total) :])
    if terms:
        gradients = [torch.empty_like(weight) for weight in weights]
        _fill(gradients, total[:n_weights] / len(terms))
        _fill(statistics, total[n_weights:])
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
    return terms


def _share(piece: Callable[[], Tensor], weights: list[Tensor], statistics: list[Tensor]) -> Tensor:
    """What one piece adds to the gradients and to the running statistics, and its terms, in one row."""
    for value in statistics:
        value.zero_()
    terms = piece()
    gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
    return _flat([*gradients, *statistics, terms])


def _flat(values: list[Tensor]) -> Tensor:
    return torch.cat([value.detach().flatten() for value in values])


def _fill(values: list[Tensor], row: Tensor) -> None:
    """The reverse of `_flat`, in place."""
    for value, piece in zip(values, torch.split(row, [value.numel() for value in values]), strict=True):
        value.copy_(piece.view_as(value))
