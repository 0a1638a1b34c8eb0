"""Ways to tell known queries from unknown ones, each measured on the same episodes: what `dastm eval --open-set` adds.

In: episodes with unknown classes, as distances (`limits.Compared`). Out: one `OpenRow` per way, with the measures of
every episode (`open_set`), for metrics.json and open_set.csv. The ways:
  limits        distance to the nearest class over the limit of that class (see `matching.rejection`), with scores
  nearest       the distance to the nearest class
  softmax       the negative of the largest softmax of the negative distances, at the temperature of the training
  garbage       the distance to the nearest class over the mean distance to the other classes of the episode

Axes: E episodes, Q queries, W ways.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.evaluation.feature_cache import FeatureCache
from dastm.evaluation.intervals import mean_interval
from dastm.evaluation.limits import Compared
from dastm.evaluation.open_set import (
    Truths,
    Values,
    aupr,
    auroc,
    calibration_error,
    fpr_at_95,
    open_accuracy,
    oscr,
    reliability,
    resampled_interval,
)
from dastm.model.matching.rejection import Limits, novelties, scores

Way = Literal["limits", "nearest", "softmax", "garbage"]
WORDS: dict[Way, str] = {
    "limits": "limits",
    "nearest": "nearest distance",
    "softmax": "largest softmax",
    "garbage": "garbage class",
}
MEASURES = ("open_accuracy", "auroc", "aupr", "fpr_at_95", "oscr")
HEADS = {
    "open_accuracy": "open acc",
    "auroc": "AUROC",
    "aupr": "AUPR",
    "fpr_at_95": "FPR95",
    "oscr": "OSCR",
    "ece": "ECE",
}
"""Measure -> its heading in tables; the calibration error comes last."""
FIELDS = ("row", "way", "seed", "episode", *MEASURES)


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenRow:
    """One way on all episodes, of one seed."""

    name: str
    way: Way
    seed: int
    by_measure: dict[str, Values]
    """Measure -> its value in every episode; without open-set accuracy if the way has no limit."""
    score_EQ: Values | None = None
    """The scores of the answers, if the way has scores."""
    answered_EQ: Truths | None = None
    """Whether these answers are right."""


@dataclass(eq=False)
class Opened:
    """Gathers one network or baseline on its episodes, as they come."""

    cache: FeatureCache | None = None
    """The distances of the network; None if limits are not used."""
    compared: list[Compared] = field(default_factory=list)

    def add(self, episode: Any, distances_QW: Tensor) -> None:
        """Add the distances of an episode."""
        self.compared.append(Compared.of(episode, distances_QW, self.cache))

    def known_accuracies(self) -> Values:
        """For every episode, the share of known queries whose nearest class is their own."""
        if any(bool(one.distances_QW.isnan().any()) for one in self.compared):
            raise ValueError("distances hold nan")
        known = [(one.distances_QW.argmin(1) == one.labels_Q)[one.labels_Q < one.n_way] for one in self.compared]
        return np.array([float(right.double().mean()) for right in known])


def open_rows(
    name: str, seed: int, compared: Sequence[Compared], limits: Limits | None, temperature: float | None
) -> list[OpenRow]:
    """The ways that can be computed: `limits` needs limits, `softmax` a temperature."""
    rows = []
    if limits is not None:
        rows.append(_with_limits(name, seed, compared, limits))
    rows.append(_row(name, "nearest", seed, compared, [one.distances_QW.amin(1) for one in compared]))
    if temperature is not None:
        shares = [(-one.distances_QW.double() / temperature).softmax(1).amax(1) for one in compared]
        rows.append(_row(name, "softmax", seed, compared, [-share for share in shares], score=shares))
        rows.append(_row(name, "garbage", seed, compared, [_beside_others(one.distances_QW) for one in compared]))
    return rows


def _with_limits(name: str, seed: int, compared: Sequence[Compared], limits: Limits) -> OpenRow:
    novelty, score, answered = [], [], []
    for one in compared:
        border_Q = one.borders(limits)
        novelty.append(novelties(one.distances_QW, border_Q))
        best_Q, answer_Q = scores(one.distances_QW, border_Q, limits.temperature).max(1)
        score.append(best_Q)
        answered.append(answer_Q == one.labels_Q.clamp(max=one.n_way))
    return _row(name, "limits", seed, compared, novelty, score=score, answered=answered, has_limit=True)


def _beside_others(distances_QW: Tensor) -> Tensor:
    """The nearest distance divided by the mean of the others -> (Q,)."""
    nearest_Q = distances_QW.double().amin(1)
    others_Q = (distances_QW.double().sum(1) - nearest_Q) / (distances_QW.shape[1] - 1)
    return nearest_Q / others_Q


def _row(
    name: str,
    way: Way,
    seed: int,
    compared: Sequence[Compared],
    novelty: Sequence[Tensor],
    *,
    score: Sequence[Tensor] | None = None,
    answered: Sequence[Tensor] | None = None,
    has_limit: bool = False,
) -> OpenRow:
    novelty_EQ, unknown_EQ = _stacked(novelty), _stacked([one.labels_Q >= one.n_way for one in compared])
    right_EQ = _stacked([one.distances_QW.argmin(1) == one.labels_Q for one in compared])
    episodes = list(zip(novelty_EQ, unknown_EQ, right_EQ, strict=True))
    by_measure = {
        **({"open_accuracy": np.array([open_accuracy(*one) for one in episodes])} if has_limit else {}),
        **{
            of.__name__: np.array([of(new, unknown) for new, unknown, _ in episodes]) for of in (auroc, aupr, fpr_at_95)
        },
        "oscr": np.array([oscr(*one) for one in episodes]),
    }
    return OpenRow(
        name=name,
        way=way,
        seed=seed,
        by_measure=by_measure,
        score_EQ=None if score is None else _stacked(score),
        answered_EQ=None if score is None else right_EQ if answered is None else _stacked(answered),
    )


def _stacked(rows: Sequence[Tensor]) -> NDArray[Any]:
    return np.asarray(torch.stack(list(rows)).numpy())


def open_summary(rows: Sequence[OpenRow]) -> dict[str, Any]:
    """The part of metrics.json on unknown classes: row -> way -> measures in % with intervals, and the calibration."""
    groups: dict[tuple[str, Way], list[OpenRow]] = {}
    for row in rows:
        groups.setdefault((row.name, row.way), []).append(row)
    found: dict[str, Any] = {}
    for (name, way), of in groups.items():
        entry: dict[str, Any] = {
            measure: mean_interval(np.mean([row.by_measure[measure] for row in of], axis=0))
            for measure in MEASURES
            if measure in of[0].by_measure
        }
        found.setdefault(name, {})[way] = {**entry, **_held(of)}
    return found


def _held(rows: Sequence[OpenRow]) -> dict[str, Any]:
    """Calibration error in % with its interval, and its bins; empty if a way has no scores."""
    pairs = [(row.score_EQ, row.answered_EQ) for row in rows]
    known = [(score, right) for score, right in pairs if score is not None and right is not None]
    if not known:
        return {}
    score_EQ, right_EQ = (np.concatenate(side, axis=1) for side in zip(*known, strict=True))

    def error(episodes: NDArray[np.int64]) -> float:
        return 100 * calibration_error(score_EQ[episodes].ravel(), right_EQ[episodes].ravel())

    interval = resampled_interval(error, len(score_EQ))
    return {
        "ece": {"mean": round(error(np.arange(len(score_EQ))), 4), "interval": round(interval, 4)},
        "reliability": [
            {key: round(value, 6) for key, value in one.items()}
            for one in reliability(score_EQ.ravel(), right_EQ.ravel())
        ],
    }


def open_cells(rows: Sequence[OpenRow]) -> list[dict[str, Any]]:
    """The lines of open_set.csv: one per row, way, seed and episode."""
    return [
        {
            "row": row.name,
            "way": row.way,
            "seed": row.seed,
            "episode": number,
            **{measure: f"{values[number]:.6f}" for measure, values in row.by_measure.items()},
        }
        for row in rows
        for number in range(len(row.by_measure["auroc"]))
    ]


def open_lines(found: dict[str, Any]) -> list[str]:
    """The table that `dastm eval` prints."""
    lines = ["  known or none of these" + " " * 18 + "".join(f"{head:>15}" for head in HEADS.values())]
    for name, ways in found["rows"].items():
        for way, entry in ways.items():
            cells = [
                f"{entry[key]['mean']:.2f} ± {entry[key]['interval']:.2f}" if key in entry else "-" for key in HEADS
            ]
            lines.append(f"  {name + ': ' + WORDS[way]:<40}" + "".join(f"{cell:>15}" for cell in cells))
    return lines
