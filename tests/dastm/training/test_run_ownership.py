"""A run folder is this training's, or it is refused, or it is cleared when told so (see test_trainer, too)."""

from contextlib import closing
from dataclasses import replace

import pytest

from dastm.contract.errors import RunError
from dastm.contract.ownership import unfinished_name
from dastm.episodes.sources import open_source
from dastm.runs.record import TrainingRecord, record_training
from dastm.training.run_ownership import take_ownership
from tests.toy import tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("toy") / "shards")


def record_of(shards, config):
    with closing(open_source(shards)) as source:
        return record_training(config, shards, source.manifest)


def test_an_empty_folder_is_claimed_by_writing_the_record(shards, tmp_path):
    take_ownership(tmp_path, record_of(shards, tiny()), replace=False, log=print)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["config.json"]


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        ({}, {"epochs": 1}, "1 epochs, fewer than the 2 of before"),
        ({"schedule": "cosine"}, {"schedule": "cosine", "epochs": 9}, "schedule cosine is at 0 after the last epoch"),
    ],
)
def test_epochs_that_make_another_training_are_refused_with_the_reason(shards, tmp_path, before, now, why):
    first, second = (
        tiny(**{"optimise__schedule": "constant", **{f"optimise__{key}": value for key, value in changes.items()}})
        for changes in (before, now)
    )
    train_toy(shards, tmp_path, first)
    with pytest.raises(RunError, match=rf"holds another training \(optimise\.epochs: {why}"):
        take_ownership(tmp_path, record_of(shards, second), replace=False, log=print)


def test_more_epochs_under_other_code_are_another_training(shards, tmp_path):
    train_toy(shards, tmp_path, tiny(optimise__schedule="constant"))
    longer = replace(record_of(shards, tiny(optimise__schedule="constant", optimise__epochs=3)), code="other")
    with pytest.raises(RunError, match=r"holds another training \(optimise\.epochs, other code\)"):
        take_ownership(tmp_path, longer, replace=False, log=print)


def test_another_training_is_named_by_its_keys_and_kept(shards, tmp_path):
    train_toy(shards, tmp_path)
    other = record_of(shards, tiny(matching__rank="surrogate", augment__yaw=5.0))
    with pytest.raises(RunError, match=r"holds another training \(matching\.rank, augment\.yaw\)"):
        take_ownership(tmp_path, other, replace=False, log=print)
    lines = []
    take_ownership(tmp_path, other, replace=True, log=lines.append)
    assert "it is replaced" in lines[0]
    assert not (tmp_path / "train" / "seed-0").exists()


def test_a_folder_that_is_refused_keeps_what_another_training_has_half_written(shards, tmp_path):
    train_toy(shards, tmp_path)
    half = unfinished_name(tmp_path / "train" / "seed-0" / "last.pt")
    half.write_text("x")
    with pytest.raises(RunError, match="holds another training"):
        take_ownership(tmp_path, record_of(shards, tiny(augment__yaw=5.0)), replace=False, log=print)
    assert half.exists()
    take_ownership(tmp_path, record_of(shards, tiny()), replace=False, log=print)
    assert not half.exists()


def test_a_record_that_was_never_finished_leaves_the_folder_free(shards, tmp_path):
    (tmp_path / "train").mkdir()
    half = unfinished_name(tmp_path / "train" / "config.json")
    half.write_text("x")
    take_ownership(tmp_path, record_of(shards, tiny()), replace=False, log=print)
    assert not half.exists()


def test_a_damaged_record_is_refused_with_advice_that_works(shards, tmp_path):
    run = tmp_path / "run"
    record = record_of(shards, tiny())
    take_ownership(run, record, replace=False, log=print)
    path = run / "train" / "config.json"
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole.replace(b'"shards_digest": "', b'"shards_digest": "x')):
        path.write_bytes(damaged)
        with pytest.raises(RunError) as told:
            take_ownership(run, record, replace=True, log=print)
        assert f"so nothing there is replaced: move {run} away" in str(told.value)
        with pytest.raises(RunError) as told:
            TrainingRecord.read(run)
        assert str(told.value).endswith(f"; move {run} away, then `dastm train --out {run}`")
    run.rename(tmp_path / "away")
    take_ownership(run, record, replace=False, log=print)
