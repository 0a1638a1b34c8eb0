"""One step of the optimiser, on `optimise.episodes_per_step` episodes (`sharing` if these are several)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dastm.config.schema import Config
from dastm.contract.errors import RunError
from dastm.contract.skeleton import Layout
from dastm.episodes.episode import Episode
from dastm.evaluation.accuracy import accuracy
from dastm.layers.dropout import generators, reseed_dropout
from dastm.model.matching.triton_support import MAX_JOINTS, missing
from dastm.model.network import Bodies, rank_term
from dastm.training.capture import Changed, CudaGraphs, Inputs, Recorded, Recorder
from dastm.training.loss import episode_loss
from dastm.training.ranks import ALONE, Ranks
from dastm.training.schedule import learning_rate
from dastm.training.sharing import mean_gradients
from dastm.training.state import TrainingState, clip_gradients, set_rates

TERMS = ("loss", "cross_entropy", "rank", "accuracy")
"""The values that a step reports of each episode."""


def train_step(state: TrainingState, config: Config, items: Iterator[Episode], ranks: Ranks = ALONE) -> list[Tensor]:
    """One step on this rank's next episodes -> `TERMS` of each episode of all ranks, left on the device.

    The result is empty if there was no further episode and so no step.
    Raises: RunError if a value is not finite, or as `items`.
    """
    number = _number(state, config, state.episode)
    set_rates(state.optimiser, learning_rate(config.optimise, number, state.of("train", "loss")))
    if config.optimise.episodes_per_step == 1:
        return [_of_one(state, config, episode) for episode in islice(items, 1)]
    terms = _of_several(state, config, items, ranks)
    if terms:
        _update(state, config)
    return terms


def capture_steps(
    state: TrainingState, config: Config, layout: Layout, device: torch.device, log: Callable[[str], None]
) -> None:
    """From now on steps are replayed as CUDA graphs, if they can be; a line says whether."""

    def tell(reason: str) -> None:
        log(f"seed {state.seed}: steps are not captured: {reason}")

    if reason := unrecordable(config, layout, device):
        tell(reason)
    else:
        log(f"seed {state.seed}: steps are CUDA graphs (experimental)")
        record_steps(state, config, CudaGraphs(lambda: generators(state.model)), tell)


def record_steps(state: TrainingState, config: Config, recorder: Recorder, tell: Callable[[str], None]) -> None:
    """From now on steps are replayed; learning rates become tensors, which stay where they are.

    `tell` is called with the reason if they are computed after all.
    """
    for group in state.optimiser.param_groups:
        group["lr"] = torch.tensor(float(group["lr"]), device=group["params"][0].device)
    changed = Changed(tensors=state.tensors, generators=lambda: generators(state.model))
    state.recorded = Recorded(partial(_step, state, config), recorder, changed, tell)


def unrecordable(config: Config, layout: Layout, device: torch.device) -> str | None:
    """Why the steps of a training cannot be replayed as CUDA graphs, in words; None if they can."""
    matching = config.matching
    if device.type != "cuda":
        return "that is for CUDA alone"
    if config.optimise.episodes_per_step > 1:
        return "they have several episodes"
    if config.backbone.drop_edge:
        return "the bones that DropEdge leaves are drawn on the host"
    if matching.spatial == "activation" and matching.attention == "equations" and matching.frame_distance != "cosine":
        too_many = f"{layout.n_joints} joints are more than {MAX_JOINTS}" if layout.n_joints > MAX_JOINTS else None
        reason = too_many or missing(device)
        return reason and f"the activation looks at values without its kernel: {reason}"
    return None


def diverged(state: TrainingState, episode: int, reason: str) -> RunError:
    """The error for a training whose values are no longer finite."""
    return RunError(
        f"seed {state.seed}, epoch {state.epoch + 1}, about episode {episode}: {reason}; "
        "lower optimise.learning_rate, or set optimise.clip_norm"
    )


def _number(state: TrainingState, config: Config, place: int) -> int:
    """The number in the whole training of the episode that has number `place` in its epoch."""
    return state.epoch * config.optimise.episodes + place


class StepInputs(NamedTuple):
    """What a step reads of an episode, on its device: bodies as in `model.network.Bodies`, labels, path factor."""

    joints_BTVC: Tensor
    clip_B: Tensor
    n_bodies_L: Tensor
    support_labels: Tensor
    query_labels: Tensor
    factor_QL: Tensor | None
    n_way: int


def _prepared(state: TrainingState, config: Config, episode: Episode, place: int) -> StepInputs:
    """All of a step that the host takes part in: its bodies are gathered, and dropout is seeded by its number."""
    draw = np.random.SeedSequence([state.seed, _number(state, config, place)])
    reseed_dropout(state.model, int(draw.generate_state(1)[0]))
    bodies = state.model.bodies(episode.support, episode.query)
    labels = episode.support_labels, episode.query_labels
    factor_QL = state.model.path_factor(episode.query, episode.support)
    return StepInputs(
        bodies.joints_BTVC, bodies.clip_B, bodies.n_bodies_L, *labels, factor_QL, n_way=episode.plan.n_way
    )


def _gradients(state: TrainingState, config: Config, inputs: StepInputs) -> Tensor:
    """The gradients of one episode, in place of those before -> `TERMS`. Nothing in it waits for the device."""
    matching = config.matching
    bodies = Bodies(joints_BTVC=inputs.joints_BTVC, clip_B=inputs.clip_B, n_bodies_L=inputs.n_bodies_L)
    matched = state.model.match(bodies, inputs.support_labels, inputs.n_way, inputs.factor_QL)
    rank = rank_term(matched, matching)
    loss = episode_loss(
        matched.distances_QW, inputs.query_labels, rank, matching.rank_weight, temperature=matching.temperature
    )
    state.optimiser.zero_grad(set_to_none=True)
    loss["total"].backward()  # type: ignore[no-untyped-call]
    shares = accuracy(matched.distances_QW.detach(), inputs.query_labels)
    return torch.stack([loss["total"].detach(), loss["cross_entropy"].detach(), loss["rank"].detach(), shares])


def _update(state: TrainingState, config: Config) -> None:
    """One step of the optimiser along the gradients that there are."""
    clip_gradients(state.optimiser, config.optimise.clip_norm)
    for group in state.optimiser.param_groups:  # Adam refuses to be recorded unless told that it is, and warns if not
        group["capturable"] = torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
    state.optimiser.step()


def _step(state: TrainingState, config: Config, inputs: Inputs) -> Tensor:
    """A whole step on one episode -> `TERMS`; the same work is computed, or recorded and replayed."""
    terms = _gradients(state, config, StepInputs(*inputs))  # type: ignore[arg-type]
    _update(state, config)
    return terms


def _of_one(state: TrainingState, config: Config, episode: Episode) -> Tensor:
    with _finite(state, state.episode):
        inputs = _prepared(state, config, episode, state.episode)
        return _step(state, config, inputs) if state.recorded is None else state.recorded(inputs)


@contextmanager
def _finite(state: TrainingState, place: int) -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # the matching refuses what is not finite
        raise diverged(state, place, str(error)) from error


def _of_several(state: TrainingState, config: Config, items: Iterator[Episode], ranks: Ranks) -> list[Tensor]:
    """The mean gradients of a step's episodes -> `TERMS` of each."""
    weights = [weight for group in state.optimiser.param_groups for weight in group["params"]]
    places = range(state.episode + ranks.number, state.episode + config.optimise.episodes_per_step, ranks.count)

    def piece(episode: Episode, place: int) -> Tensor:
        with _finite(state, place):
            return _gradients(state, config, _prepared(state, config, episode, place))

    pairs = zip(islice(items, len(places)), places, strict=False)  # after the last step there is no episode
    return mean_gradients(state.model, weights, (partial(piece, *pair) for pair in pairs), ranks)
