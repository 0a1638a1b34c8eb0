"""Features kept from episode to episode give the distances that they give anew."""

from contextlib import closing

import pytest
import torch

from dastm.episodes.episode import ClipBatch
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.episodes.unread import unread
from dastm.evaluation import feature_cache
from dastm.evaluation.feature_cache import FeatureCache
from dastm.model.network import build_recogniser
from tests.toy import tiny, toy_shards

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    with closing(open_source(toy_shards(tmp_path_factory.mktemp("toy") / "shards"))) as opened:
        yield opened


def some(source, count=12):
    return episodes(source, "train", n_way=3, k_shot=2, n_query=2, seed=0, epoch=0, count=count)


PATH = {"matching__examples": "power_mean", "matching__path_power": 0.5}


@pytest.mark.parametrize("settings", [{}, PATH], ids=["prototypes", "examples and path"])
@pytest.mark.parametrize("budget", [2**30, 100_000, 0], ids=["kept", "some kept", "none kept"])
def test_distances_are_those_of_the_network(source, budget, settings):
    model = build_recogniser(tiny(**settings), source.manifest.layout, 0).double()
    encoded = FeatureCache(model, budget=budget)
    with torch.inference_mode():
        for episode in some(source):
            clips = {name: getattr(episode, name) for name in ("support", "query")}
            for batch in clips.values():
                object.__setattr__(batch, "joints_LMTVC", batch.joints_LMTVC.double())
            torch.testing.assert_close(encoded(episode), model.episode_distances(episode), rtol=1e-10, atol=1e-12)


def test_a_clip_is_encoded_once(source, monkeypatch):
    model = build_recogniser(tiny(), source.manifest.layout, 0)
    encode, counts = model.encode, []
    monkeypatch.setattr(model, "encode", lambda clips: counts.append(len(clips.present_LM)) or encode(clips))
    distances = FeatureCache(model)
    with torch.inference_mode():
        for episode in some(source, 30):
            distances(episode)
    assert sum(counts) == len(distances.kept) <= 48
    assert len(counts) < 40


def test_the_terms_of_a_clip_s_path_are_computed_once(source, monkeypatch):
    model = build_recogniser(tiny(**PATH), source.manifest.layout, 0)
    terms, counts = model.path_terms, []
    monkeypatch.setattr(model, "path_terms", lambda clips: counts.append(len(clips.present_LM)) or terms(clips))
    distances = FeatureCache(model)
    with torch.inference_mode():
        for episode in some(source, 30):
            distances(episode)
    assert sum(counts) == len(distances.kept_terms) == len(distances.kept) <= 48


def test_terms_that_were_kept_of_fewer_bodies_have_zeros_for_the_others(source):
    model = build_recogniser(tiny(**PATH), source.manifest.layout, 0)
    joints = next(iter(some(source, 1))).query.joints_LMTVC[:3, :1]
    alone = ClipBatch(joints_LMTVC=joints[:2], present_LM=torch.ones(2, 1, dtype=torch.bool))
    pairs = torch.cat([joints, joints.flip(2)], dim=1)
    in_pairs = ClipBatch(joints_LMTVC=pairs, present_LM=torch.ones(3, 2, dtype=torch.bool))
    distances = FeatureCache(model)
    distances.terms([(0, 0), (0, 1)], alone)
    found = distances.terms([(0, 0), (0, 1), (0, 2)], in_pairs)
    assert torch.equal(found[:2, :1], model.path_terms(alone))
    assert not found[:2, 1].any()
    assert torch.equal(found[2], model.path_terms(in_pairs)[2])


def test_beyond_the_budget_nothing_is_kept(source):
    distances = FeatureCache(build_recogniser(tiny(), source.manifest.layout, 0), budget=1000)
    with torch.inference_mode():
        for episode in some(source, 3):
            distances(episode)
    assert not distances.kept


class Doubles:
    """A source in float64, so that what is compared differs by no more than the order of its sums."""

    def __init__(self, source):
        self.clips = lambda subset, selections: [
            ClipBatch(joints_LMTVC=clips.joints_LMTVC.double(), present_LM=clips.present_LM)
            for clips in source.clips(subset, selections)
        ]


NEAREST = {"matching__examples": "nearest", "matching__spatial": "none", "matching__frame_distance": "cosine"}


@pytest.mark.parametrize(
    ("settings", "k_shot", "compared"),
    [({}, 1, True), ({}, 2, False), (PATH, 2, True), (NEAREST, 2, True)],
    ids=["one example", "means", "both and path", "nearest"],
)
def test_distances_of_prepared_episodes_are_those_of_the_network(source, settings, k_shot, compared):
    model = build_recogniser(tiny(**settings), source.manifest.layout, 0).double()
    shape = {"n_way": 3, "k_shot": k_shot, "n_query": 8 - k_shot, "seed": 0, "epoch": 0}
    items = list(episodes(source, "train", count=60, **shape))
    cache = FeatureCache(model)
    assert cache.prepare(Doubles(source), "train", [episode.plan for episode in items], CPU)
    assert bool(cache.rows) == compared
    with torch.inference_mode():
        for prepared, episode in zip(episodes(unread(source), "train", count=60, **shape), items[:12], strict=False):
            for batch in (episode.support, episode.query):
                object.__setattr__(batch, "joints_LMTVC", batch.joints_LMTVC.double())
            torch.testing.assert_close(cache(prepared), model.episode_distances(episode), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("budget", [2**30, 12_000], ids=["all kept", "some kept"])
def test_distances_of_prepared_episodes_do_not_depend_on_which_comes_first(source, budget, monkeypatch):
    monkeypatch.setattr(feature_cache, "CLIPS", 8)
    model = build_recogniser(tiny(**PATH), source.manifest.layout, 0)
    items, found = list(some(source)), []
    for order in (1, -1):
        cache = FeatureCache(model, budget=budget)
        assert cache.prepare(source, "train", [episode.plan for episode in items], CPU) == (budget > 12_000)
        assert cache.kept
        with torch.inference_mode():
            found.append([cache(episode) for episode in items[::order]][::order])
    for first, second in zip(*found, strict=True):
        assert torch.equal(first, second)


def test_more_pairs_than_the_episodes_ask_for_are_not_compared(source):
    cache = FeatureCache(build_recogniser(tiny(**PATH), source.manifest.layout, 0))
    assert cache.prepare(source, "train", [episode.plan for episode in some(source)], CPU)
    assert not cache.rows
