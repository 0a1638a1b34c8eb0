from dataclasses import replace

import pytest

from dastm.config.evaluation import EvalConfig
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.results_folder import evaluation_folder, outdated_because
from dastm.runs.record import TrainingRecord
from tests.toy import tiny, toy_shards, train_toy

CONFIG = EvalConfig(n_way=3, n_query=2, episodes=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("toy")
    train_toy(toy_shards(path / "shards"), path / "run", tiny(optimise__epochs=1))
    return path / "run"


def test_an_evaluation_is_outdated_by_other_seeds_and_by_other_weights(run):
    metrics, record = evaluate_and_write(CONFIG, run, None, "cpu", None), TrainingRecord.read(run)
    assert outdated_because(metrics, record, run) == ""
    assert outdated_because({}, record, run) == "of seeds none, and the run has 0"
    assert outdated_because({"weights": {"0": "other"}}, record, run) == "of other weights of seed 0"
    assert outdated_because({"weights": {"0": "none"}}, record, run.parent) == ""


def test_without_a_run_the_folder_is_named_by_the_episodes_alone():
    assert evaluation_folder(replace(CONFIG, seed=3), None, None) == "test-3way-1shot-2q-4e-seed3"
