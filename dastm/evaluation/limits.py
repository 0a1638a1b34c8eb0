"""Fits the `Limits` of a run: the distances beyond which a clip is none of the classes, from episodes with unknown
classes.

In: distances of queries to classes and between examples, of episodes with one, two and more examples per class. Out:
the threshold at which the share of known queries refused equals the share of unknown queries accepted, how it declines
with the number of examples, how it depends on the distances between them, and the most likely temperature of the
scores.

Axes: L examples, Q queries, W ways.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.matching.rejection import LEAST, Limits, class_thresholds, own_distances, scores

TEMPERATURES = np.geomspace(0.02, 1, 80)
"""The most likely of these temperatures is chosen."""
Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """The distances of one episode."""

    distances_QW: Tensor
    labels_Q: Tensor
    """The class of each query; labels from W on are unknown classes."""
    between_LL: Tensor
    support_labels_L: Tensor

    @property
    def n_way(self) -> int:
        """Number of classes with examples."""
        return self.distances_QW.shape[1]


def fit_limits(by_shots: Mapping[int, Sequence[Compared]]) -> Limits:
    """Limits that fit episodes of several numbers of examples a class.

    Args:
        by_shots: examples per class -> episodes; at least two different numbers.

    Raises: ValueError for fewer than two numbers of examples, or if distances are not usually positive.
    """
    if len(by_shots) < 2:
        raise ValueError(f"limits need episodes of two numbers of examples, got {sorted(by_shots)}")
    equal = {shots: equal_error_threshold(*_nearest(episodes)) for shots, episodes in by_shots.items()}
    if min(equal.values()) <= 0:
        raise ValueError("distances are not positive, so their ratios say nothing")
    slope, at_one = np.polyfit(np.log(list(equal)), np.log(list(equal.values())), 1)
    threshold, decline = round(float(np.exp(at_one)), 4), round(float(-slope), 4)
    spreads = [
        np.log(threshold) - decline * np.log(shots - 1) - _mean_log_own(episodes, threshold)
        for shots, episodes in by_shots.items()
        if shots > 1
    ]
    found = Limits(
        threshold=threshold, decline=decline, spread=round(float(np.exp(np.mean(spreads))), 4), temperature=1.0
    )
    return replace(found, temperature=_temperature(found, [one for of in by_shots.values() for one in of]))


def equal_error_threshold(known: Values, unknown: Values) -> float:
    """The distance at which the share of known queries above it equals the share of unknown queries below it."""
    candidates = np.sort(np.concatenate([known, unknown]))
    refused = 1 - np.searchsorted(np.sort(known), candidates, "left") / len(known)
    taken = np.searchsorted(np.sort(unknown), candidates, "left") / len(unknown)
    return float(candidates[np.abs(refused - taken).argmin()])


def _nearest(episodes: Sequence[Compared]) -> tuple[Values, Values]:
    """Nearest distances of the known queries and of the unknown ones."""
    nearest = torch.cat([one.distances_QW.amin(1) for one in episodes]).double().numpy()
    unknown = torch.cat([one.labels_Q >= one.n_way for one in episodes]).numpy()
    return nearest[~unknown], nearest[unknown]


def _mean_log_own(episodes: Sequence[Compared], threshold: float) -> float:
    """The mean logarithm of the distance from an example to the nearest other one of its class."""
    own = torch.cat([own_distances(one.between_LL.double(), one.support_labels_L) for one in episodes])
    return float(own.clamp(min=LEAST * threshold).log().mean())


def _temperature(limits: Limits, episodes: Sequence[Compared]) -> float:
    """The temperature with the largest product of the scores of the right answers."""
    rows = []
    for one in episodes:
        thresholds_W = class_thresholds(one.between_LL, one.support_labels_L, one.n_way, limits)
        rows.append((one.distances_QW, thresholds_W, one.labels_Q.clamp(max=one.n_way)))
    unlikely = [
        -sum(
            float(scores(distances, thresholds, float(t)).gather(1, answers[:, None]).clamp(min=1e-12).log().sum())
            for distances, thresholds, answers in rows
        )
        for t in TEMPERATURES
    ]
    return round(float(TEMPERATURES[int(np.argmin(unlikely))]), 4)
