"""Order, look-ahead, errors and threads of the loader."""

import threading
import time

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.shard_format import ShardError
from dastm.episodes.collate import selection
from dastm.episodes.episode import EpisodePlan
from dastm.episodes.fetch import fetch_episode
from dastm.episodes.indexed import IndexedShards
from dastm.episodes.loader import clip_batches, episodes
from dastm.episodes.sampler import plan_episode
from tests.shard_folder import make_shard_folder

SHAPE = {"n_way": 2, "k_shot": 1, "n_query": 2, "seed": 3, "epoch": 1}


@pytest.fixture
def source(tmp_path, rng):
    make_shard_folder(tmp_path, parts={"train": {5: 7, 2: 4, 7: 3}, "val": {9: 3}}, bodies=(1, 2), rng=rng)
    with IndexedShards(tmp_path) as opened:
        yield opened


def asked_of(plan: EpisodePlan):
    """What an episode asks of its source."""
    return [selection(plan, plan.support), selection(plan, plan.query)]


class Watched:
    """A source that counts what is asked of it and fails where told to."""

    def __init__(self, source, fail_at=()):
        self.manifest, self.source, self.asked = source.manifest, source, 0
        sizes = source.pool_sizes("train")
        self.bad = [asked_of(plan_episode(sizes, **SHAPE, number=n)) for n in fail_at]
        self.lock = threading.Lock()

    def pool_sizes(self, part):
        return self.source.pool_sizes(part)

    def clips(self, part, selections):
        with self.lock:
            self.asked += 1
        if selections in self.bad:
            raise ShardError("broken clip")
        return self.source.clips(part, selections)


def our_threads():
    return [t for t in threading.enumerate() if t.name.startswith("episodes")]


def plans(iterator):
    return [episode.plan for episode in iterator]


def test_episodes_follow_the_plans_of_their_numbers(source):
    expected = [plan_episode(source.pool_sizes("train"), **SHAPE, number=n) for n in range(7)]
    fetched = list(episodes(source, "train", **SHAPE, count=7))
    assert [e.plan for e in fetched] == expected
    for episode in fetched:
        alone = fetch_episode(source, "train", episode.plan)
        assert torch.equal(episode.query.joints_LMTVC, alone.query.joints_LMTVC)
    assert our_threads() == []


@pytest.mark.parametrize(("workers", "prefetch"), [(0, 1), (1, 1), (2, 4), (4, 2), (3, 50)])
def test_workers_and_prefetch_change_nothing(source, workers, prefetch):
    expected = plans(episodes(source, "train", **SHAPE, count=12))
    assert plans(episodes(source, "train", **SHAPE, count=12, workers=workers, prefetch=prefetch)) == expected


def test_order_holds_where_later_episodes_are_ready_first(source):
    expected = plans(episodes(source, "train", **SHAPE, count=5))

    class Slow(Watched):
        def clips(self, part, selections):
            if selections == asked_of(expected[0]):
                time.sleep(0.1)
            return super().clips(part, selections)

    assert plans(episodes(Slow(source), "train", **SHAPE, count=5, workers=3)) == expected


def test_starting_later_skips_without_reading(source):
    watched = Watched(source)
    expected = plans(episodes(source, "train", **SHAPE, count=10))[7:]
    assert plans(episodes(watched, "train", **SHAPE, count=10, start=7)) == expected
    assert watched.asked == 3
    assert plans(episodes(watched, "train", **SHAPE, count=3, start=3)) == []


def test_ranks_have_every_so_many_of_the_episodes_between_them(source):
    whole = plans(episodes(source, "train", **SHAPE, count=8))
    for rank in range(2):
        assert plans(episodes(source, "train", **SHAPE, count=8, start=2 + rank, every=2)) == whole[2 + rank :: 2]


def test_look_ahead_is_bounded_and_closing_early_ends_the_threads(source):
    watched = Watched(source)
    iterator = episodes(watched, "train", **SHAPE, count=10**9, prefetch=3, workers=2)
    for _ in range(5):
        next(iterator)
    assert our_threads()
    iterator.close()
    assert our_threads() == []
    assert 5 <= watched.asked <= 5 + 3


def test_an_error_is_raised_in_place_of_its_episode(source):
    for workers in (0, 2):
        iterator = episodes(Watched(source, fail_at=[3]), "train", **SHAPE, count=8, workers=workers)
        expected = plans(episodes(source, "train", **SHAPE, count=3))
        assert [next(iterator).plan for _ in range(3)] == expected
        with pytest.raises(ShardError, match=r"^broken clip$"):
            next(iterator)
        assert our_threads() == []


def test_a_pool_too_small_or_a_wrong_subset_is_refused_before_anything_is_read(source):
    watched = Watched(source)
    with pytest.raises(RunError, match=r"^toy: val has 1 class, 2-way needs 2"):
        episodes(watched, "val", **SHAPE, count=1)
    with pytest.raises(RunError, match="needs 5 clips in every class, but class 2 has 4, class 7 has 3"):
        episodes(watched, "train", **{**SHAPE, "n_query": 4}, count=1)
    with pytest.raises(RunError, match="no subset 'test'"):
        episodes(watched, "test", **SHAPE, count=1)
    assert watched.asked == 0


@pytest.mark.parametrize(
    "wrong", [{"workers": -1}, {"prefetch": 0}, {"every": 0}, {"start": -1}, {"count": -1}, {"seed": -1}]
)
def test_numbers_below_their_minimum_are_refused(source, wrong):
    with pytest.raises(ValueError, match="must not be negative, prefetch and every at least 1"):
        episodes(source, "train", **{**SHAPE, "count": 1, **wrong})


def test_episodes_are_moved_to_the_device(source):
    (episode,) = episodes(source, "train", **SHAPE, count=1, device=torch.device("meta"))
    assert episode.query.joints_LMTVC.device.type == "meta"
    assert episode.support_labels.device.type == "meta"


def test_batches_are_the_clips_of_each_selection_in_turn(source):
    selections = [[(2, 0), (7, 1)], [(7, 2)], [(2, 3)]]
    batches = list(clip_batches(source, "train", selections, device=torch.device("cpu"), prefetch=1))
    for batch, asked in zip(batches, selections, strict=True):
        assert torch.equal(batch.joints_LMTVC, source.clips("train", [asked])[0].joints_LMTVC)
    (moved,) = clip_batches(source, "train", [[(2, 0)]], device=torch.device("meta"))
    assert moved.joints_LMTVC.device.type == "meta"
    with pytest.raises(ValueError, match="no clip 99"):
        list(clip_batches(source, "train", [[(2, 99)]], device=torch.device("cpu")))
    assert our_threads() == []
