"""Draws episodes in order and fetches a few of them ahead.

In: a source, a subset, the shape of episodes, seed and epoch. Out: an iterator of `Episode`s. Which episodes come, and
in which order, depends on nothing else: not on workers, prefetch, or where an earlier run stopped.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import torch

from dastm.episodes.collate import Selection
from dastm.episodes.episode import ClipBatch, Episode
from dastm.episodes.fetch import EpisodeSource, fetch_episode
from dastm.episodes.groups import Groups, plan_by_group
from dastm.episodes.sampler import KNOBS, Knobs, check_pool, plan_episode
from dastm.episodes.several import sets_of

Item = TypeVar("Item")


def episodes(
    source: EpisodeSource,
    subset: str,
    *,
    n_way: int,
    k_shot: int,
    n_query: int,
    seed: int,
    epoch: int,
    count: int,
    start: int = 0,
    every: int = 1,
    prefetch: int = 4,
    workers: int = 2,
    device: torch.device | None = None,
    n_unknown: int = 0,
    groups: Groups | None = None,
) -> Iterator[Episode]:
    """The episodes `start` to `count - 1` of an epoch, every `every`-th of them, moved to `device` if one is given.

    At most `prefetch` episodes are fetched ahead, by `workers` threads (0: no threads, each episode is fetched when it
    is asked for). An error in a worker is raised in place of its episode; closing the iterator ends the threads.
    `n_unknown` more classes of an episode have queries but no examples. With `groups`, only their classes are drawn,
    and queries are of other groups than examples (`plan_by_group`).
    Raises: RunError at once for an unknown subset or a subset too small for such episodes; ValueError for numbers below
    their minimum.

    >>> import dastm
    >>> source = dastm.open_source("data/shards/toy")
    >>> drawn = dastm.draw_episodes(source, "test", n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, count=2)
    >>> [len(episode.query_labels) for episode in drawn]
    [6, 6]
    """
    pool_sizes, sets = source.pool_sizes(subset), sets_of(source, subset)
    knobs: Knobs = ("n_way or the unknown classes (--n-way, --open-set)", *KNOBS[1:]) if n_unknown else KNOBS
    if groups is not None:
        pool_sizes = {class_id: len(of_class) for class_id, of_class in groups.items()}
    check_pool(pool_sizes, n_way + n_unknown, k_shot, n_query, f"{source.manifest.dataset}: {subset}", knobs)
    if min(seed, epoch, count, start, workers, n_unknown) < 0 or min(prefetch, every) < 1:
        raise ValueError(
            "seed, epoch, count, start, workers and n_unknown must not be negative, prefetch and every at least 1"
        )

    draw = partial(plan_episode, pool_sizes, sets=sets) if groups is None else partial(plan_by_group, groups)

    def fetch(number: int) -> Episode:
        plan = draw(
            n_way=n_way, k_shot=k_shot, n_query=n_query, seed=seed, epoch=epoch, number=number, n_unknown=n_unknown
        )
        episode = fetch_episode(source, subset, plan)
        return episode if device is None else episode.to(device)

    numbers = range(start, count, every)
    return _ahead(fetch, numbers, prefetch, workers) if workers else (fetch(number) for number in numbers)


def clip_batches(
    source: EpisodeSource, subset: str, selections: Sequence[Selection], *, device: torch.device, prefetch: int = 4
) -> Iterator[ClipBatch]:
    """The clips of each selection in turn, on `device`; at most `prefetch` batches are fetched ahead, by two threads.

    An error in a thread is raised in place of its batch. Raises: as the source's `clips`.
    """

    def fetch(number: int) -> ClipBatch:
        (batch,) = source.clips(subset, [selections[number]])
        return batch.to(device)

    return _ahead(fetch, range(len(selections)), prefetch, 2)


def _ahead(fetch: Callable[[int], Item], numbers: range, prefetch: int, workers: int) -> Iterator[Item]:
    with ThreadPoolExecutor(workers, thread_name_prefix="episodes") as pool:
        waiting: deque[Future[Item]] = deque()
        try:
            for number in numbers:
                waiting.append(pool.submit(fetch, number))
                if len(waiting) > prefetch:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
