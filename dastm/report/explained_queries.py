"""Explains some queries of an evaluation: what the network compared for its prediction.

In: an evaluation, with its network and clips. Out: `ExplainedQuery`s, misclassified ones first. Each is compared with
the nearest example of the predicted class and with that of another: of its own class or, for a correct prediction, of
the second nearest class. With unknown classes, some queries that were refused or should have been come last.

Axes: T frames of features, V joints, C coordinates, Q queries, L examples.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from dastm.config.evaluation import EvalConfig
from dastm.contract.skeleton import Layout
from dastm.episodes.collate import selection
from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan
from dastm.episodes.fetch import EpisodeSource
from dastm.evaluation.baselines import BASELINES
from dastm.evaluation.by_group import DRAWS
from dastm.evaluation.evaluator import classes_with_enough, drawn
from dastm.evaluation.feature_cache import FeatureCache
from dastm.evaluation.predictions import read_predictions
from dastm.model.matching.examples import to_classes
from dastm.model.matching.shares import has_joint_shares
from dastm.model.network import Recogniser
from dastm.recogniser.why import Comparison, Seen, comparison, seen_at
from dastm.report.mistakes import ClipName, Mistakes
from dastm.report.refused import WORDS, Judged, Kind, chosen_refused, sentence
from dastm.report.why_page import View, views_of
from dastm.runs.limits import limits_from, read_limits
from dastm.runs.results import Evaluation

CPU = torch.device("cpu")
MOST_WRONG, MOST_RIGHT = 4, 2
MOST_LOOKED_AT = 10
"""Episodes in which queries that were refused are looked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplainedQuery:
    """One query of one episode."""

    anchor: str
    """Of its place on the page: class id, position among its clips, and what was made of it where it was refused."""
    name: str
    sentence: str
    query: Seen
    comparisons: tuple[Comparison, Comparison]
    """The comparison with the predicted or nearest class, then that with the other class."""
    headings: tuple[str, str]
    """The headings of the comparisons."""
    refusal: Kind | None = None
    """Why it is explained, if it was refused or should have been."""


@dataclass(frozen=True, kw_only=True)
class ShownQuery:
    """An explained query in the form of the page."""

    name: str
    sentence: str
    views: list[View]
    refusal: Kind | None


def shown(explained: Sequence[ExplainedQuery]) -> dict[str, ShownQuery]:
    """Explained queries in the form of the page, by their anchors, on common scales."""
    headed = [
        (heading, one.query, compared)
        for one in explained
        for heading, compared in zip(one.headings, one.comparisons, strict=True)
    ]
    views = iter(views_of(headed))
    return {
        one.anchor: ShownQuery(
            name=one.name, sentence=one.sentence, views=[next(views), next(views)], refusal=one.refusal
        )
        for one in explained
    }


def by_refusal(pages: Mapping[str, ShownQuery]) -> list[tuple[str, list[tuple[str, ShownQuery]]]]:
    """What was made of queries that were refused or should have been, in words -> these queries, by their anchors."""
    found = [(words, [item for item in pages.items() if item[1].refusal == kind]) for kind, words in WORDS.items()]
    return [(words, items) for words, items in found if items]


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
    shards: str
    """The folder or URL of the clips."""
    up: str
    """The coordinate that points up."""
    run: Path
    """The run folder, which holds the limits of open-set evaluations and the movements that go with them."""

    def explained(
        self, found: Evaluation, wrong: Mistakes, names: Mapping[int, str], clip_name: ClipName
    ) -> list[ExplainedQuery]:
        """Explain the worst misclassified clips and some others; with unknown classes also some refused or taken ones.

        There are none for baselines, if distances are not sums over joints, or if classes are compared by a mean of
        their examples.
        """
        options, settings = self.model.matcher.options, found.metrics["settings"]
        if settings["protocol"] == "one-shot" or not has_joint_shares(options) or wrong.row in BASELINES:
            return []
        config = EvalConfig(**settings)
        if options.examples == "mean" and config.k_shot > 1:
            return []
        again = self._episodes(config)
        lines = chosen(read_predictions(found.predictions), wrong, self.seed)
        misjudged = (self._misjudged(again(one.episode), one, config, names, clip_name) for one in lines)
        made = [one for one in misjudged if one is not None]
        if config.open_set:
            limits = limits_from(found.metrics["open_set"]["limits"][str(self.seed)])
            _, known = read_limits(self.run, self.seed) or (limits, None)
            looked_at = map(again, range(min(config.episodes, MOST_LOOKED_AT)))
            made += [
                self._refused(number, episode, one, config, names, clip_name)
                for number, episode, one in chosen_refused(FeatureCache(self.model, known), looked_at, limits)
            ]
        return made

    def _episodes(self, config: EvalConfig) -> Callable[[int], Episode]:
        """Number -> that episode of the evaluation, drawn again."""
        source, groups, _ = classes_with_enough(self.source, self.shards, config)
        return lambda number: next(drawn(source, config, CPU, groups, range(number, number + 1)))

    def _misjudged(
        self, episode: Episode, asked: Asked, config: EvalConfig, names: Mapping[int, str], clip_name: ClipName
    ) -> ExplainedQuery | None:
        """A line of the predictions; None where the clips are not those of the evaluation."""
        row = _row_of(episode.plan, asked)
        if row is None:
            return None
        ids = episode.plan.class_ids
        taken, true = ids.index(asked.predicted), ids.index(asked.class_id)
        ways = taken, None if taken == true else true
        query, compared, far = self._compared(episode, row, ways, names, clip_name)
        name, (first, other) = clip_name(asked.class_id, asked.clip), compared
        rightly, its = ("rightly ", "next") if taken == true else ("", "its own class")
        when = occasion(config, asked.episode)
        return ExplainedQuery(
            anchor=f"{asked.class_id}-{asked.clip}",
            name=name,
            sentence=f"“{name}” was {rightly}taken for “{first.action}” {when}: distance {far[0]:.2f}, {its}"
            f" “{other.action}” {far[1]:.2f}; it differs from “{other.action}” most {other.words}.",
            query=query,
            comparisons=compared,
            headings=(
                f"Against {'its own class' if taken == true else 'the class that it was taken for'}, “{first.action}”",
                f"Against {'the next class' if taken == true else 'its own class'}, “{other.action}”",
            ),
        )

    def _refused(
        self,
        number: int,
        episode: Episode,
        one: Judged,
        config: EvalConfig,
        names: Mapping[int, str],
        clip_name: ClipName,
    ) -> ExplainedQuery:
        """A query that was refused, or should have been."""
        plan = episode.plan
        class_id, clip = selection(plan, plan.query)[one.row]
        own = plan.class_ids.index(class_id)
        is_farther = own < plan.n_way and own != one.nearest
        ways = one.nearest, own if is_farther else None
        query, compared, _ = self._compared(episode, one.row, ways, names, clip_name)
        name, when = clip_name(class_id, clip), occasion(config, number)
        return ExplainedQuery(
            anchor=f"{class_id}-{clip}-{one.kind.replace(' ', '-')}",
            name=name,
            sentence=sentence(one, name, names[class_id], compared[0], when),
            query=query,
            comparisons=compared,
            headings=(
                f"Against the nearest class, “{compared[0].action}”",
                f"Against {'its own' if is_farther else 'the next'} class, “{compared[1].action}”",
            ),
            refusal=one.kind,
        )

    def _compared(
        self,
        episode: Episode,
        row: int,
        ways: tuple[int, int | None],
        names: Mapping[int, str],
        clip_name: ClipName,
    ) -> tuple[Seen, tuple[Comparison, Comparison], tuple[float, float]]:
        """A query against the nearest example of two classes of its episode, and its distance to both classes.

        None: of the next class.
        """
        plan, asked_for = episode.plan, episode.query.at([row])
        with torch.inference_mode():
            query, support = self.model.encode(asked_for), self.model.encode(episode.support)
            paths = self.model.path_terms(asked_for), self.model.path_terms(episode.support)
            distances_1L = self.model.distances(query, support)
            distances_1L = self.model.with_path(distances_1L, self.model.terms_factor(*paths))
        distances_L, options = distances_1L[0], self.model.matcher.options
        distances_W = to_classes(distances_1L, episode.support_labels, plan.n_way, options.examples)[0]
        taken, other = ways
        if other is None:
            other = int(distances_W.index_fill(0, torch.tensor(taken), math.inf).argmin())
        seen, k_shot = self._seen(episode.query, row, query.shape[1]), len(plan.support[0])

        def against(way: int) -> Comparison:
            nearest = int(distances_L[way * k_shot : (way + 1) * k_shot].argmin())
            example, class_id = way * k_shot + nearest, plan.class_ids[way]
            return comparison(
                (seen, self._seen(episode.support, example, support.shape[1])),
                (query[0], support[example]),
                (paths[0][0], paths[1][example]),
                options,
                action=names[class_id],
                about=f"Example {clip_name(class_id, plan.support[way][nearest])}",
            )

        return seen, (against(taken), against(other)), (float(distances_W[taken]), float(distances_W[other]))

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


def _row_of(plan: EpisodePlan, asked: Asked) -> int | None:
    """Which query of the episode it is; None where the clips are not those of the evaluation."""
    known = plan.class_ids[: plan.n_way]
    queries = selection(plan, plan.query)
    asked_for = (asked.class_id, asked.clip)
    if asked.class_id not in known or asked.predicted not in known or asked_for not in queries:
        return None
    return queries.index(asked_for)


def _upright(joints_TVC: Any, layout: Layout, up: str) -> Any:
    """Turned about x until the coordinate that points up is the second."""
    if layout.coordinates.index(up) == 1:
        return joints_TVC
    x, y, z = np.moveaxis(joints_TVC, -1, 0)
    return np.stack([x, z, -y], axis=-1)


def occasion(config: EvalConfig, number: int) -> str:
    """When a query was asked, in words; episodes are counted from 1."""
    if config.protocol == "leave-one-out":
        return f"in draw {number % DRAWS + 1} of the examples, its {config.by} left out"
    return f"in episode {number + 1}"
