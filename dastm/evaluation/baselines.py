"""Baselines by name: distances that need no training, which a trained network should beat.

To add one, add its name to `Baseline` of `dastm.config.evaluation` and a row to `BASELINES`; tests compare the two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dastm.config.evaluation import Baseline
from dastm.contract.skeleton import Layout
from dastm.episodes.episode import Episode
from dastm.model.matching.examples import to_classes
from dastm.model.matching.path import path_distances, path_terms
from dastm.model.matching.prototypes import prototypes

Distances = Callable[[Episode], Tensor]
"""Episode -> distances (Q, W)."""


def coordinate_distances(episode: Episode) -> Tensor:
    """Euclidean distance of a query's coordinates to the mean of each class's supports -> (Q, W).

    Absent bodies count as zeros. No parameters, no alignment in time.
    """
    bodies = max(clips.joints_LMTVC.shape[1] for clips in (episode.support, episode.query))
    support, query = (_flat(clips.joints_LMTVC, bodies) for clips in (episode.support, episode.query))
    centres = prototypes(support, episode.support_labels, episode.plan.n_way)
    distances_QW: Tensor = torch.linalg.vector_norm((query[:, None] - centres).flatten(2), dim=2)
    return distances_QW


def _flat(joints_LMTVC: Tensor, bodies: int) -> Tensor:
    """The same number of bodies for all clips, and their frames one body after the other -> (L, M T, V, C)."""
    missing = bodies - joints_LMTVC.shape[1]
    return functional.pad(joints_LMTVC, (0, 0) * 3 + (0, missing)).flatten(1, 2)


def path_to_classes(layout: Layout) -> Distances:
    """Path distance of a query to the nearest example of each class (Taranta et al., CHI 2017) -> (Q, W), float64.

    `dastm.model.matching.path` says what is compared, and what is done with absent bodies and joints.
    """

    def distances(episode: Episode) -> Tensor:
        support, query = (
            path_terms(clips.joints_LMTVC, is_image=layout.is_image) for clips in (episode.support, episode.query)
        )
        pairs_QL, n_way = path_distances(query, support), episode.plan.n_way
        return to_classes(pairs_QL, episode.support_labels, n_way, "nearest")

    return distances


@dataclass(frozen=True, kw_only=True)
class BaselineRow:
    """One baseline: its description, and its distances of an episode."""

    words: str
    distances: Callable[[Layout], Distances] | None
    """Layout -> the function that measures an episode; None: the run's own network with its initial weights."""


BASELINES: Mapping[Baseline, BaselineRow] = {
    "coordinates": BaselineRow(words="the coordinates without any network", distances=lambda _: coordinate_distances),
    "path": BaselineRow(words="the directions along the path without any network", distances=path_to_classes),
    "untrained": BaselineRow(words="the network before any training", distances=None),
}
