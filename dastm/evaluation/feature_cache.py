"""Distances of many episodes in evaluation: the features of a clip are computed once, not once per episode.

In: a trained network in evaluation mode, whose features of a clip depend on nothing else, and episodes of one subset.
Out: their distances. The cache holds the features of clips and, if the matching uses paths, their terms. Its memory is
limited: once it is full, further clips are computed each time.
If all episodes are known before (`prepare`), clips are encoded in batches that do not depend on which episode comes
first, and where queries are compared with clips, not with means of clips, each pair is compared once for all episodes.

Axes: L clips, M bodies, T frames, V joints, D channels, C coordinates, R terms, Q queries, W ways; A and B all clips
that are queries and examples.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from dastm.episodes.collate import selection
from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan
from dastm.episodes.fetch import EpisodeSource
from dastm.model.matching.examples import to_classes
from dastm.model.network import Recogniser
from dastm.runs.limits import Known

BUDGET = 2 * 2**30
"""Size of the cache in bytes: 10,000 clips of NTU, 8 frames x 25 joints x 256 features in float32."""
CLIPS = 64
"""Number of clips that `prepare` encodes at once."""


class _Tiles(NamedTuple):
    """How `prepare` compares clips."""

    side: int
    """number of clips that are compared at once with the same number of others"""
    most: int
    """all clips are compared only if that takes at most this many times the pairs that are asked for"""


ON_CPU = _Tiles(side=32, most=1)
"""The costs of a tile fit into a cache of the CPU, which has nothing to gain from more pairs."""
ELSEWHERE = _Tiles(side=128, most=8)
"""A GPU waits for launches, not for pairs."""
Key = tuple[int, int]
"""(class id, position)"""
Kept = tuple[Tensor, Tensor | None]
"""Features (L, T, V, D) and terms (L, M, R, V, X), if the matching uses them."""
Divide = Callable[[Sequence[Callable[[], Tensor]]], Iterable[Tensor]]
"""Pieces of work whose results have the same shape -> the results in order; several processes may each do a share."""
Together = Callable[[Callable[[], None]], None]
"""Does a piece of work that each of several processes does."""


def in_order(works: Sequence[Callable[[], Tensor]]) -> Iterator[Tensor]:
    """Do all pieces of work in this process, each when its result is asked for."""
    return (work() for work in works)


def do(work: Callable[[], None]) -> None:
    """Do the work in this process."""
    work()


class FeatureCache:
    """`model.episode_distances` for episodes of one subset, with a cache of `budget` bytes."""

    def __init__(self, model: Recogniser, known: Known | None = None, budget: int = BUDGET) -> None:
        self.model, self.room, self.known = model, budget, known
        self.kept: dict[Key, Tensor] = {}
        """features of that clip (T, V, D)"""
        self.kept_terms: dict[Key, Tensor] = {}
        """terms of its path (M, R, V, X), for as many bodies as the batch had that it first came in"""

        self.pairs_AB = torch.empty(0)
        """distances of the clips at `rows` to those at `columns`, paths included"""
        self.rows: dict[Key, int] = {}
        self.columns: dict[Key, int] = {}

    def __call__(self, episode: Episode) -> Tensor:
        """Distances of the episode's queries to its classes -> (Q, W)."""
        plan, (queries, examples) = episode.plan, _sides(episode.plan)
        if self._by_clips(plan) and self.rows.keys() >= set(queries) and self.columns.keys() >= set(examples):
            places = [self.rows[key] for key in queries], [self.columns[key] for key in examples]
            rows, columns = (torch.tensor(of).to(self.pairs_AB.device, non_blocking=True) for of in places)
            pairs_QL = self.pairs_AB.index_select(0, rows).index_select(1, columns)
            return to_classes(pairs_QL, episode.support_labels, plan.n_way, self.model.matcher.options.examples)
        support, support_terms = self._features(examples, episode.support)
        query, query_terms = self._features(queries, episode.query)
        factor_QL = _factor(self.model, query_terms, support_terms)
        return self.model.class_distances(query, support, episode.support_labels, plan.n_way, factor_QL)

    @torch.inference_mode()
    def prepare(
        self,
        source: EpisodeSource,
        subset: str,
        plans: Sequence[EpisodePlan],
        device: torch.device,
        divide: Divide = in_order,
        together: Together = do,
    ) -> bool:
        """Encode and compare the clips of all these episodes -> whether their clips are no longer needed (`unread`).

        Clips for which there is no room are encoded with each of their episodes.

        Args:
            divide: does the works that several processes share.
            together: does a work that each of them does, so that a fault of one is a fault of all.
        """
        blocks = _blocks(sorted({key for plan in plans for of in _sides(plan) for key in of}), CLIPS)

        def encoded(block: list[Key]) -> Tensor:
            return self.model.encode(_read(source, subset, block, device)).contiguous()

        for block, features in zip(blocks, divide([partial(encoded, block) for block in blocks]), strict=True):
            if features.nbytes > self.room:
                break
            self.room -= features.nbytes
            self.kept.update(zip(block, features, strict=True))
        keys = {key for block in blocks for key in block}
        all_kept = self.kept.keys() >= keys
        if all_kept and self.model.matcher.options.path_power:
            together(partial(self._keep_terms, source, subset, blocks, device))
            all_kept = self.kept_terms.keys() >= keys
        if all_kept:
            self._compare(plans, device, divide)
        else:
            self.room = 0  # else what is kept would depend on the order of the episodes
        return all_kept

    def _keep_terms(self, source: EpisodeSource, subset: str, blocks: list[list[Key]], device: torch.device) -> None:
        """The terms of all clips; processes do not share this, for their numbers of bodies, so shapes, differ."""
        for block in blocks:
            self._once(self.kept_terms, block, _read(source, subset, block, device), self.model.path_terms)

    def _by_clips(self, plan: EpisodePlan) -> bool:
        """Whether queries are compared with clips, not with means of several."""
        return self.model.matcher.options.examples != "mean" or max(map(len, plan.support)) == 1

    def _compare(self, plans: Sequence[EpisodePlan], device: torch.device, divide: Divide) -> None:
        """Compare all queries with all examples, if that is worth it."""
        sides = [_sides(plan) for plan in plans]
        queries, examples = (sorted({key for side in sides for key in side[of]}) for of in range(2))
        asked = sum(len(query) * len(support) for query, support in sides)
        tiling = ON_CPU if device.type == "cpu" else ELSEWHERE
        if len(queries) * len(examples) > asked * tiling.most or not all(map(self._by_clips, plans)):
            return
        self.rows, self.columns = ({key: place for place, key in enumerate(keys)} for keys in (queries, examples))
        tiles = list(product(_blocks(queries, tiling.side), _blocks(examples, tiling.side)))

        def compared(rows: list[Key], columns: list[Key]) -> Tensor:
            return self._between(self._features(rows), self._features(columns)).contiguous()

        found = divide([partial(compared, *tile) for tile in tiles])
        self.pairs_AB = next(iter(self.kept.values())).new_empty(len(queries), len(examples))
        for (rows, columns), pairs in zip(tiles, found, strict=True):
            first, other = self.rows[rows[0]], self.columns[columns[0]]
            self.pairs_AB[first : first + len(rows), other : other + len(columns)] = pairs

    def between(self, episode: Episode) -> Tensor:
        """Distances of the episode's examples to each other -> (L, L)."""
        support = self._features(_sides(episode.plan)[1], episode.support)
        return self._between(support, support)

    def to_known(self, episode: Episode) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """Distances of the episode's queries and of its examples to the known movements -> (Q, K), (L, K)."""
        if self.known is None:
            return None, None
        queries, examples = _sides(episode.plan)
        query, support = self._features(queries, episode.query), self._features(examples, episode.support)
        return self._between(query, self._movements), self._between(support, self._movements)

    def _between(self, first: Kept, second: Kept) -> Tensor:
        """Distances of all clips of the first to all of the second."""
        return self.model.with_path(self.model.distances(first[0], second[0]), _factor(self.model, first[1], second[1]))

    @cached_property
    def _movements(self) -> Kept:
        """Features and terms of the known movements."""
        assert self.known is not None
        clips = self.known.clips().to(next(self.model.parameters()).device)
        terms = self.model.path_terms(clips) if self.model.matcher.options.path_power else None
        return self.model.encode(clips), terms

    def _features(self, keys: list[Key], clips: ClipBatch | None = None) -> Kept:
        """Features of clips, and terms if the matching uses them; without the clips, of those that are kept."""
        features = torch.stack(self._once(self.kept, keys, clips, self.model.encode))
        return features, self.terms(keys, clips) if self.model.matcher.options.path_power else None

    def terms(self, keys: list[Key], clips: ClipBatch | None) -> Tensor:
        """Terms of clips -> (L, M, R, V, X); bodies that a clip does not have are zeros, as in any batch."""
        terms = self._once(self.kept_terms, keys, clips, self.model.path_terms)
        bodies = max(len(of) for of in terms)
        padded = (of if len(of) == bodies else functional.pad(of, (0, 0) * 3 + (0, bodies - len(of))) for of in terms)
        return torch.stack(list(padded))

    def _once(
        self, kept: dict[Key, Tensor], keys: list[Key], clips: ClipBatch | None, compute: Callable[[ClipBatch], Tensor]
    ) -> list[Tensor]:
        """The result of `compute` for every clip; those not in `kept` are computed together and kept if there is
        room."""
        missing = [place for place, key in enumerate(keys) if key not in kept]
        if clips is None or not missing:
            return [kept[key] for key in keys]
        computed = compute(clips if len(missing) == len(keys) else clips.at(missing))
        new = dict(zip((keys[place] for place in missing), computed, strict=True))
        found = [new[key] if key in new else kept[key] for key in keys]
        if computed.nbytes <= self.room:
            self.room -= computed.nbytes
            kept.update(new)
        return found


def _factor(model: Recogniser, query: Tensor | None, support: Tensor | None) -> Tensor | None:
    return None if query is None or support is None else model.terms_factor(query, support)


def _sides(plan: EpisodePlan) -> tuple[list[Key], list[Key]]:
    """The queries and the examples of a plan."""
    return selection(plan, plan.query), selection(plan, plan.support)


def _blocks(keys: list[Key], size: int) -> list[list[Key]]:
    """All keys, some at a time, of which the last ones may be there twice: every block has the same size."""
    starts = (min(start, max(0, len(keys) - size)) for start in range(0, len(keys), size))
    return [keys[start : start + size] for start in starts]


def _read(source: EpisodeSource, subset: str, keys: list[Key], device: torch.device) -> ClipBatch:
    (clips,) = source.clips(subset, [keys])
    return clips.to(device)
