"""More examples: the same queries, the first of the same draw; a table and a file where they are asked for."""

import csv
from contextlib import closing

import numpy as np
import pytest
import torch

from dastm.config.evaluation import EvalConfig
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.evaluation.evaluator import evaluate, evaluate_and_write
from dastm.evaluation.printed import table_lines
from dastm.evaluation.shots import first_examples
from tests.toy import tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow

CONFIG = EvalConfig(n_way=3, n_query=2, episodes=8, k_shot=2, shots=(1, 4), baselines=("coordinates", "path"))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("shots") / "shards", noise=2.0, subjects=(1, 2))


def test_fewer_examples_are_the_first_ones_and_queries_stay(shards):
    with closing(open_source(shards)) as source:
        (whole,) = episodes(source, "test", n_way=3, k_shot=4, n_query=2, seed=0, epoch=0, count=1)
    part = first_examples(whole, 2)
    assert part.plan.support == tuple(row[:2] for row in whole.plan.support)
    assert part.support_labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert torch.equal(part.support.joints_LMTVC, whole.support.joints_LMTVC[[0, 1, 4, 5, 8, 9]])
    assert torch.equal(part.support.present_LM, whole.support.present_LM[[0, 1, 4, 5, 8, 9]])
    assert part.query is whole.query


def test_each_number_of_examples_is_scored_on_the_queries_of_the_largest(shards):
    with closing(open_source(shards)) as source:
        rows = evaluate(source, CONFIG, None, "cpu")
        most = evaluate(source, EvalConfig(**{**vars(CONFIG), "k_shot": 4, "shots": ()}), None, "cpu")
    for row, whole in zip(rows, most, strict=True):
        assert sorted(row.by_shots[0]) == [1, 2, 4]
        assert np.array_equal(row.by_shots[0][4], whole.by_seed[0])
        assert np.array_equal(row.by_shots[0][2], row.by_seed[0])
        assert not np.array_equal(row.by_shots[0][1], row.by_shots[0][4])


def test_a_network_is_scored_with_each_number_of_examples_by_subject(shards, tmp_path):
    train_toy(shards, tmp_path / "run", tiny(optimise__seeds=[0, 1], optimise__epochs=1))
    config = EvalConfig(n_way=3, n_query=2, episodes=4, shots=(1, 2), by="subject")
    metrics = evaluate_and_write(config, tmp_path / "run", None, "cpu", None)
    assert list(metrics["shots"]["DASTM"]) == ["1", "2"]
    assert metrics["shots"]["DASTM"]["1"] == {key: metrics["rows"]["DASTM"][key] for key in ("mean", "interval")}
    assert (tmp_path / "run/eval/test-3way-1shot-2q-4e-by-subject-shots1_2-seed0/shots.csv").is_file()


def test_numbers_are_printed_and_written_and_gone_with_the_next_evaluation(shards, tmp_path):
    metrics = evaluate_and_write(CONFIG, None, shards, "cpu", tmp_path)
    head = next(line for line in table_lines(metrics) if "examples a class" in line)
    assert head.split() == ["examples", "a", "class", "1", "2", "4"]
    with (tmp_path / "shots.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert [(cell["row"], cell["shots"]) for cell in cells] == [
        (row, shots) for row in ("coordinates", "path") for shots in ("1", "2", "4")
    ]
    assert float(cells[1]["accuracy"]) == metrics["rows"]["coordinates"]["mean"]
    evaluate_and_write(EvalConfig(**{**vars(CONFIG), "shots": ()}), None, shards, "cpu", tmp_path)
    assert not (tmp_path / "shots.csv").exists()


def test_one_left_out_is_scored_with_each_number_of_examples(shards):
    config = EvalConfig(protocol="leave-one-out", by="subject", shots=(1, 3), baselines=("path",))
    metrics = evaluate_and_write(config, None, shards, "cpu", None)
    assert metrics["shots"]["path"]["1"] == metrics["rows"]["path"]
    assert list(metrics["shots"]["path"]) == ["1", "3"]
