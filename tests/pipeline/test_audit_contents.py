"""The audit of what no array shows: the facts beside it, and that index and manifest are of one folder."""

import numpy as np
import pytest

from pipeline.audit import audit
from pipeline.split import split
from tests.oracles.hand_made import definition_of, made_table
from tests.pipeline.shard_damage import change_manifest


@pytest.fixture
def shards(tmp_path):
    split(definition_of(), made_table(tmp_path / "parsed", np.random.default_rng(0)), tmp_path / "shards")
    return tmp_path / "shards"


def test_a_changed_fact_is_found(shards):
    path = shards / "train/000-000.tar"
    path.write_bytes(path.read_bytes().replace(b'"subject":3', b'"subject":4', 1))
    (problem,) = audit(shards)["problems"]
    assert problem.startswith("train/000-000.tar: ")
    assert problem.endswith(": checksum of the facts differs")


def test_a_manifest_of_another_folder_is_found(shards):
    change_manifest(shards, lambda document: document.update(contents="0" * 32))
    assert audit(shards)["problems"] == ["manifest.json: contents are not those of the index"]
