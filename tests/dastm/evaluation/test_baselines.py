"""Baselines have one table; that of coordinates has identical clips at distance zero, and absent bodies as zeros."""

import dataclasses
from contextlib import closing
from typing import get_args

import torch

from dastm.config.schema import Baseline, EvalConfig
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.evaluation.baselines import BASELINES, BaselineRow, coordinate_distances
from dastm.evaluation.evaluator import evaluate
from tests.toy import toy_shards


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

    monkeypatch.setitem(BASELINES, "untrained", BaselineRow(words="always the first class", distances=first_class))
    config = EvalConfig(n_way=3, n_query=2, episodes=4, baselines=("untrained", "coordinates"))
    with closing(open_source(toy_shards(tmp_path))) as source:
        rows = {row.name: row.by_seed[0] for row in evaluate(source, config, None, "cpu")}
    assert len(asked) == 4
    assert rows["untrained"].tolist() == [1 / 3] * 4
    assert rows["coordinates"].tolist() != rows["untrained"].tolist()
