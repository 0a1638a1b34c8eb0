"""Decides when a query is none of the classes: a limit for each class, the novelty of queries, and reliable scores.

In: distances of queries to classes and between examples, and `Limits`, fitted on the validation classes of an encoder
(`dastm.evaluation.limits`). Out: the distance up to which a clip belongs to a class (a threshold for each class, and
from it the border of each query); the novelty of queries, from 1 on of which they are refused; and scores of the
classes and of "none of these" that sum to one.

The nearest distance tells known from unknown better than a softmax or ratios to other classes (docs/results.md). Which
distance is large depends on the number of examples of a class and, if there are two or more, on the distances between
them; the more examples there are, the more weight these have. It also depends on the query: one that is far from its
rivals may be farther from its class. Rivals are the other classes and the known movements that come with an encoder. So
noisy recordings, which are far from everything, are not refused for that. Negatives (examples of none of the classes)
compete with the classes, and a class that is close to a negative has a lower limit.

Axes: Q queries, L examples, N negatives, K known movements, W ways (classes).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dastm.model.matching.prototypes import check_labels

OF_CLASS, OF_ALL = 8.0, 32.0
"""The number of examples beyond the first, of a class and of all classes together, at which the distances between
examples have the same weight as the validation classes. Chosen on the validation classes of `motion3d`, KARD and
NW-UCLA; values from 4 to 16 and from 16 to 64 make little difference."""
FACTOR = 4.0
"""Largest factor by which examples can make a class wider than usual. They never make it narrower: examples of one
person on one day are similar, and do not show how others perform the action."""
RIVAL_POWER = 0.4
"""The power of the distance to the nearest rival in a border. Chosen on KARD and NW-UCLA; 0.5 does as well there, and
the smaller value was taken."""
LEAST = 1e-6
"""Smallest distance, as a share of the threshold, because ratios of distances need positive ones."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of an encoder, measured on its validation classes. Raises: ValueError for values out of range."""

    threshold: float
    """The distance to the only example of a class at which the share of known queries refused equals that of unknown
    ones accepted."""
    decline: float
    """With n examples per class the threshold is divided by n to this power."""
    spread: float
    """The threshold as a multiple of the distance from an example to the nearest other one of its class."""
    temperature: float
    """Scores are proportional to the distance to the power -1 / temperature."""
    rival: float | None = None
    """The usual distance of a known query to its nearest rival; None: thresholds are the same for all queries."""

    def __post_init__(self) -> None:
        positive = (self.threshold, self.spread, self.temperature, 1.0 if self.rival is None else self.rival)
        if not all(map(math.isfinite, (*positive, self.decline))) or min(positive) <= 0:
            raise ValueError(f"limits must be finite, and but for decline positive, got {self}")


USUAL = Limits(threshold=0.57, decline=0.155, spread=1.38, temperature=0.2)
"""Default limits for runs without their own, about those of `motion3d`."""


def own_distances(between_LL: Tensor, labels_L: Tensor) -> Tensor:
    """Distance of each example to the nearest other one of its class -> (L,); infinite where there is none."""
    others_LL = labels_L[:, None] == labels_L
    others_LL.fill_diagonal_(False)
    return between_LL.masked_fill(others_LL.logical_not(), torch.inf).amin(1)


def class_thresholds(
    between_LL: Tensor,
    labels_L: Tensor,
    n_way: int,
    limits: Limits,
    to_known_LK: Tensor | None = None,
    to_negatives_LN: Tensor | None = None,
) -> Tensor:
    """The distance to a class from which on a query does not belong to it -> (W,), float64.

    With one example per class it is `limits.threshold` for all. Distances between the examples of a class, and of all
    classes together (one person, one camera), move its logarithm by n / (n + OF_CLASS) and n / (n + OF_ALL) of the way,
    where n counts the examples beyond the first of each class. These distances are first divided by what rivals make of
    a threshold at that example (`reaches`). If a negative is nearer to an example than the threshold, it is the
    geometric mean of both.
    Shapes: between_LL (L, L) distances between examples, labels_L (L,) in 0..n_way-1, to_known_LK (L, K),
    to_negatives_LN (L, N).
    Raises: ValueError if the shapes do not fit or a class has no example.
    """
    if between_LL.shape != (len(labels_L),) * 2:
        raise ValueError(f"expected distances (L, L) of {len(labels_L)} examples, got {tuple(between_LL.shape)}")
    check_labels(between_LL[:, :, None, None], labels_L, n_way)
    count_W = torch.bincount(labels_L, minlength=n_way).double()
    usual_W = math.log(limits.threshold) - limits.decline * count_W.log()
    own_L = own_distances(between_LL, labels_L).double() / reaches(
        example_rivals(between_LL, labels_L, to_known_LK), limits
    )
    spare_W, told_W = count_W - 1, _told(own_L, labels_L, count_W, limits) - usual_W
    all_told = (spare_W * told_W).sum() / spare_W.sum().clamp(min=1)
    all_told = all_told * spare_W.sum() / (spare_W.sum() + OF_ALL)
    log_W = usual_W + all_told + spare_W / (spare_W + OF_CLASS) * (told_W - all_told)
    if to_negatives_LN is not None and to_negatives_LN.shape[1]:
        nearest_L = _positive(to_negatives_LN, limits.threshold).log().amin(1)
        nearest_W = torch.full_like(log_W, torch.inf).scatter_reduce(0, labels_L, nearest_L, "amin")
        log_W = torch.minimum(log_W, (log_W + nearest_W) / 2)
    return log_W.exp()


def _told(own_L: Tensor, labels_L: Tensor, count_W: Tensor, limits: Limits) -> Tensor:
    """The logarithm of the threshold as the examples of each class tell it -> (W,); as is usual where they do not."""
    usual_W = math.log(limits.threshold) - limits.decline * count_W.log()
    mean_W = torch.zeros_like(count_W).index_add(0, labels_L, _positive(own_L, limits.threshold).log()) / count_W
    # An example is compared with one fewer than a query is, so it is a little farther away.
    fewer_W = limits.decline * ((count_W - 1).clamp(min=1) / count_W).log()
    told_W = math.log(limits.spread) + mean_W + fewer_W
    farthest = math.log(FACTOR)
    return torch.where(count_W > 1, torch.clamp(told_W, usual_W, usual_W + farthest), usual_W)


def borders(
    distances_QW: Tensor,
    thresholds_W: Tensor,
    limits: Limits,
    to_known_QK: Tensor | None = None,
    to_negatives_QN: Tensor | None = None,
) -> Tensor:
    """The distance at which each query is refused -> (Q,), float64.

    It is the threshold of the nearest class, times a power of the distance to the nearest rival as a multiple of
    `limits.rival`; or the distance to the nearest negative where that is less.
    Shapes: distances_QW (Q, W), thresholds_W (W,), to_known_QK (Q, K), to_negatives_QN (Q, N).
    """
    border_Q = thresholds_W.double()[distances_QW.argmin(1)]
    border_Q = border_Q * reaches(nearest_rivals(distances_QW, to_known_QK), limits)
    if to_negatives_QN is None or not to_negatives_QN.shape[1]:
        return border_Q
    return torch.minimum(border_Q, _positive(to_negatives_QN, border_Q[:, None]).amin(1))


def nearest_rivals(distances_QW: Tensor, to_known_QK: Tensor | None) -> Tensor:
    """The distance of each query to the nearest of the other classes and the known movements -> (Q,), float64.

    Infinite where there is none. Shapes: as `borders`.
    """
    return _nearest_of(distances_QW.double().scatter(1, distances_QW.argmin(1, keepdim=True), torch.inf), to_known_QK)


def example_rivals(between_LL: Tensor, labels_L: Tensor, to_known_LK: Tensor | None) -> Tensor:
    """The distance of each example to the nearest example of another class or known movement -> (L,), float64."""
    return _nearest_of(between_LL.double().masked_fill(labels_L[:, None] == labels_L, torch.inf), to_known_LK)


def _nearest_of(others_QX: Tensor, to_known_QK: Tensor | None) -> Tensor:
    """The least of each row of both -> (Q,)."""
    return (others_QX if to_known_QK is None else torch.cat([others_QX, to_known_QK.double()], dim=1)).amin(1)


def reaches(rival_Q: Tensor, limits: Limits) -> Tensor:
    """The factors by which the distance to the nearest rival changes thresholds -> (Q,); 1 without a rival."""
    if limits.rival is None:
        return torch.ones_like(rival_Q)
    share_Q = (_positive(rival_Q, limits.rival) / limits.rival) ** RIVAL_POWER
    return torch.where(rival_Q.isinf(), 1.0, share_Q)


def novelties(distances_QW: Tensor, border_Q: Tensor) -> Tensor:
    """The novelty of queries -> (Q,), float64: below 1 they belong to their nearest class, from 1 on to none of these.

    It is the distance to the nearest class divided by the border. Shapes: distances_QW (Q, W), border_Q (Q,).
    """
    return distances_QW.double().amin(1) / border_Q


def scores(distances_QW: Tensor, border_Q: Tensor, temperature: float) -> Tensor:
    """Scores of the classes and, last, of "none of these" -> (Q, W + 1), float64, rows sum to one.

    A softmax of the negative logarithms of the distances, and of the distance at which the query is refused, divided by
    the temperature. The largest score is that of the nearest class if the novelty is below 1, else that of "none of
    these".
    Shapes: as `novelties`.
    """
    logits_QW = -(_positive(distances_QW, border_Q[:, None]) / border_Q[:, None]).log() / temperature
    return torch.cat([logits_QW, torch.zeros_like(border_Q)[:, None]], dim=1).softmax(1)


def _positive(distances: Tensor, of: float | Tensor) -> Tensor:
    return torch.maximum(distances.double(), torch.as_tensor(of, dtype=torch.float64, device=distances.device) * LEAST)
