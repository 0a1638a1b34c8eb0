from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.skeleton import NTU25
from dastm.episodes.arrays import episode_from_arrays
from dastm.episodes.loader import episodes
from dastm.runs.load import load_recogniser, load_run
from dastm.runs.record import TrainingRecord
from tests.toy import tiny, toy_shards, train_toy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("toy")
    train_toy(toy_shards(path / "shards"), path / "run", tiny(optimise__epochs=1, augment__n_frames=4))
    return path / "run"


def test_a_run_measures_what_its_best_weights_measure(folder):
    run = load_run(folder, device="cpu")
    with closing(run.open_shards()) as source:
        episode = next(episodes(source, "test", n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, count=1))
    model = load_recogniser(folder, run.record.config, run.layout, 0, torch.device("cpu"))
    with torch.inference_mode():
        assert torch.equal(run.distances(episode), model.episode_distances(episode))


def test_clips_of_other_frames_than_the_network_sees_are_refused(folder):
    clip = np.zeros((1, 6, 3, 3), np.float32)
    with pytest.raises(ValueError, match=r"expected clips of \(T, V, C\) \(4, 3, 3\), .* got \(6, 3, 3\)"):
        load_run(folder, device="cpu").distances(episode_from_arrays({0: [clip]}, {0: [clip]}))


def test_what_is_no_run_of_ours_is_refused_in_one_line(folder, tmp_path):
    with pytest.raises(RunError, match=r"no seed 3; the run has 0$"):
        load_run(folder, seed=3, device="cpu")
    with pytest.raises(RunError, match="not a run folder"):
        load_run(tmp_path)
    replace(TrainingRecord.read(folder), layout=None).write(tmp_path)
    with pytest.raises(RunError, match="does not say which skeleton"):
        load_run(tmp_path)
    other = toy_shards(tmp_path / "other", layout=NTU25)
    with pytest.raises(RunError, match="do not fit these data"):
        load_run(folder, device="cpu").open_shards(other)


def test_results_of_an_evaluation_are_no_run(tmp_path):
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(RunError, match="results of `dastm eval`, not a run; name the run"):
        load_run(tmp_path)
