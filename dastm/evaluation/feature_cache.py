"""Distances of many episodes in evaluation: the features of a clip are computed once, not once per episode.

In: a trained network in evaluation mode, whose features of a clip depend on nothing else, and episodes of one subset.
Out: their distances. The cache holds the features of clips and, if the matching uses paths, their terms. Its memory is
limited: once it is full, further clips are computed each time.

Axes: L clips, M bodies, T frames, V joints, D channels, C coordinates, R terms, Q queries, W ways.
"""

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan
from dastm.model import Recogniser
from dastm.runs.limits import Known

BUDGET = 2 * 2**30
"""Size of the cache in bytes: 10,000 clips of NTU, 8 frames x 25 joints x 256 features in float32."""
Key = tuple[int, int]
"""(class id, position)"""


class FeatureCache:
    """`model.episode_distances` for episodes of one subset, with a cache of `budget` bytes."""

    def __init__(self, model: Recogniser, known: Known | None = None, budget: int = BUDGET) -> None:
        self.model, self.room, self.known = model, budget, known
        self.kept: dict[Key, Tensor] = {}
        """features of that clip (T, V, D)"""
        self.kept_terms: dict[Key, Tensor] = {}
        """terms of its path (M, R, V, C), for as many bodies as the batch had that it first came in"""

    def __call__(self, episode: Episode) -> Tensor:
        """Distances of the episode's queries to its classes -> (Q, W)."""
        support, support_terms = self._features(episode.plan, episode.plan.support, episode.support)
        query, query_terms = self._features(episode.plan, episode.plan.query, episode.query)
        factor_QL = _factor(self.model, query_terms, support_terms)
        return self.model.class_distances(query, support, episode.support_labels, episode.plan.n_way, factor_QL)

    def between(self, episode: Episode) -> Tensor:
        """Distances of the episode's examples to each other -> (L, L)."""
        support, terms = self._features(episode.plan, episode.plan.support, episode.support)
        factor_LL = _factor(self.model, terms, terms)
        return self.model.with_path(self.model.distances(support, support), factor_LL)

    def to_known(self, episode: Episode) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """Distances of the episode's queries and of its examples to the known movements -> (Q, K), (L, K)."""
        if self.known is None:
            return None, None
        plan = episode.plan
        return (
            self._from(*self._features(plan, plan.query, episode.query)),
            self._from(*self._features(plan, plan.support, episode.support)),
        )

    def _from(self, features: Tensor, terms: Tensor | None) -> Tensor:
        known, known_terms = self._movements
        return self.model.with_path(self.model.distances(features, known), _factor(self.model, terms, known_terms))

    @cached_property
    def _movements(self) -> tuple[Tensor, Tensor | None]:
        """Features and terms of the known movements."""
        assert self.known is not None
        clips = self.known.clips().to(next(self.model.parameters()).device)
        terms = self.model.path_terms(clips) if self.model.matcher.options.path_power else None
        return self.model.encode(clips), terms

    def _features(
        self, plan: EpisodePlan, positions: tuple[tuple[int, ...], ...], clips: ClipBatch
    ) -> tuple[Tensor, Tensor | None]:
        """Features of the support or the query of a plan, and terms if the matching uses them."""
        keys = _keys(plan.class_ids, positions)
        features = torch.stack(self._once(self.kept, keys, clips, self.model.encode))
        return features, self.terms(keys, clips) if self.model.matcher.options.path_power else None

    def terms(self, keys: list[Key], clips: ClipBatch) -> Tensor:
        """Terms of clips -> (L, M, R, V, C); bodies that a clip does not have are zeros, as in any batch."""
        terms = self._once(self.kept_terms, keys, clips, self.model.path_terms)
        bodies = max(len(of) for of in terms)
        return torch.stack([functional.pad(of, (0, 0) * 3 + (0, bodies - len(of))) for of in terms])

    def _once(
        self, kept: dict[Key, Tensor], keys: list[Key], clips: ClipBatch, compute: Callable[[ClipBatch], Tensor]
    ) -> list[Tensor]:
        """The result of `compute` for every clip; those not in `kept` are computed together and kept if there is
        room."""
        missing = [place for place, key in enumerate(keys) if key not in kept]
        if not missing:
            return [kept[key] for key in keys]
        computed = compute(clips if len(missing) == len(keys) else clips.at(missing))
        new = dict(zip((keys[place] for place in missing), computed, strict=True))
        found = [new[key] if key in new else kept[key] for key in keys]
        if computed.nbytes <= self.room:
            self.room -= computed.nbytes
            kept.update(new)
        return found


def _factor(model: Recogniser, query: Tensor | None, support: Tensor | None) -> Tensor | None:
    return None if query is None or support is None else model.terms_factor(query, support)


def _keys(class_ids: tuple[int, ...], positions: tuple[tuple[int, ...], ...]) -> list[Key]:
    return [(class_id, i) for class_id, row in zip(class_ids, positions, strict=True) for i in row]
