"""Counts the predictions of one row of an evaluation: confusions between classes, and misclassified clips.

In: the table of predictions.parquet, and the names of classes and clips. Out: `Mistakes`, numbers and names alone;
`figures.confusion` draws the matrix. Several seeds are counted together.

Axes: W classes, the true one in rows, the one that a query was taken for in columns.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from dastm.contract.wording import listed

MOST_CLASSES = 30
"""Largest readable matrix. If there are more classes, the worst ones have rows, and the others share one column."""
MOST_CLIPS = 40
"""Number of misclassified clips that are listed, the worst first."""
OTHERS = "others"
ClipName = Callable[[int, int], str]
"""(class id, position among its clips) -> name of the clip."""


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """The result for the queries of one class."""

    name: str
    queries: int
    right: int
    taken_for: str
    """The class that it is most often confused with, with the percentage of its queries; empty: none."""

    @property
    def accuracy(self) -> float:
        """The share of right answers, in %."""
        return 100 * self.right / self.queries


@dataclass(frozen=True, kw_only=True)
class MisjudgedClip:
    """One clip that was misclassified at least once."""

    key: tuple[int, int]
    """Class id, and position among its clips."""
    clip: str
    name: str
    """The name of its class."""
    wrong: int
    asked: int
    """The number of times that it was a query."""
    taken_for: str
    """The classes that it was taken for, each with how often, the most frequent first."""
    episodes: str
    """The numbers of the episodes in which it was misclassified, counted from 1."""


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """All mistakes of one row of an evaluation."""

    row: str
    rows: tuple[str, ...]
    """Names of the classes that have a row in the matrix."""
    columns: tuple[str, ...]
    """The same, and `others` where classes are left out."""
    shares_WW: NDArray[np.float64]
    """Of the queries of a row's class, the share that was taken for the column's; rows add up to 1."""
    classes: tuple[ClassScore, ...]
    """Of all classes, the worst first."""
    clips: tuple[MisjudgedClip, ...]
    """The worst `MOST_CLIPS`."""
    n_clips: int
    """How many were misjudged."""


def mistakes(table: Any, row: str, names: Mapping[int, str], clip_name: ClipName) -> Mistakes:
    """Count the predictions of one row.

    Args:
        names: class id -> name; a class that is not there is called by its number.
    """
    own = table.filter(pc.equal(table["row"], row))
    true_Q, taken_Q, clip_Q, episode_Q = (own[key].to_numpy() for key in ("class_id", "predicted", "clip", "episode"))
    ids = np.unique(np.concatenate([true_Q, taken_Q]))
    called = {int(class_id): names.get(int(class_id), f"class {class_id}") for class_id in ids}
    counts_WW = np.zeros((len(ids), len(ids)), dtype=np.int64)
    np.add.at(counts_WW, (np.searchsorted(ids, true_Q), np.searchsorted(ids, taken_Q)), 1)
    classes = _classes(counts_WW, list(called.values()))
    queries = zip(*(column.tolist() for column in (true_Q, clip_Q, taken_Q, episode_Q)), strict=True)
    clips = _misjudged(queries, called, clip_name)
    rows, columns, shares_WW = _matrix(counts_WW, list(called.values()))
    return Mistakes(
        row=row,
        rows=rows,
        columns=columns,
        shares_WW=shares_WW,
        classes=tuple(classes),
        clips=tuple(clips[:MOST_CLIPS]),
        n_clips=len(clips),
    )


def _classes(counts_WW: NDArray[np.int64], names: list[str]) -> list[ClassScore]:
    scores = []
    for i, name in enumerate(names):
        queries, wrong_W = int(counts_WW[i].sum()), np.where(np.arange(len(names)) == i, 0, counts_WW[i])
        most = int(wrong_W.argmax())
        taken_for = f"{names[most]} ({100 * wrong_W[most] / queries:.0f} %)" if wrong_W[most] else ""
        if queries:
            scores.append(ClassScore(name=name, queries=queries, right=int(counts_WW[i, i]), taken_for=taken_for))
    return sorted(scores, key=lambda score: (score.accuracy, score.name))


def _matrix(
    counts_WW: NDArray[np.int64], names: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float64]]:
    """Rows of shares; of many classes those with most mistakes, in their order, and one column for all others."""
    asked = np.flatnonzero(counts_WW.sum(1))
    shares_WW = counts_WW[asked] / counts_WW[asked].sum(1, keepdims=True)
    if len(names) <= MOST_CLASSES:
        return tuple(names[i] for i in asked), tuple(names), shares_WW
    right_W = shares_WW[np.arange(len(asked)), asked]
    worst = np.sort(np.argsort(right_W, kind="stable")[:MOST_CLASSES])
    shown = shares_WW[worst][:, asked[worst]]
    chosen = tuple(names[i] for i in asked[worst])
    return chosen, (*chosen, OTHERS), np.concatenate([shown, 1 - shown.sum(1, keepdims=True)], axis=1)


def _misjudged(queries: Any, called: Mapping[int, str], clip_name: ClipName) -> list[MisjudgedClip]:
    asked: Counter[tuple[int, int]] = Counter()
    taken: dict[tuple[int, int], Counter[str]] = {}
    episodes: dict[tuple[int, int], dict[int, None]] = {}
    for true, clip, predicted, episode in queries:
        asked[true, clip] += 1
        if predicted != true:
            taken.setdefault((true, clip), Counter())[called[predicted]] += 1
            episodes.setdefault((true, clip), {})[episode + 1] = None
    found = [
        MisjudgedClip(
            key=key,
            clip=clip_name(*key),
            name=called[key[0]],
            wrong=sum(counts.values()),
            asked=asked[key],
            taken_for=", ".join(f"{name} {n}×" for name, n in sorted(counts.items(), key=lambda of: (-of[1], of[0]))),
            episodes=listed(list(episodes[key]), most=4),
        )
        for key, counts in taken.items()
    ]
    return sorted(found, key=lambda clip: (-clip.wrong / clip.asked, -clip.wrong, clip.name, clip.clip))
