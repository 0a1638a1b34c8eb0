"""Queries of an evaluation, drawn and measured again: what the page says of them is what decided."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from dastm.config.schema import EvalConfig
from dastm.contract.skeleton import BODY19
from dastm.episodes.sources import open_source
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.predictions import read_predictions
from dastm.report.evaluations import Names
from dastm.report.explained_queries import MOST_RIGHT, MOST_WRONG, Asked, _row_of, _upright, chosen, shown
from dastm.report.mistakes import mistakes
from dastm.report.sections import _network
from dastm.runs.encoders import run_of
from dastm.runs.record import TrainingRecord
from dastm.runs.results import read_evaluation
from tests.toy import toy_shards


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """An evaluation with unknown classes, its mistakes, its network, and names."""
    root, run = tmp_path_factory.mktemp("scored"), run_of("motion3d")
    shards = toy_shards(root / "shards", layout=BODY19, dataset="mine", frames=9, noise=3.0)
    config = EvalConfig(n_way=2, k_shot=2, n_query=2, episodes=4, open_set=2)
    evaluate_and_write(config, run, shards, "cpu", root / "out")
    found = read_evaluation(root / "out")
    with closing(open_source(shards)) as source:
        names, clip_name = Names.of(source.manifest, shards).of_subset("test", found.metrics["shards"])
        network, _ = _network(source, TrainingRecord.read(run), run)
        wrong = mistakes(read_predictions(found.predictions), next(iter(found.metrics["rows"])), names, clip_name)
        yield found, wrong, network, names, clip_name


@pytest.fixture(scope="module")
def explained(scored):
    found, wrong, network, names, clip_name = scored
    return network.explained(found, wrong, names, clip_name)


def test_the_worst_clips_come_first_then_some_that_were_judged_rightly(scored, explained):
    _, wrong, _, _, _ = scored
    worst = [one.key for one in wrong.clips][:MOST_WRONG]
    assert worst
    assert [one.key for one in explained if not one.right] == worst
    assert 1 <= sum(one.right for one in explained) <= MOST_RIGHT


def test_the_class_that_a_clip_was_taken_for_is_the_nearer_one(explained):
    for one in explained:
        taken, other = one.comparisons
        assert taken.distance < other.distance
        assert taken.shares.sum() == pytest.approx(taken.distance, rel=1e-6)
        rightly = "rightly taken" if one.right else "was taken"
        assert f"“{one.name}”" in one.sentence
        assert f"{rightly} for “{taken.action}” in episode " in one.sentence
        assert f"distance {taken.distance:.2f}" in one.sentence
        assert all(
            heading.endswith(f"“{c.action}”") for heading, c in zip(one.headings(), one.comparisons, strict=True)
        )


def test_a_page_has_two_comparisons_of_each_on_one_scale(explained):
    pages = shown(explained)
    assert list(pages) == [one.key for one in explained]
    assert {len(page.views) for page in pages.values()} == {2}
    assert len({view.scene["mostStep"] for page in pages.values() for view in page.views}) == 1
    assert shown([]) == {}


def test_baselines_and_models_whose_joints_attend_to_each_other_are_not_explained(scored):
    found, wrong, network, names, clip_name = scored
    assert network.explained(found, replace(wrong, row="path"), names, clip_name) == []
    other = replace(found, metrics={**found.metrics, "settings": {"protocol": "one-shot"}})
    assert network.explained(other, wrong, names, clip_name) == []


def test_a_query_that_the_episode_does_not_have_is_left_out(scored):
    found, wrong, network, _, _ = scored
    asked = next(chosen(read_predictions(found.predictions), wrong, 0))
    episode = network._episode(found.metrics["settings"], asked.episode)
    assert _row_of(episode, asked, 2) in range(4)
    assert _row_of(episode, asked._replace(clip=99), 2) is None
    unknown = episode.plan.class_ids[-1]
    assert _row_of(episode, Asked(asked.episode, unknown, episode.plan.query[-1][0], asked.predicted), 2) is None


def test_skeletons_whose_third_coordinate_points_up_stand():
    pose = np.array([[[1.0, 2.0, 3.0]]])
    assert _upright(pose, BODY19, "z").tolist() == [[[1.0, 3.0, -2.0]]]
    assert _upright(pose, BODY19, "y") is pose
