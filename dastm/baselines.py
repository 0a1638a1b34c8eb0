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
    clips = join(episode.support, episode.query).joints_LMTVC
    n_support, n_way = len(episode.support_labels), len(episode.plan.class_ids)
    flat = clips.flatten(1)[:, None, None, :]  # one frame with one joint, for `prototypes`
    centres = prototypes(flat[:n_support], episode.support_labels, n_way).flatten(1)
    query = flat[n_support:].flatten(1)
    distances_QW: Tensor = torch.linalg.vector_norm(query[:, None, :] - centres[None, :, :], dim=2)
    return distances_QW
