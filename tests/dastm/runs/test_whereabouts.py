"""A run finds its shards from any folder and in a project that has moved; else it is said where they are not."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.runs.record import TrainingRecord
from dastm.runs.whereabouts import shards_of
from tests.toy import tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose run was trained with relative paths."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    short = tiny(optimise__epochs=1, optimise__episodes=1, optimise__val_episodes=2)
    train_toy(toy_shards(Path("data/shards/toy")), Path("data/runs/toy"), short)
    return folder


def found(run):
    return Path(shards_of(TrainingRecord.read(run), run))


def test_a_run_is_used_from_another_folder(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert found(Path("project/data/runs/toy")) == project / "data/shards/toy"
    config = EvalConfig(n_way=3, n_query=2, episodes=4)
    assert evaluate_and_write(config, Path("project/data/runs/toy"), None, "cpu", tmp_path / "out")["rows"]


def test_a_project_that_has_moved_has_its_shards_beside_the_run(project, tmp_path):
    project.rename(tmp_path / "moved")
    assert found(tmp_path / "moved/data/runs/toy") == tmp_path / "moved/data/shards/toy"


def test_a_run_that_has_moved_alone_finds_them_where_they_were(project, tmp_path):
    shutil.move(project / "data/runs/toy", tmp_path / "run")
    assert found(tmp_path / "run") == project / "data/shards/toy"


def test_of_two_places_the_one_with_the_very_shards_is_taken(project, tmp_path):
    shutil.copytree(project, tmp_path / "copy")
    manifest = project / "data/shards/toy/manifest.json"
    manifest.write_text(manifest.read_text().replace('"numpy": "x"', '"numpy": "y"'))
    assert found(tmp_path / "copy/data/runs/toy") == tmp_path / "copy/data/shards/toy"
    for damaged in (manifest, tmp_path / "copy/data/shards/toy/manifest.json"):
        damaged.write_text("{}")
    assert found(tmp_path / "copy/data/runs/toy") == project / "data/shards/toy"  # whoever opens it says what is wrong


def test_where_they_are_not_is_said(project, tmp_path):
    (project / "data/shards").rename(tmp_path / "elsewhere")
    project.rename(tmp_path / "moved")
    with pytest.raises(RunError, match="are not in ") as caught:
        found(tmp_path / "moved/data/runs/toy")
    for place in (project / "data/shards/toy", tmp_path / "moved/data/shards/toy"):
        assert str(place) in str(caught.value)


def test_a_relative_path_of_an_older_record_is_looked_for_beside_the_run(project, tmp_path, monkeypatch):
    old = replace(TrainingRecord.read(Path("data/runs/toy")), shards="data/shards/toy", beside=None)
    monkeypatch.chdir(tmp_path)
    assert Path(shards_of(old, Path("project/data/runs/toy"))) == project / "data/shards/toy"


def test_a_url_is_a_url(project):
    record = replace(TrainingRecord.read(Path("data/runs/toy")), shards="http://host/shards")
    assert shards_of(record, Path("data/runs/toy")) == "http://host/shards"
