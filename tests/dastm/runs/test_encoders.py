"""An encoder is found by name, scored on data of anybody, begun from, and never written into."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.contract.skeleton import BODY19, NTU25, POSE15, STANDARD19
from dastm.episodes.arrays import episode_from_arrays
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.model.matching.rejection import USUAL, Limits
from dastm.runs.checkpoint import save_checkpoint
from dastm.runs.encoders import ENCODERS, best_weights, is_encoder, make_encoder, results_of, run_of
from dastm.runs.limits import Known, limits_path, read_limits, write_limits
from dastm.runs.load import load_run
from dastm.runs.record import TrainingRecord
from dastm.runs.whereabouts import shards_of
from tests.toy import tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow

COMMON = {"augment__layout": "body19", "augment__n_frames": 4, "optimise__epochs": 1}
CONFIG = EvalConfig(n_way=3, n_query=2, episodes=4, allow_seen=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """`encoders/toy3d`, made of a run of two seeds; `mine`, shards of another layout."""
    root = tmp_path_factory.mktemp("encoders")
    config = tiny(**COMMON, optimise__seeds=(4, 2))
    train_toy(toy_shards(root / "shards", layout=NTU25, dataset="made"), root / "run", config)
    make_encoder(root / "run", root / "encoders" / "toy3d", "# toy3d\n")
    toy_shards(root / "mine", layout=BODY19, dataset="mine", frames=9)
    return root


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_encoder_holds_its_record_the_weights_of_one_seed_and_a_card_and_no_path(place):
    folder = place / "encoders" / "toy3d"
    assert sorted(contents(folder)) == ["card.md", "train/config.json", "train/seed-4/best.pt"]
    record = TrainingRecord.read(folder)
    assert record.config.optimise.seeds == (4,)
    assert record.classes == TrainingRecord.read(place / "run").classes
    assert str(place) not in (folder / "train" / "config.json").read_text()


def test_limits_that_were_measured_are_shipped_with_the_weights(place, tmp_path):
    limits = Limits(threshold=0.5, decline=0.1, spread=1.5, temperature=0.2)
    path = limits_path(place / "run")
    known = Known(joints_KTVC=np.ones((1, 3, 2, 3), dtype=np.float32), class_ids=(1,))
    write_limits(path, place / "run", {4: limits, 2: limits}, known, {})
    try:
        make_encoder(place / "run", tmp_path / "toy3d", "# toy3d\n")
    finally:
        path.unlink()
    assert read_limits(tmp_path / "toy3d", 4)[0] == limits


@pytest.mark.parametrize("name", ["motion3d", "motion2d"])
def test_the_shipped_encoders_hold_their_own_limits(name):
    limits, known = read_limits(run_of(name), 0)
    assert limits != USUAL
    assert len(known.class_ids) == 40


def test_a_name_is_an_encoder_unless_there_is_such_a_path(place, tmp_path, monkeypatch):
    encoders = place / "encoders"
    assert run_of("toy3d", encoders) == encoders / "toy3d"
    assert run_of(Path("toy3d"), encoders) == encoders / "toy3d"
    assert [run_of(name, encoders) for name in ("none", "../encoders/toy3d", str(place / "run"))] == [
        Path("none"),
        Path("../encoders/toy3d"),
        place / "run",
    ]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy3d").mkdir()
    assert run_of("toy3d", encoders) == Path("toy3d")
    assert ENCODERS.is_dir()


def test_an_encoder_is_scored_on_shards_that_map_and_its_folder_is_not_written_into(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run, before = run_of("toy3d", place / "encoders"), contents(place / "encoders")
    metrics = evaluate_and_write(CONFIG, run, str(place / "mine"), "cpu", None)
    assert contents(place / "encoders") == before
    (written,) = tmp_path.rglob("metrics.json")
    assert (
        written.relative_to(tmp_path).as_posix().startswith("data/runs/toy3d-on-mine/eval/test-3way-1shot-2q-4e-seed0-")
    )
    assert json.loads(written.read_text())["rows"] == metrics["rows"]
    (best,) = (place / "encoders" / "toy3d").rglob("best.pt")
    assert best.read_bytes() == (place / "run" / "train" / "seed-4" / "best.pt").read_bytes()
    again = evaluate_and_write(CONFIG, run, str(place / "mine"), "cpu", None)  # into the same folder
    assert again["rows"] == metrics["rows"]


def test_a_data_set_whose_name_is_no_name_of_a_folder_leads_nowhere_else(place):
    run = place / "encoders" / "toy3d"
    assert results_of(run, "../../x").parent == Path("data/runs")
    assert results_of(place / "run", "x") == place / "run"
    assert is_encoder(run)
    assert not is_encoder(place / "run")


def test_an_encoder_without_shards_asks_for_yours(place):
    run = place / "encoders" / "toy3d"
    with pytest.raises(RunError, match="an encoder comes without the shards of its training; name yours with --shards"):
        shards_of(TrainingRecord.read(run), run)


def test_an_encoder_is_loaded_by_name(place, monkeypatch):
    monkeypatch.setattr("dastm.runs.load.run_of", lambda name: run_of(name, place / "encoders"))
    run = load_run("toy3d", device="cpu")
    assert run.layout == BODY19
    assert run.n_frames == 4


def test_classes_that_the_encoder_has_seen_are_refused_by_name(place):
    with pytest.raises(RunError, match="the run was trained or validated on"):
        evaluate_and_write(
            replace(CONFIG, allow_seen=False, subset="train"),
            place / "encoders" / "toy3d",
            toy_shards(place / "made", layout=BODY19, dataset="made"),
            "cpu",
            None,
        )


def test_weights_that_are_none_are_refused(place, tmp_path):
    record = TrainingRecord.read(place / "encoders" / "toy3d")
    save_checkpoint(tmp_path / "train" / "seed-4" / "best.pt", {"epoch": 1})
    with pytest.raises(RunError, match=r"best\.pt: holds no weights of a network"):
        best_weights(tmp_path, record)
    weights, digest = best_weights(place / "run", record)
    assert all(isinstance(value, torch.Tensor) for value in weights.values())
    assert len(digest) == 32


@pytest.mark.parametrize(("name", "layout"), [("motion3d", STANDARD19), ("motion2d", POSE15)])
def test_shipped_encoders_are_small_have_learned_from_nobody_and_know_still_from_moving(name, layout):
    folder = run_of(name)
    assert sum(map(len, contents(folder).values())) < 6 * 10**6
    record = TrainingRecord.read(folder)
    assert record.layout == layout
    names = [label for ids in (record.classes or {}).values() for label in ids.values()]
    assert len(names) == 680
    assert all(label.startswith("motion") for label in names)
    generator = np.random.default_rng(0)
    moves = generator.normal(size=(3, 1, 24, layout.n_joints, 3)).cumsum(2).astype(np.float32)
    again = moves + generator.normal(0, 0.05, moves.shape).astype(np.float32)
    clips = [{number: [clip] for number, clip in enumerate(some)} for some in (moves, again)]
    distances = load_run(name).distances(episode_from_arrays(*clips))
    assert distances.argmin(1).tolist() == [0, 1, 2]
