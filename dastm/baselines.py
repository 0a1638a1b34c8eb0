"""What learning has to beat: the nearest prototype of the normalised coordinates themselves."""

import torch
from torch import Tensor

from dastm.episodes.episode import Episode
from dastm.matching.prototypes import prototypes
from dastm.model import join


def coordinate_distances(episode: Episode) -> Tensor:
    """Euclidean distance of a query's coordinates to the mean of each class's supports -> (Q, W).

    Absent bodies count as zeros. No parameters, no alignment in time.
    """
    clips = join(episode.support, episode.query).joints_LMTVC.flatten(1, 2)  # the frames of one body after the other's
    n_support, n_way = len(episode.support_labels), len(episode.plan.class_ids)
    centres = prototypes(clips[:n_support], episode.support_labels, n_way)
    distances_QW: Tensor = torch.linalg.vector_norm((clips[n_support:, None] - centres).flatten(2), dim=2)
    return distances_QW
