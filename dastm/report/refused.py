"""Queries of episodes with unknown classes that were called none of these, or should have been.

In: an evaluation's episodes, and the limits that they were judged by. Out: `Judged`s, and what is said of one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from dastm.episodes.collate import selection
from dastm.episodes.episode import Episode
from dastm.evaluation.feature_cache import FeatureCache
from dastm.evaluation.limits import Compared
from dastm.model.matching.rejection import Limits, novelties
from dastm.recogniser.why import Comparison

Kind = Literal["refused", "taken", "rightly refused"]
MOST: dict[Kind, int] = {"refused": 2, "taken": 2, "rightly refused": 1}
WORDS: dict[Kind, str] = {
    "refused": "known, but called none of these",
    "taken": "unknown, but taken for a class",
    "rightly refused": "unknown, and called none of these",
}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One query that was called none of these, or should have been."""

    kind: Kind
    row: int
    """Among the queries of its episode."""
    nearest: int
    """Which class of the episode is nearest."""
    distance: float
    """To that class."""
    limit: float
    """The distance from which on this query is not of that class."""


def chosen_refused(
    cache: FeatureCache, episodes: Iterable[Episode], limits: Limits
) -> Iterator[tuple[int, Episode, Judged]]:
    """The first clips of each kind, with the number of the episode and the episode."""
    left, told = Counter(MOST), set[tuple[Kind, int, int]]()
    for number, episode in enumerate(episodes):
        queries = selection(episode.plan, episode.plan.query)
        with torch.inference_mode():
            compared = Compared.of(episode, cache(episode), cache)
        for one in judged(compared, limits):
            if left[one.kind] and (one.kind, *queries[one.row]) not in told:
                left[one.kind] -= 1
                told.add((one.kind, *queries[one.row]))
                yield number, episode, one
        if not any(left.values()):
            return


def judged(compared: Compared, limits: Limits) -> list[Judged]:
    """The queries of an episode of any of these kinds, in their order."""
    border_Q, known_Q = compared.borders(limits), compared.labels_Q < compared.n_way
    refused_Q = novelties(compared.distances_QW, border_Q) >= 1
    nearest_Q = compared.distances_QW.argmin(1)
    rows = torch.nonzero(refused_Q | known_Q.logical_not())[:, 0].tolist()
    return [
        Judged(
            kind="taken" if not refused_Q[row] else "refused" if known_Q[row] else "rightly refused",
            row=row,
            nearest=int(nearest_Q[row]),
            distance=float(compared.distances_QW[row, nearest_Q[row]]),
            limit=float(border_Q[row]),
        )
        for row in rows
    ]


def sentence(one: Judged, clip: str, true: str, nearest: Comparison, when: str) -> str:
    """Why it was refused, or was not."""
    unknown = "" if one.kind == "refused" else ", of which no example was shown,"
    limit = f"{'below' if one.kind == 'taken' else 'beyond'} its limit of {one.limit:.2f}"
    called = {
        "taken": f"taken for “{nearest.action}”",
        "refused": "called none of these",
        "rightly refused": "rightly called none of these",
    }[one.kind]
    return (
        f"“{clip}” of “{true}”{unknown} was {called} {when}: the nearest class, “{nearest.action}”, is"
        f" {one.distance:.2f} away, {limit}; it differs from “{nearest.action}” most {nearest.words}."
    )
