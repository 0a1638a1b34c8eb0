"""The objective (Eq. 1 and 8): distances and labels in, cross entropy plus weighted rank term out, term by term.

Axes: Q queries, W ways.
"""

import math

from torch import Tensor
from torch.nn import functional

from dastm.evaluation.accuracy import check_distances


def episode_loss(
    distances_QW: Tensor,
    query_labels: Tensor,
    rank_term: Tensor | None,
    rank_weight: float,
    temperature: float = 1.0,
) -> dict[str, Tensor]:
    """Cross entropy of softmax(-distance) plus the weighted rank term L_dis, which is zero or negative.

    Shapes: distances_QW (Q, W), query_labels (Q,) integers in 0..W-1, rank_term () or None for a method without one.
    Returns scalars: total = cross_entropy + rank_weight * rank; rank is the term itself, 0 for a method without one.
    `temperature` divides the distances; 1 is the paper's equation.
    Raises: ValueError if the shapes do not fit, temperature is not above 0, or rank_weight is negative or not finite.
    """
    check_distances(distances_QW, query_labels)
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ValueError(f"temperature must be above 0 and finite, got {temperature}")
    if not (rank_weight >= 0 and math.isfinite(rank_weight)):
        raise ValueError(f"rank_weight must be at least 0 and finite, got {rank_weight}")
    cross_entropy = functional.cross_entropy(-distances_QW / temperature, query_labels)
    rank = distances_QW.new_zeros(()) if rank_term is None else rank_term
    return {"total": cross_entropy + rank_weight * rank, "cross_entropy": cross_entropy, "rank": rank}
