"""Distances to examples -> which action a clip shows, or none of them, and how sure that is.

In: distances of clips to all examples, and between examples. Out: one `Decision` per clip. The limits that make a clip
"none of these", and the scores, are computed in `dastm.model.matching.rejection`.

Axes: Q clips to recognise, L examples, N negatives, W actions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from dastm.config.schema import Examples
from dastm.model.matching.examples import to_classes
from dastm.model.matching.rejection import Limits, borders, class_thresholds, scores

Action = TypeVar("Action")


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """How far from the examples of each action a clip is, and may be."""

    own: Sequence[Sequence[int]]
    """For each action, the places of its examples among all that show an action."""
    examples: Examples
    """What the distance to an action is of those to its examples (`dastm.model.matching.examples`)."""
    thresholds_W: Tensor
    limits: Limits


def judge_of(
    between_LL: Tensor,
    labels: Sequence[int],
    to_known_LK: Tensor | None,
    to_negatives_LN: Tensor,
    limits: Limits,
    examples: Examples,
) -> Judge:
    """The limits of the actions, from the distances of their examples to each other, to the movements that come with
    the encoder, and to the negatives."""
    labels_L = torch.tensor(labels)
    thresholds_W = class_thresholds(between_LL, labels_L, max(labels) + 1, limits, to_known_LK, to_negatives_LN)
    own = [places for _, places in sorted(by_action(labels).items())]
    return Judge(own=own, examples=examples, thresholds_W=thresholds_W, limits=limits)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An action that a clip may show."""

    action: str
    score: float
    """From 0 to 1; the scores of all actions and of `none of these` add up to 1."""
    distance: float
    """The distance to the action, made of those to its examples (`Judge.examples`); for an event, to the nearest."""
    example: int
    """The index of its nearest example."""
    nearest: float
    """The distance to that example."""

    def to_dict(self) -> dict[str, Any]:
        """The values for JSON, without the nearest example."""
        return {"action": self.action, "score": self.score, "distance": self.distance}


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The decision about one clip."""

    action: str | None
    """The recognised action; None for none of these."""
    score: float
    """The score of `action`, or of none of these, from 0 to 1."""
    novelty: float
    """The distance to the nearest action divided by its limit; from 1 on the clip is none of these."""
    border: float
    """The limit of this clip: the distance from which on it is none of these."""
    margin: float
    """How much farther away the second nearest action is; infinite for a single action."""
    candidates: tuple[Candidate, ...]
    """Every action, the nearest first."""


def decide(
    distances_QL: Tensor, to_negatives_QN: Tensor, to_known_QK: Tensor | None, actions: Sequence[str], judge: Judge
) -> list[Decision]:
    """Decide about each clip, from its distances to the examples of the actions, to the negatives, and to the movements
    that come with the encoder."""
    distances_QW = to_actions(distances_QL, judge.own, judge.examples)
    example_QW = torch.stack([torch.tensor(own)[distances_QL[:, own].argmin(1)] for own in judge.own], dim=1)
    nearest_QW = distances_QL.gather(1, example_QW)
    border_Q = borders(distances_QW, judge.thresholds_W, judge.limits, to_known_QK, to_negatives_QN)
    scores_QX = scores(distances_QW, border_Q, judge.limits.temperature)
    found = distances_QW.tolist(), example_QW.tolist(), nearest_QW.tolist()
    rows = zip(*found, border_Q.tolist(), scores_QX.tolist(), strict=True)
    return [_decision(*row, actions) for row in rows]


def by_action(shown: Iterable[Action]) -> dict[Action, list[int]]:
    """The action that each example shows -> the places of the examples of each, in the order of the first ones."""
    places: dict[Action, list[int]] = {}
    for place, action in enumerate(shown):
        places.setdefault(action, []).append(place)
    return places


def to_actions(distances_QL: Tensor, own: Sequence[Sequence[int]], examples: Examples) -> Tensor:
    """Distances to actions, from those to all examples and the places of each action's own -> (Q, W).

    One action after the other: all at once would take clips x actions x examples.
    """
    each = [distances_QL[:, places] for places in own]
    return torch.cat([to_classes(away_QE, torch.zeros(away_QE.shape[1]), 1, examples) for away_QE in each], dim=1)


def _decision(
    distances: list[float],
    examples: list[int],
    nearest: list[float],
    border: float,
    scores: list[float],
    actions: Sequence[str],
) -> Decision:
    order = sorted(range(len(actions)), key=lambda w: distances[w])
    first = order[0]
    margin = distances[order[1]] - distances[first] if len(order) > 1 else float("inf")
    novelty = distances[first] / border
    known = novelty < 1
    return Decision(
        action=actions[first] if known else None,
        score=scores[first] if known else scores[-1],
        novelty=novelty,
        border=border,
        margin=margin,
        candidates=tuple(
            Candidate(
                action=actions[w], score=scores[w], distance=distances[w], example=examples[w], nearest=nearest[w]
            )
            for w in order
        ),
    )
