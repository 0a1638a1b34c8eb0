"""What the figures show is what the model computed: activations are rows of probabilities, the path is the best one."""

from contextlib import closing

import numpy as np
import pytest
import torch

from dastm.contract.skeleton import OPENPOSE18
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.model.network import build_recogniser
from dastm.report.explain import _most_to_see, explain
from tests.toy import STICK, tiny, toy_shards

pytestmark = pytest.mark.slow


@pytest.fixture
def source(tmp_path):
    with closing(open_source(toy_shards(tmp_path / "shards"))) as opened:
        yield opened


def explained(source, **settings):
    model = build_recogniser(tiny(**settings), STICK, 0)
    return model, explain(model, source, "test", 3, torch.device("cpu"))


@pytest.mark.parametrize(
    "settings",
    [{}, {"matching__examples": "power_mean", "matching__path_power": 0.5}],
    ids=["", "path"],
)
def test_pairs_are_the_own_class_and_the_nearest_wrong_one(source, settings):
    model, explanation = explained(source, matching__init="identity", **settings)
    episode = next(episodes(source, "test", n_way=3, k_shot=1, n_query=1, seed=0, epoch=0, count=1))
    with torch.inference_mode():
        distances = model.episode_distances(episode)[0].tolist()
    names = [source.manifest.subsets["test"][class_id].name for class_id in episode.plan.class_ids]
    nearest_wrong = int(np.argmin(distances[1:])) + 1
    assert explanation.same.query_class == explanation.same.prototype_class == names[0]
    assert explanation.other.prototype_class == names[nearest_wrong]
    assert explanation.same.distance == pytest.approx(distances[0], rel=1e-5)
    assert explanation.other.distance == pytest.approx(distances[nearest_wrong], rel=1e-5)


def test_path_costs_the_distance_and_alignments_are_probabilities(source):
    _, explanation = explained(source)
    for pair in (explanation.same, explanation.other):
        found = pair.alignment
        t, s = found.path_P2.T
        assert found.cost_TS[t, s].sum() == pytest.approx(pair.distance, rel=1e-5)
        assert (found.expected_TS >= 0).all()
        assert found.expected_TS[0, 0] == pytest.approx(1)
        assert found.expected_TS[-1, -1] == pytest.approx(1)
        assert pair.frames in {tuple(step) for step in found.path_P2.tolist()}


METHODS = {
    "equations": {"matching__spatial": "activation"},
    "block": {"matching__spatial": "activation", "matching__attention": "block"},
    "NGM": {"matching__spatial": "self"},
    "NGM with the block": {"matching__spatial": "self", "matching__attention": "block"},
    "DTW": {"matching__spatial": "none"},
    "ProtoNet": {"matching__spatial": "none", "matching__temporal": "none"},
}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_shows_what_it_has_and_nothing_else(source, method):
    """Attention is rows of probabilities, of the frames that are shown; ProtoNet and the block pair t with t."""
    model, explanation = explained(source, **METHODS[method])
    pair, found = explanation.same, explanation.same.attention
    assert (pair.alignment is None) == (method == "ProtoNet")
    assert (found is None) == (method in ("DTW", "ProtoNet"))
    if method in ("ProtoNet", "block"):
        assert pair.frames[0] == pair.frames[1]
    if found is None:
        return
    assert found.within == method.startswith("NGM")
    assert found.together == (method == "block")
    episode = next(episodes(source, "test", n_way=3, k_shot=1, n_query=1, seed=0, epoch=0, count=1))
    with torch.inference_mode():
        query = model.encode(episode.query)[0, pair.frames[0]]
        support = model.encode(episode.support)[0, pair.frames[1]]
        module = model.matcher.within or model.activation
        expected = [module.attention(h, h) for h in (query, support)] if found.within else None
        expected = expected or module.attention(query, support)
    for matrix, right in zip((found.query_VV, found.support_VV), expected, strict=True):
        np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-6)
        np.testing.assert_allclose(matrix, right.numpy(), rtol=1e-5)


def test_shown_poses_are_frames_of_the_clips(source):
    _, explanation = explained(source)
    episode = next(episodes(source, "test", n_way=3, k_shot=1, n_query=1, seed=0, epoch=0, count=1))
    for pair, clip in ((explanation.same, episode.query), (explanation.same, episode.support)):
        shown, side = (pair.query_VC, 0) if clip is episode.query else (pair.support_VC, 1)
        frame = 4 * pair.frames[side]  # strides of 2 and 2
        assert np.array_equal(shown, clip.joints_LMTVC[0, 0, frame].double().numpy())
    assert explanation.features_VD.shape == (3, 16)


def test_the_shown_step_is_the_one_with_most_to_see_or_the_middle():
    full, half, nothing = (np.array([[0, 0, c], [1, 1, d]], float) for c, d in ((1, 1), (1, 0), (0, 0)))
    assert _most_to_see([(full, nothing), (full, half), (half, nothing)], OPENPOSE18) == 1
    assert _most_to_see([(full, full), (nothing, full), (full, full), (half, half)], OPENPOSE18) == 2
    assert _most_to_see([(nothing, nothing)] * 5, STICK) == 2


@pytest.mark.parametrize("path", [0.0, 0.5])
def test_shares_of_joints_add_up_to_the_distance_of_the_pair(source, path):
    settings = {"matching__spatial": "none", "matching__examples": "power_mean", "matching__path_power": path}
    _, explanation = explained(source, **settings, matching__unit_frames=True, matching__frame_distance="cosine")
    for pair in (explanation.same, explanation.other):
        assert pair.shares_V.sum() == pytest.approx(pair.distance, rel=1e-4, abs=1e-6)
        assert (pair.shares_V >= 0).all()


def test_a_distance_that_is_no_sum_over_joints_has_no_shares(source):
    assert explained(source)[1].same.shares_V is None
