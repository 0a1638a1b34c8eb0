"""The validation of a training: a network and the classes kept for it -> the accuracy of every episode.

In: the source as validation sees it, and the state of a training. Out: the same accuracies for any number of ranks. Of
R ranks, rank r encodes a share of the clips and scores the episodes i with i mod R = r.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from dastm.config.evaluation import EvalConfig
from dastm.config.schema import Config
from dastm.episodes.augmentation import center_frames
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.several import viewed
from dastm.evaluation.evaluator import prepared, score
from dastm.evaluation.feature_cache import FeatureCache
from dastm.evaluation.intervals import Accuracies
from dastm.training.ranks import Ranks
from dastm.training.state import TrainingState
from dastm.training.step import diverged

T = TypeVar("T")


def as_validated(source: EpisodeSource, config: Config) -> EpisodeSource:
    """The source as validation sees it."""
    augment = config.augment
    return viewed(source, lambda one: center_frames(one, augment.n_frames, augment.sampling))


def validate(
    seen: EpisodeSource, config: Config, state: TrainingState, device: torch.device, ranks: Ranks
) -> Accuracies:
    """Accuracies on the validation episodes: the same for every seed, and every epoch unless `val_draw: new`.

    Rank 0 announces it, with the network; the others call it when they hear of it.

    Raises: RunError if features or distances are not finite.
    """
    if ranks.first:
        ranks.announce("validation", state.network())
    state.model.eval()
    shape, optimise = config.episode, config.optimise
    protocol = EvalConfig(
        subset="val",
        n_way=shape.n_way,
        k_shot=shape.k_shot,
        n_query=optimise.val_query,
        episodes=optimise.val_episodes,
        seed=0,
    )
    epoch, label = state.epoch if optimise.val_draw == "new" else 0, "validation" if ranks.first else None

    def finite(work: Callable[[], T]) -> T:
        try:
            return work()
        except ValueError as error:  # the last step left weights that are not finite
            raise diverged(state, state.episode, str(error)) from error

    def divide(works: Sequence[Callable[[], Tensor]]) -> Iterator[Tensor]:
        return ranks.in_turn([partial(finite, work) for work in works])

    def together(work: Callable[[], T]) -> T:
        return ranks.together(partial(finite, work))

    cache, numbers = FeatureCache(state.model), range(ranks.number, protocol.episodes, ranks.count)
    source = prepared(cache, seen, protocol, device, label, epoch, divide=divide, together=together)
    scored = partial(score, source, protocol, cache, device, label, epoch, numbers=numbers)
    own = torch.full((-(-protocol.episodes // ranks.count),), torch.nan, dtype=torch.float64)
    own[: len(numbers)] = torch.from_numpy(together(scored))
    return np.asarray(torch.stack(ranks.gathered(own), dim=1).flatten()[: protocol.episodes])
