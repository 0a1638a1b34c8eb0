"""The record of a training says what weights depend on, and is read again, damaged and older ones too."""

import pytest

from dastm.config.load import load_config
from dastm.contract.errors import RunError
from dastm.contract.shard_format import decode_manifest
from dastm.contract.skeleton import NTU25
from dastm.runs import record as record_module
from dastm.runs.files import read_json, write_json
from dastm.runs.record import TrainingRecord, code_digest, git_revision, record_training, software
from tests.shard_folder import make_shard_folder


@pytest.fixture
def record(tmp_path, rng):
    manifest = make_shard_folder(tmp_path / "shards", parts={"train": {0: 2}}, rng=rng)
    return record_training(load_config("small"), str(tmp_path / "shards"), manifest)


def test_record_and_back(record, tmp_path):
    record.write(tmp_path / "run")
    assert TrainingRecord.read(tmp_path / "run") == record


def test_identity_leaves_out_seeds_and_keeps_the_rest(record):
    def identity(**settings):
        config = load_config("small", {key.replace("__", "."): value for key, value in settings.items()})
        return TrainingRecord(**{**vars(record), "config": config}).identity()

    assert identity(optimise__seeds=[5, 6]) == record.identity()
    assert identity(optimise__checkpoint_seconds=7.0) == record.identity()
    assert identity(matching__gamma=0.7) != record.identity()


def test_identity_has_the_versions_that_weights_depend_on(record):
    def with_version(name):
        return TrainingRecord(**{**vars(record), "versions": {**record.versions, name: "0"}}).identity()

    assert with_version("torch") != record.identity()
    assert with_version("pyarrow") == record.identity()


def test_shards_of_another_training_are_refused(record, tmp_path, rng):
    """As many clips of the same classes, and yet other clips."""
    record.check_shards(decode_manifest((tmp_path / "shards" / "manifest.json").read_bytes(), "shards"))
    with pytest.raises(RunError, match="not those that this run was trained on"):
        record.check_shards(make_shard_folder(tmp_path / "other", parts={"train": {0: 2}}, rng=rng))


@pytest.mark.parametrize(
    "text", ["{", "{}", "[]", '{"config": {"episode": {"n_way": 1}}}', '{"config": {}, "versions": "x"}']
)
def test_damaged_record_is_one_line(tmp_path, text):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "config.json").write_text(text)
    with pytest.raises(RunError, match=r"config\.json"):
        TrainingRecord.read(tmp_path)


def test_folder_without_a_record_is_no_run(tmp_path):
    with pytest.raises(RunError, match="not a run folder"):
        TrainingRecord.read(tmp_path)


def test_a_shard_folder_given_for_a_run_is_told_as_what_it_is(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(RunError, match=r"shards, not a run folder; name a run .--run., and these shards with --shards"):
        TrainingRecord.read(tmp_path)


def test_code_digest_is_stable_and_sees_training_code_only(tmp_path, monkeypatch):
    package = tmp_path / "dastm"
    for room in ("report", "runs"):
        (package / room).mkdir(parents=True)
    (package / "model.py").write_text("a = 1")
    monkeypatch.setattr(record_module, "__file__", str(package / "runs" / "record.py"))
    fresh = code_digest.__wrapped__
    before = fresh()
    (package / "report" / "page.py").write_text("changed")
    assert fresh() == before
    (package / "model.py").write_text("a = 2")
    assert fresh() != before


def test_software_and_revision_are_filled(monkeypatch):
    assert {"dastm", "python", "torch", "numpy"} <= software().keys()
    monkeypatch.setenv("PATH", "")
    assert git_revision() is None


def test_record_names_the_classes_that_a_training_sees_and_no_test_class(tmp_path, rng):
    parts = {"train": {0: 2, 4: 2}, "val": {1: 2}, "test": {2: 2}}
    manifest = make_shard_folder(tmp_path / "shards", parts=parts, rng=rng)
    record = record_training(load_config("small"), "shards", manifest)
    assert record.classes == {"train": {0: "class 0", 4: "class 4"}, "val": {1: "class 1"}}
    record.write(tmp_path / "run")
    assert TrainingRecord.read(tmp_path / "run").classes == record.classes


NEWER = ("classes", "layout", "preparation", "beside", "digest")
"""What older versions did not write."""


def test_record_of_an_older_version_is_read_and_names_no_classes(record, tmp_path):
    record.write(tmp_path)
    path = tmp_path / "train" / "config.json"
    document = read_json(path)
    write_json(path, {key: value for key, value in document.items() if key not in NEWER})
    old = TrainingRecord.read(tmp_path)
    assert (old.classes, old.layout, old.preparation, old.beside) == (None, None, None, None)
    assert old.identity() == record.identity()


@pytest.mark.parametrize("classes", [[], {"train": ["wave"]}, {"train": {"one": "wave"}}, 5])
def test_record_with_damaged_classes_is_one_line(record, tmp_path, classes):
    record.write(tmp_path)
    path = tmp_path / "train" / "config.json"
    document = {key: value for key, value in read_json(path).items() if key not in NEWER}
    write_json(path, {**document, "classes": classes})
    with pytest.raises(RunError, match=r"config\.json: not the record of a training"):
        TrainingRecord.read(tmp_path)


def test_record_with_a_flipped_digit_is_refused_and_where_its_shards_are_may_be_put_right(record, tmp_path):
    record.write(tmp_path / "run")
    path = tmp_path / "run" / "train" / "config.json"
    path.write_text(path.read_text().replace(record.shards, "/elsewhere/shards"))
    assert TrainingRecord.read(tmp_path / "run").shards == "/elsewhere/shards"
    path.write_text(path.read_text().replace('"weight_decay": 0.0', '"weight_decay": 9.0'))
    with pytest.raises(RunError, match=r"config\.json: damaged .* then `dastm train --out"):
        TrainingRecord.read(tmp_path / "run")


def test_record_says_layout_preparation_and_where_the_shards_lie_seen_from_the_run(record, tmp_path):
    record.write(tmp_path / "runs" / "a")
    found = TrainingRecord.read(tmp_path / "runs" / "a")
    assert found.layout == NTU25
    assert found.preparation == {**dict.fromkeys(record_module.PREPARATION), "n_frames": 6}
    assert (found.shards, found.beside) == (str(tmp_path / "shards"), "../../shards")


def test_shards_behind_a_url_lie_beside_nothing(tmp_path, rng):
    manifest = make_shard_folder(tmp_path / "shards", parts={"train": {0: 2}}, rng=rng)
    record_training(load_config("small"), "http://host/shards", manifest).write(tmp_path / "run")
    found = TrainingRecord.read(tmp_path / "run")
    assert (found.shards, found.beside) == ("http://host/shards", None)
