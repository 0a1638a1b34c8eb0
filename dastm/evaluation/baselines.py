"""What learning has to beat: ways to measure distances that need no training, by name.

To add one, give it a name in `Baseline` of `dastm.config.schema`, and a row of `BASELINES`; tests compare the two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dastm.config.schema import Baseline
from dastm.episodes.episode import Episode
from dastm.matching.prototypes import prototypes


def coordinate_distances(episode: Episode) -> Tensor:
    """Euclidean distance of a query's coordinates to the mean of each class's supports -> (Q, W).

    Absent bodies count as zeros. No parameters, no alignment in time.
    """
    bodies = max(clips.joints_LMTVC.shape[1] for clips in (episode.support, episode.query))
    support, query = (_flat(clips.joints_LMTVC, bodies) for clips in (episode.support, episode.query))
    centres = prototypes(support, episode.support_labels, len(episode.plan.class_ids))
    distances_QW: Tensor = torch.linalg.vector_norm((query[:, None] - centres).flatten(2), dim=2)
    return distances_QW


def _flat(joints_LMTVC: Tensor, bodies: int) -> Tensor:
    """As many bodies for all, and the frames of one body after the other's -> (L, M T, V, C)."""
    missing = bodies - joints_LMTVC.shape[1]
    return functional.pad(joints_LMTVC, (0, 0) * 3 + (0, missing)).flatten(1, 2)


@dataclass(frozen=True, kw_only=True)
class BaselineRow:
    """One baseline: what it is, in words, and how it measures an episode."""

    words: str
    distances: Callable[[Episode], Tensor] | None
    """Episode -> distances (Q, W); None: the run's own network, with the weights that it began with."""


BASELINES: Mapping[Baseline, BaselineRow] = {
    "coordinates": BaselineRow(words="the coordinates without any network", distances=coordinate_distances),
    "untrained": BaselineRow(words="the network before any training", distances=None),
}
