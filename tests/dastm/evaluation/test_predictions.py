"""Every query's prediction: which clip it was, and the nearest class of its episode."""

import io
from contextlib import closing

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.evaluation import one_shot
from dastm.evaluation.predictions import Noted, predictions_file
from tests.toy import toy_shards


@pytest.fixture
def source(tmp_path):
    exemplars = dict.fromkeys(range(9, 13), (1,))
    with closing(open_source(toy_shards(tmp_path / "shards", exemplars=exemplars))) as opened:
        yield opened


def own_class_first(episode):
    """Right for every query but the first."""
    labels = episode.query_labels.clone()
    labels[0] = (labels[0] + 1) % len(episode.plan.class_ids)
    return 1 - torch.nn.functional.one_hot(labels, len(episode.plan.class_ids)).float()


def test_a_row_a_query_says_which_clip_it_was_and_which_class_it_was_taken_for(source):
    items = list(episodes(source, "test", n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, count=2))
    noted = Noted(own_class_first)
    for episode in items:
        assert torch.equal(noted(episode), own_class_first(episode))
    number, class_id, clip, predicted = noted.columns()
    assert number.tolist() == [0] * 6 + [1] * 6
    plans = [episode.plan for episode in items]
    assert class_id.tolist() == [c for plan in plans for c in plan.class_ids for _ in range(2)]
    assert clip.tolist() == [i for plan in plans for of_class in plan.query for i in of_class]
    assert np.flatnonzero(predicted != class_id).tolist() == [0, 6]
    assert predicted[0] == plans[0].class_ids[1]


def test_queries_of_unknown_classes_are_no_mistakes(source):
    """They have no class that they could be rightly taken for, and would make every class look worse."""
    shape = {"n_way": 2, "k_shot": 1, "n_query": 2, "seed": 0, "epoch": 0, "count": 2}
    noted = Noted(lambda episode: torch.zeros(len(episode.query_labels), 2))
    plans = [noted(episode) is not None and episode.plan for episode in episodes(source, "test", **shape, n_unknown=2)]
    _, class_id, _, predicted = noted.columns()
    assert class_id.tolist() == [c for plan in plans for c in plan.class_ids[:2] for _ in range(2)]
    assert predicted.tolist() == [plan.class_ids[0] for plan in plans for _ in range(4)]


def test_chunks_of_the_one_shot_protocol_are_one_episode(source, monkeypatch):
    monkeypatch.setattr(one_shot, "CHUNK", 10)
    noted = Noted(own_class_first)
    for episode in one_shot.chunks(source, "test", torch.device("cpu")):
        noted(episode)
    number, class_id, clip, predicted = noted.columns()
    assert set(number.tolist()) == {0}
    assert class_id.tolist() == [c for c in range(9, 13) for _ in range(7)]
    assert clip.tolist() == [0, 2, 3, 4, 5, 6, 7] * 4
    assert np.flatnonzero(predicted != class_id).tolist() == [0, 10, 20]


def test_the_file_has_all_rows_and_seeds_and_the_same_bytes_each_time(source):
    noted = Noted(own_class_first)
    for episode in episodes(source, "test", n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, count=2):
        noted(episode)
    asked = [("DASTM", 3, noted.columns()), ("coordinates", 0, noted.columns())]
    data, n_rows = predictions_file(asked)
    assert (data, n_rows) == predictions_file(asked)
    table = pq.read_table(io.BytesIO(data))
    assert (table.num_rows, n_rows) == (24, 24)
    assert table.column_names == ["row", "seed", "episode", "class_id", "clip", "predicted"]
    assert table["row"].to_pylist() == ["DASTM"] * 12 + ["coordinates"] * 12
    assert table["seed"].to_pylist() == [3] * 12 + [0] * 12
