"""A run folder is this training's, or it is refused, or it is cleared when told so (see test_trainer, too)."""

from contextlib import closing

import pytest

from dastm.checkpoint import record_training
from dastm.claim import claim
from dastm.episodes.sources import open_source
from dastm.errors import RunError
from tests.toy import tiny, toy_shards, train_toy


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return toy_shards(tmp_path_factory.mktemp("toy") / "shards")


def record_of(shards, config):
    with closing(open_source(shards)) as source:
        return record_training(config, shards, source.manifest)


def test_an_empty_folder_is_claimed_by_writing_the_record(shards, tmp_path):
    claim(tmp_path, record_of(shards, tiny()), replace=False, log=print)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["config.json"]


def test_another_training_is_named_by_its_keys_and_kept(shards, tmp_path):
    train_toy(shards, tmp_path)
    other = record_of(shards, tiny(matching__rank="surrogate", augment__yaw=5.0))
    with pytest.raises(RunError, match=r"holds another training \(matching\.rank, augment\.yaw\)"):
        claim(tmp_path, other, replace=False, log=print)
    lines = []
    claim(tmp_path, other, replace=True, log=lines.append)
    assert "starting anew" in lines[0]
    assert not (tmp_path / "train" / "seed-0").exists()
