"""Fits the `Limits` of a run: the distances beyond which a clip is none of the classes, from episodes with unknown
classes.

In: distances of queries to classes and to known movements, and between examples, of episodes with one, two and more
examples per class. Out: the usual distance to a rival; the threshold at which the share of known queries refused equals
the share of unknown queries accepted, how it declines with the number of examples, how it depends on the distances
between them; and the most likely temperature of the scores.

Axes: L examples, Q queries, W ways, K known movements.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.episodes.episode import Episode
from dastm.evaluation.feature_cache import FeatureCache
from dastm.model.matching.rejection import (
    LEAST,
    Limits,
    borders,
    class_thresholds,
    example_rivals,
    nearest_rivals,
    own_distances,
    reaches,
    scores,
)

TEMPERATURES = np.geomspace(0.02, 1, 80)
"""The most likely of these temperatures is chosen."""
EVEN = Limits(threshold=1.0, decline=0.0, spread=1.0, temperature=1.0)
"""With these limits a border is what rivals alone make of it."""
Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """The distances of one episode."""

    distances_QW: Tensor
    labels_Q: Tensor
    """The class of each query; labels from W on are unknown classes."""
    between_LL: Tensor
    support_labels_L: Tensor
    to_known_QK: Tensor | None = None
    """Distances of the queries to the movements that come with the encoder; infinite for one that must not count."""
    examples_to_known_LK: Tensor | None = None
    """Distances of the examples to the movements that come with the encoder; infinite for one that must not count."""

    @staticmethod
    def of(episode: Episode, distances_QW: Tensor, cache: FeatureCache | None) -> "Compared":
        """An episode on the CPU; without a cache there are no distances but those given."""
        nothing = distances_QW.new_zeros(0, 0)
        of_queries, of_examples = (None, None) if cache is None else cache.to_known(episode)
        return Compared(
            distances_QW=distances_QW.cpu(),
            labels_Q=episode.query_labels.cpu(),
            between_LL=nothing if cache is None else cache.between(episode).cpu(),
            support_labels_L=episode.support_labels.cpu(),
            to_known_QK=None if of_queries is None else of_queries.cpu(),
            examples_to_known_LK=None if of_examples is None else of_examples.cpu(),
        )

    @property
    def n_way(self) -> int:
        """Number of classes with examples."""
        return self.distances_QW.shape[1]

    def thresholds(self, limits: Limits) -> Tensor:
        """`class_thresholds` of its examples -> (W,)."""
        return class_thresholds(self.between_LL, self.support_labels_L, self.n_way, limits, self.examples_to_known_LK)

    def borders(self, limits: Limits) -> Tensor:
        """The distance at which each query is refused -> (Q,)."""
        return borders(self.distances_QW, self.thresholds(limits), limits, self.to_known_QK)


def fit_limits(by_shots: Mapping[int, Sequence[Compared]]) -> Limits:
    """Limits that fit episodes of several numbers of examples a class.

    Args:
        by_shots: examples per class -> episodes; at least two different numbers.

    Raises: ValueError for fewer than two numbers of examples, or if distances are not usually positive.
    """
    if len(by_shots) < 2:
        raise ValueError(f"limits need episodes of two numbers of examples, got {sorted(by_shots)}")
    rival = _usual_rival([one for of in by_shots.values() for one in of])
    equal = {shots: equal_error_threshold(*_nearest(episodes, rival)) for shots, episodes in by_shots.items()}
    if min(equal.values()) <= 0:
        raise ValueError("distances are not positive, so their ratios say nothing")
    slope, at_one = np.polyfit(np.log(list(equal)), np.log(list(equal.values())), 1)
    threshold, decline = round(float(np.exp(at_one)), 4), round(float(-slope), 4)
    spreads = [
        np.log(threshold) - decline * np.log(shots - 1) - _mean_log_own(episodes, threshold, rival)
        for shots, episodes in by_shots.items()
        if shots > 1
    ]
    spread = round(float(np.exp(np.mean(spreads))), 4)
    found = Limits(threshold=threshold, decline=decline, spread=spread, temperature=1.0, rival=rival)
    return replace(found, temperature=_temperature(found, [one for of in by_shots.values() for one in of]))


def equal_error_threshold(known: Values, unknown: Values) -> float:
    """The distance at which the share of known queries above it equals the share of unknown queries below it."""
    candidates = np.sort(np.concatenate([known, unknown]))
    refused = 1 - np.searchsorted(np.sort(known), candidates, "left") / len(known)
    taken = np.searchsorted(np.sort(unknown), candidates, "left") / len(unknown)
    return float(candidates[np.abs(refused - taken).argmin()])


def _usual_rival(episodes: Sequence[Compared]) -> float | None:
    """The geometric mean of what known queries are away from their nearest rival; None: there are no movements."""
    if any(one.to_known_QK is None for one in episodes):
        return None
    rivals = [nearest_rivals(one.distances_QW, one.to_known_QK)[one.labels_Q < one.n_way] for one in episodes]
    return round(float(torch.cat(rivals).clamp(min=LEAST).log().mean().exp()), 4) or LEAST


def _nearest(episodes: Sequence[Compared], rival: float | None) -> tuple[Values, Values]:
    """Nearest distances of the known queries and of the unknown ones, as if their rivals were as far as usual."""
    even = replace(EVEN, rival=rival)
    nearest = [
        one.distances_QW.amin(1) / reaches(nearest_rivals(one.distances_QW, one.to_known_QK), even) for one in episodes
    ]
    unknown = torch.cat([one.labels_Q >= one.n_way for one in episodes]).numpy()
    values = torch.cat(nearest).numpy()
    return values[~unknown], values[unknown]


def _mean_log_own(episodes: Sequence[Compared], threshold: float, rival: float | None) -> float:
    """The mean logarithm of the distance from an example to the nearest other one of its class, as if likewise."""
    even, own = replace(EVEN, rival=rival), []
    for one in episodes:
        rivals_L = example_rivals(one.between_LL, one.support_labels_L, one.examples_to_known_LK)
        own.append(own_distances(one.between_LL.double(), one.support_labels_L) / reaches(rivals_L, even))
    return float(torch.cat(own).clamp(min=LEAST * threshold).log().mean())


def _temperature(limits: Limits, episodes: Sequence[Compared]) -> float:
    """The temperature with the largest product of the scores of the right answers."""
    rows = [(one.distances_QW, one.borders(limits), one.labels_Q.clamp(max=one.n_way)) for one in episodes]
    unlikely = [
        -sum(
            float(scores(distances, border, float(t)).gather(1, answers[:, None]).clamp(min=1e-12).log().sum())
            for distances, border, answers in rows
        )
        for t in TEMPERATURES
    ]
    return round(float(TEMPERATURES[int(np.argmin(unlikely))]), 4)
