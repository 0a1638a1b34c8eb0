"""A clip of the training is found again under any name, as long as the shards of the training are there."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from dastm.config.evaluation import EvalConfig
from dastm.config.load import load_config
from dastm.contract.errors import RunError
from dastm.contract.shard_format import checksum, encode_manifest
from dastm.contract.shard_reading import read_manifest
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.evaluation.printed import table_lines
from dastm.runs.record import DataSeen, record_training
from dastm.runs.seen_clips import check_unseen_clips
from tests.shard_folder import make_shard_folder
from tests.toy import STICK, toy_shards, train_toy

TRAINED = {"train": {0: 4, 1: 4}, "val": {2: 3}, "test": {3: 5}}


@pytest.fixture
def shards(tmp_path):
    make_shard_folder(tmp_path / "mine", parts=TRAINED, rng=np.random.default_rng(0))
    return tmp_path / "mine"


@pytest.fixture
def record(shards):
    return record_training(load_config("small"), str(shards), read_manifest(shards))


def renamed(tmp_path, parts, seed=0):
    """Other shards; with the same seed their first clips are those of the training."""
    manifest = make_shard_folder(tmp_path / "theirs", parts=parts, rng=np.random.default_rng(seed), dataset="theirs")
    return str(tmp_path / "theirs"), manifest


def test_the_same_clips_in_another_set_are_refused_or_told(tmp_path, record):
    scored, manifest = renamed(tmp_path, {"test": {0: 4, 1: 6}, "val": {2: 3}})
    said = "8 of the 10 clips of theirs test"
    with pytest.raises(
        RunError, match=f"the run was trained or validated on {said}, whatever their classes are called here; score"
    ):
        check_unseen_clips(record, tmp_path / "run", scored, manifest, "test", allow=False)
    told = check_unseen_clips(record, tmp_path / "run", scored, manifest, "test", allow=True)
    assert told == f"the run has seen {said}"


def test_other_clips_and_the_runs_own_are_as_they_were(tmp_path, record, shards):
    scored, manifest = renamed(tmp_path, {"test": {0: 4, 1: 6}}, seed=1)
    assert check_unseen_clips(record, tmp_path / "run", scored, manifest, "test", allow=False) == ""
    own = read_manifest(shards)
    assert check_unseen_clips(record, tmp_path / "run", str(shards), own, "train", allow=False) == ""


def test_of_several_sets_each_is_looked_at(tmp_path, record, shards):
    one = DataSeen(dataset="toy", classes=record.classes, shards=str(shards), digest=record.shards_digest)
    gone = DataSeen(dataset="gone", classes={}, shards=str(tmp_path / "gone"), digest="")
    several = replace(record, shards="several", sets=(gone, one))
    scored, manifest = renamed(tmp_path, {"test": {0: 4}})

    def asked(record):
        return check_unseen_clips(record, tmp_path / "run", scored, manifest, "test", allow=False)

    theirs = DataSeen(dataset="theirs", classes={}, shards=scored, digest=checksum(encode_manifest(manifest)))
    assert asked(replace(several, sets=(gone, theirs))) == ""
    with pytest.raises(RunError, match="on 4 of the 4 clips of theirs test"):
        asked(replace(several, sets=(theirs, one)))
    with pytest.raises(RunError, match="on 4 of the 4 clips of theirs test"):
        asked(several)


def test_where_the_shards_of_the_training_are_gone_or_others_nothing_can_be_told(tmp_path, record, shards):
    scored, manifest = renamed(tmp_path, {"test": {0: 4}}, seed=1)
    assert check_unseen_clips(record, tmp_path / "run", "https://x/y", manifest, "test", allow=False) == ""
    shutil.rmtree(shards)
    assert check_unseen_clips(record, tmp_path / "run", scored, manifest, "test", allow=False) == ""
    make_shard_folder(shards, parts=TRAINED, rng=np.random.default_rng(1))  # no longer what was trained on
    assert check_unseen_clips(record, tmp_path / "run", scored, manifest, "test", allow=False) == ""


def test_classes_that_the_training_left_out_were_not_seen(tmp_path, record):
    scored, manifest = renamed(tmp_path, {"test": {0: 4, 1: 4}})
    less = record.of_classes({"train": [1], "val": [2]})
    with pytest.raises(RunError, match="on 4 of the 8 clips of theirs test"):
        check_unseen_clips(less, tmp_path / "run", scored, manifest, "test", allow=False)


def test_what_the_weights_were_trained_on_before_counts(tmp_path, record):
    scored, manifest = renamed(tmp_path, {"test": {0: 4}})
    make_shard_folder(tmp_path / "last", parts=TRAINED, rng=np.random.default_rng(2), dataset="last")
    last = record_training(load_config("small"), str(tmp_path / "last"), read_manifest(tmp_path / "last"))
    assert check_unseen_clips(last, tmp_path / "run", scored, manifest, "test", allow=False) == ""
    tuned = replace(last, seen_before=record.all_seen())
    with pytest.raises(RunError, match="on 4 of the 4 clips of theirs test"):
        check_unseen_clips(tuned, tmp_path / "run", scored, manifest, "test", allow=False)


def test_an_evaluation_is_refused_or_says_it(tmp_path):
    """The toy's classes have no names, so only their clips tell that they are those of the training."""
    train_toy(toy_shards(tmp_path / "toy"), tmp_path / "run")
    other = tmp_path / "other"
    as_toy = {"layout": STICK, "bodies": (1, 1, 2), "rng": np.random.default_rng(0), "dataset": "other"}
    make_shard_folder(other, parts={"test": dict.fromkeys(range(6), 8)}, **as_toy)
    config = EvalConfig(n_way=3, n_query=2, episodes=2)
    with pytest.raises(RunError, match="trained or validated on 48 of the 48 clips of other test"):
        evaluate_and_write(config, tmp_path / "run", str(other), "cpu", tmp_path / "out")
    allowed = replace(config, allow_seen=True)
    metrics = evaluate_and_write(allowed, tmp_path / "run", str(other), "cpu", tmp_path / "out")
    assert "the run has seen 48 of the 48 clips" in "".join(table_lines(metrics))
