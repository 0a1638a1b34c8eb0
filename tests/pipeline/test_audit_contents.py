"""The audit of what no array shows: the facts beside it, and that index and manifest are of one folder."""

import numpy as np
import pytest

from pipeline.audit.run import audit
from pipeline.split.run import split
from pipeline.storage.table import read_facts
from tests.oracles.hand_made import definition_of, made_table
from tests.pipeline.shard_damage import change_manifest, rewrite


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


def test_a_name_that_a_manifest_gives_twice_is_found(shards):
    manifest = shards / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"contents"', '"contents": "", "contents"', 1))
    found = "\n".join(audit(shards)["problems"])
    assert "manifest.json: not a manifest of shards (the name 'contents' is given twice)" in found


def test_a_name_that_facts_give_twice_is_found(shards):
    def double(members):
        return [
            (name, data.replace(b'{"', b'{"subject":9,"', 1) if ".json" in name else data) for name, data in members
        ]

    rewrite(shards, "train/000-000.tar", double, index_too=False)
    found = audit(shards)["problems"]
    assert any("the name 'subject' is given twice" in problem for problem in found)


@pytest.fixture
def with_exemplar(tmp_path):
    table = made_table(tmp_path / "parsed", np.random.default_rng(0))
    keys = sorted(row["key"] for row in read_facts(table, ("key", "class_id")).to_pylist() if row["class_id"] == 5)
    split(definition_of(exemplars=(keys[2],)), table, tmp_path / "marked")
    return tmp_path / "marked", keys


def test_exemplars_where_the_definition_lists_them_are_sound(with_exemplar):
    assert audit(with_exemplar[0])["problems"] == []


def test_an_exemplar_marked_at_another_clip_or_not_at_all_is_found(with_exemplar):
    folder, _ = with_exemplar
    where = "manifest.json: class 5 of test: exemplars at"
    change_manifest(folder, lambda document: document["parts"]["test"]["005"].update(exemplars=[1]))
    assert audit(folder)["problems"] == [f"{where} [1], those that the definition lists are at [2]"]
    change_manifest(folder, lambda document: document["parts"]["test"]["005"].pop("exemplars"))
    assert audit(folder)["problems"] == [f"{where} [], those that the definition lists are at [2]"]


def test_a_listed_exemplar_that_is_no_clip_is_found(with_exemplar):
    folder, keys = with_exemplar
    listed = [keys[2], "elsewhere"]
    change_manifest(folder, lambda document: document["definition"]["split"].update(exemplars=listed))
    assert audit(folder)["problems"] == ["manifest.json: exemplar elsewhere is no clip of the test part"]
