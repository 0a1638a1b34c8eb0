"""One step of the optimiser, on `optimise.episodes_per_step` episodes.

The episodes of a step are computed one after the other with the same weights, and divided among the ranks: rank r of R
computes the episodes i with i mod R = r. Their gradients are averaged, and the statistics of their batch norms added
one after the other. Every rank does both in the order of the episodes, so the weights are the same for any number of
ranks, bit for bit on the CPU.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from dastm.config.schema import Config
from dastm.contract.errors import RunError
from dastm.episodes.episode import Episode
from dastm.evaluation.accuracy import accuracy
from dastm.layers.dropout import reseed_dropout
from dastm.model import rank_term
from dastm.training.loss import episode_loss
from dastm.training.ranks import ALONE, Ranks
from dastm.training.schedule import learning_rate
from dastm.training.state import TrainingState, clip_gradients

TERMS = ("loss", "cross_entropy", "rank", "accuracy")
"""The values that a step reports of each episode."""
MOMENTUM = 0.1
"""Weight of an episode in the running statistics: PyTorch's default, which all batch norms here use."""


def train_step(state: TrainingState, config: Config, items: Iterator[Episode], ranks: Ranks = ALONE) -> list[Tensor]:
    """One step on this rank's next episodes -> `TERMS` of each episode of all ranks, left on the device.

    The result is empty if there was no further episode and so no step.
    Raises: RunError if a value is not finite, or as `items`.
    """
    optimise = config.optimise
    rate = learning_rate(optimise, _number(state, config, state.episode), state.of("train", "loss"))
    if optimise.episodes_per_step == 1:
        terms = [_gradients(state, config, episode, state.episode) for episode in islice(items, 1)]
    else:
        terms = _of_several(state, config, items, ranks)
    if terms:
        for group in state.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        clip_gradients(state.optimiser, optimise.clip_norm)
        state.optimiser.step()
    return terms


def diverged(state: TrainingState, episode: int, reason: str) -> RunError:
    """The error for a training whose values are no longer finite."""
    return RunError(
        f"seed {state.seed}, epoch {state.epoch + 1}, about episode {episode}: {reason}; "
        "lower optimise.learning_rate, or set optimise.clip_norm"
    )


def _number(state: TrainingState, config: Config, place: int) -> int:
    """The number in the whole training of the episode that has number `place` in its epoch."""
    return state.epoch * config.optimise.episodes + place


def _gradients(state: TrainingState, config: Config, episode: Episode, place: int) -> Tensor:
    """The gradients of one episode, number `place` of its epoch, in place of those before -> `TERMS`."""
    draw = np.random.SeedSequence([state.seed, _number(state, config, place)])
    reseed_dropout(state.model, int(draw.generate_state(1)[0]))
    matching = config.matching
    try:
        matched = state.model(episode)
        rank = rank_term(matched, matching)
        loss = episode_loss(
            matched.distances_QW, episode.query_labels, rank, matching.rank_weight, temperature=matching.temperature
        )
        state.optimiser.zero_grad(set_to_none=True)
        loss["total"].backward()  # type: ignore[no-untyped-call]
    except ValueError as error:  # the matching refuses what is not finite
        raise diverged(state, place, str(error)) from error
    shares = accuracy(matched.distances_QW.detach(), episode.query_labels)
    return torch.stack([loss["total"].detach(), loss["cross_entropy"].detach(), loss["rank"].detach(), shares])


def _of_several(state: TrainingState, config: Config, items: Iterator[Episode], ranks: Ranks) -> list[Tensor]:
    """The mean gradients of a step's episodes, and the statistics after them -> `TERMS` of each episode."""
    n_episodes = config.optimise.episodes_per_step
    weights = [weight for group in state.optimiser.param_groups for weight in group["params"]]
    norms = [norm for norm in state.model.modules() if isinstance(norm, _BatchNorm) and norm.training]
    statistics = [norm.get_buffer(name) for norm in norms for name in ("running_mean", "running_var")]
    places = range(state.episode + ranks.number, state.episode + n_episodes, ranks.count)
    total = _flat([*map(torch.zeros_like, weights), *statistics])
    n_weights = sum(weight.numel() for weight in weights)
    kept = torch.ones_like(total)
    kept[n_weights:] = 1 - MOMENTUM

    def shares() -> list[Tensor]:
        pairs = zip(islice(items, len(places)), places, strict=False)  # after the last step there is no episode
        return [_share(state, config, episode, place, weights, statistics) for episode, place in pairs]

    terms = []
    for of_ranks in map(ranks.gathered, ranks.together(shares)):  # in the order of the episodes
        for share in of_ranks:
            total = kept * total + share[: -len(TERMS)]
            terms.append(share[-len(TERMS) :])
    if terms:
        gradients = [torch.empty_like(weight) for weight in weights]
        _fill(gradients, total[:n_weights] / n_episodes)
        _fill(statistics, total[n_weights:])
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        for norm in norms:
            norm.get_buffer("num_batches_tracked").add_(n_episodes - len(places))  # those of this rank are counted
    return terms


def _share(
    state: TrainingState, config: Config, episode: Episode, place: int, weights: list[Tensor], statistics: list[Tensor]
) -> Tensor:
    """What one episode adds to the gradients and to the running statistics, and its `TERMS`, in one row."""
    for value in statistics:
        value.zero_()
    terms = _gradients(state, config, episode, place)
    gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
    return _flat([*gradients, *statistics, terms])


def _flat(values: list[Tensor]) -> Tensor:
    return torch.cat([value.detach().flatten() for value in values])


def _fill(values: list[Tensor], row: Tensor) -> None:
    """The reverse of `_flat`, in place."""
    for value, piece in zip(values, torch.split(row, [value.numel() for value in values]), strict=True):
        value.copy_(piece.view_as(value))
