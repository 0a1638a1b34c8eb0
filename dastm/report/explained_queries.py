"""Explains some queries of an evaluation: what the network compared for its prediction.

In: an evaluation, with its network and clips. Out: `ExplainedQuery`s, misclassified ones first. Each is compared with
the nearest example of the predicted class and with that of another: of its own class or, for a correct prediction, of
the second nearest class.

Axes: T frames of features, V joints, C coordinates, Q queries, L examples.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dastm.contract.skeleton import Layout
from dastm.episodes.episode import ClipBatch, Episode
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.loader import episodes
from dastm.episodes.small_classes import without_small
from dastm.evaluation.baselines import BASELINES
from dastm.evaluation.predictions import read_predictions
from dastm.matching.shares import has_joint_shares
from dastm.model import Recogniser
from dastm.recogniser.why import Comparison, Seen, comparison, seen_at
from dastm.report.mistakes import ClipName, Mistakes
from dastm.report.why_page import View, views_of
from dastm.runs.results import Evaluation

MOST_WRONG, MOST_RIGHT = 4, 2


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplainedQuery:
    """One query of one episode."""

    key: tuple[int, int]
    """Class id, and position among its clips."""
    name: str
    sentence: str
    query: Seen
    comparisons: tuple[Comparison, Comparison]
    """The comparison with the predicted class, then that with the other class."""
    right: bool

    def headings(self) -> tuple[str, str]:
        """Of the comparisons."""
        taken, other = (f"“{one.action}”" for one in self.comparisons)
        if self.right:
            return f"Against its own class, {taken}", f"Against the next class, {other}"
        return f"Against the class that it was taken for, {taken}", f"Against its own class, {other}"


@dataclass(frozen=True, kw_only=True)
class ShownQuery:
    """An explained query in the form of the page."""

    name: str
    sentence: str
    views: list[View]


def shown(explained: Sequence[ExplainedQuery]) -> dict[tuple[int, int], ShownQuery]:
    """Explained queries in the form of the page, by their keys, on common scales."""
    headed = [
        (heading, one.query, compared)
        for one in explained
        for heading, compared in zip(one.headings(), one.comparisons, strict=True)
    ]
    views = iter(views_of(headed))
    return {
        one.key: ShownQuery(name=one.name, sentence=one.sentence, views=[next(views), next(views)]) for one in explained
    }


class Asked(NamedTuple):
    """One row of the predictions."""

    episode: int
    class_id: int
    clip: int
    predicted: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """The network and the clips of an evaluation."""

    model: Recogniser
    seed: int
    source: EpisodeSource
    """The source of the clips in the form that the network sees."""
    up: str
    """The coordinate that points up."""

    def explained(
        self, found: Evaluation, wrong: Mistakes, names: Mapping[int, str], clip_name: ClipName
    ) -> list[ExplainedQuery]:
        """Explain the worst misclassified clips and some others.

        There are none for baselines, if distances are not sums over joints, or if a class is not compared by one
        example.
        """
        options, settings = self.model.matcher.options, found.metrics["settings"]
        plain = settings.get("protocol") == "episodes" and not any(settings.get(key) for key in ("by", "shots"))
        if not plain or not has_joint_shares(options) or wrong.row in BASELINES:
            return []
        if options.examples != "nearest" and settings["k_shot"] > 1:
            return []
        made = []
        for asked in chosen(read_predictions(found.predictions), wrong, self.seed):
            episode = self._episode(settings, asked.episode)
            row = _row_of(episode, asked, settings["n_query"])
            if row is not None:
                made.append(self._explained(episode, row, asked, names, clip_name))
        return made

    def _episode(self, settings: Mapping[str, Any], number: int) -> Episode:
        """An episode of the evaluation, drawn again."""
        k_shot, n_query, subset = settings["k_shot"], settings["n_query"], settings["part"]
        source, _ = without_small(self.source, {subset: k_shot + n_query})
        return next(
            episodes(
                source,
                subset,
                n_way=settings["n_way"],
                k_shot=k_shot,
                n_query=n_query,
                seed=settings["seed"],
                epoch=0,
                start=number,
                count=number + 1,
                workers=0,
                n_unknown=settings.get("open_set", 0),
            )
        )

    def _explained(
        self, episode: Episode, row: int, asked: Asked, names: Mapping[int, str], clip_name: ClipName
    ) -> ExplainedQuery:
        plan, asked_for = episode.plan, episode.query.at([row])
        with torch.inference_mode():
            query, support = self.model.encode(asked_for), self.model.encode(episode.support)
            paths = self.model.path_terms(asked_for), self.model.path_terms(episode.support)
            distances_1L = self.model.distances(query, support)
            distances_L = self.model.with_path(distances_1L, self.model.terms_factor(*paths))[0]
        taken = plan.class_ids.index(asked.predicted)
        other = _other(distances_L, episode.support_labels, taken, plan.class_ids.index(asked.class_id))
        seen, k_shot = self._seen(episode.query, row, query.shape[1]), len(plan.support[0])

        def against(way: int) -> Comparison:
            nearest = int(distances_L[way * k_shot : (way + 1) * k_shot].argmin())
            example, class_id = way * k_shot + nearest, plan.class_ids[way]
            return comparison(
                (seen, self._seen(episode.support, example, support.shape[1])),
                (query[0], support[example]),
                (paths[0][0], paths[1][example]),
                self.model.matcher.options,
                action=names[class_id],
                about=f"Example {clip_name(class_id, plan.support[way][nearest])}",
            )

        name, compared = clip_name(asked.class_id, asked.clip), (against(taken), against(other))
        return ExplainedQuery(
            key=(asked.class_id, asked.clip),
            name=name,
            sentence=_sentence(asked, name, *compared),
            query=seen,
            comparisons=compared,
            right=asked.predicted == asked.class_id,
        )

    def _seen(self, batch: ClipBatch, row: int, n_frames: int) -> Seen:
        """The first body of a clip, at the frames of its features."""
        places_T = np.arange(n_frames) * math.prod(self.model.backbone.strides)
        joints_TVC, layout = batch.joints_LMTVC[row, 0].double().numpy()[places_T], self.source.manifest.layout
        return seen_at(_upright(joints_TVC, layout, self.up), layout, places_T.astype(np.float64))


def chosen(table: Any, wrong: Mistakes, seed: int) -> Iterator[Asked]:
    """The first time that each of the worst clips was misjudged, then clips of some classes that never were."""
    columns = ("row", "seed", "episode", "class_id", "clip", "predicted")
    lines = zip(*(table[name].to_pylist() for name in columns), strict=True)
    asked = [Asked(*line[2:]) for line in lines if line[:2] == (wrong.row, seed)]
    misjudged = {(one.class_id, one.clip): one for one in reversed(asked) if one.predicted != one.class_id}
    yield from [misjudged[one.key] for one in wrong.clips if one.key in misjudged][:MOST_WRONG]
    right = {one.class_id: one for one in reversed(asked) if (one.class_id, one.clip) not in misjudged}
    yield from [right[class_id] for class_id in sorted(right)][:MOST_RIGHT]


def _row_of(episode: Episode, asked: Asked, n_query: int) -> int | None:
    """Which query of the episode it is; None where the clips are not those of the evaluation."""
    plan = episode.plan
    known = plan.class_ids[: plan.n_way]
    if asked.class_id not in known or asked.predicted not in known:
        return None
    way = known.index(asked.class_id)
    return way * n_query + plan.query[way].index(asked.clip) if asked.clip in plan.query[way] else None


def _other(distances_L: Tensor, labels_L: Tensor, taken: int, true: int) -> int:
    """The query's own class, or, where it was taken for that, the class that is next."""
    if taken != true:
        return true
    return int(labels_L[distances_L.masked_fill(labels_L == taken, math.inf).argmin()])


def _upright(joints_TVC: Any, layout: Layout, up: str) -> Any:
    """Turned about x until the coordinate that points up is the second."""
    if layout.coordinates.index(up) == 1:
        return joints_TVC
    x, y, z = np.moveaxis(joints_TVC, -1, 0)
    return np.stack([x, z, -y], axis=-1)


def _sentence(asked: Asked, name: str, taken: Comparison, other: Comparison) -> str:
    rightly, its = ("", "its own class") if asked.predicted != asked.class_id else ("rightly ", "next")
    return (
        f"“{name}” was {rightly}taken for “{taken.action}” in episode {asked.episode + 1}: distance"
        f" {taken.distance:.2f}, {its} “{other.action}” {other.distance:.2f}; it differs from “{other.action}” most"
        f" {other.words}."
    )
