"""Baselines have one table; those of clips alone have identical clips at distance zero, and absent bodies as zeros."""

import dataclasses
from contextlib import closing
from typing import get_args

import pytest
import torch

from dastm.config.evaluation import Baseline, EvalConfig
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.evaluation.baselines import BASELINES, BaselineRow, coordinate_distances, path_to_classes
from dastm.evaluation.evaluator import evaluate
from tests.oracles.path import path_distance
from tests.toy import STICK, tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow


def test_a_copy_of_a_support_clip_is_at_distance_zero(tmp_path):
    with closing(open_source(toy_shards(tmp_path))) as source:
        episode = next(episodes(source, "test", n_way=3, k_shot=1, n_query=1, seed=0, epoch=0, count=1))
    distances = coordinate_distances(dataclasses.replace(episode, query=episode.support))
    assert torch.equal(distances.diagonal(), torch.zeros(3))
    assert (distances + torch.eye(3) > 0).all()


def test_the_table_holds_every_name_that_a_configuration_may_give():
    assert set(BASELINES) == set(get_args(Baseline))


def test_a_baseline_is_scored_by_the_function_of_its_own_row(tmp_path, monkeypatch):
    """Whatever the name is: no name stands for another one's function."""
    asked = []

    def first_class(episode):
        asked.append(episode)
        return torch.arange(3.0).repeat(len(episode.query_labels), 1)

    monkeypatch.setitem(BASELINES, "untrained", BaselineRow(words="one class", distances=lambda _: first_class))
    config = EvalConfig(n_way=3, n_query=2, episodes=4, baselines=("untrained", "coordinates"))
    with closing(open_source(toy_shards(tmp_path))) as source:
        rows = {row.name: row.by_seed[0] for row in evaluate(source, config, None, "cpu")}
    assert len(asked) == 4
    assert rows["untrained"].tolist() == [1 / 3] * 4
    assert rows["coordinates"].tolist() != rows["untrained"].tolist()


def test_the_path_is_compared_with_that_of_a_classs_nearest_example(tmp_path):
    with closing(open_source(toy_shards(tmp_path))) as source:
        episode = next(episodes(source, "test", n_way=3, k_shot=2, n_query=2, seed=0, epoch=0, count=1))
    bodies = max(clips.joints_LMTVC.shape[1] for clips in (episode.support, episode.query))
    support, query = (
        [
            torch.nn.functional.pad(clip, (0,) * 7 + (bodies - len(clip),)).transpose(0, 1).flatten(1).tolist()
            for clip in clips.joints_LMTVC.double()
        ]
        for clips in (episode.support, episode.query)
    )
    expected = [
        [min(path_distance(one, other) for other in support[2 * way : 2 * way + 2]) for way in range(3)]
        for one in query
    ]
    found = path_to_classes(STICK)(episode)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-6, atol=1e-6)


def test_a_confidence_is_no_place_on_the_path(tmp_path):
    image = dataclasses.replace(STICK, coordinates=("x", "y", "confidence"))
    with closing(open_source(toy_shards(tmp_path, layout=image))) as source:
        episode = next(episodes(source, "test", n_way=3, k_shot=1, n_query=1, seed=0, epoch=0, count=1))
    sure = []
    for clips in (episode.support, episode.query):
        places, confidence = clips.joints_LMTVC.split((2, 1), dim=-1)
        joints = torch.cat([places, torch.full_like(confidence, 0.9)], dim=-1)
        sure.append(dataclasses.replace(clips, joints_LMTVC=joints))
    flat = [dataclasses.replace(clips, joints_LMTVC=clips.joints_LMTVC[..., :2]) for clips in sure]
    found, expected = (
        path_to_classes(layout)(dataclasses.replace(episode, support=clips[0], query=clips[1]))
        for layout, clips in ((image, sure), (STICK, flat))
    )
    assert torch.equal(found, expected)


def test_what_needs_no_run_scores_the_same_beside_a_run_that_sees_points_along_the_path(tmp_path):
    shards = toy_shards(tmp_path / "shards", noise=0.6)
    train_toy(shards, tmp_path / "run", tiny(augment__n_frames=2, augment__sampling="path"))
    config = EvalConfig(n_way=3, n_query=2, episodes=6, baselines=("coordinates", "path"))
    with closing(open_source(shards)) as source:
        beside, alone = (evaluate(source, config, run, "cpu")[-2:] for run in (tmp_path / "run", None))
    for one, other in zip(beside, alone, strict=True):
        assert one.name == other.name
        assert one.by_seed[0].tolist() == other.by_seed[0].tolist()
