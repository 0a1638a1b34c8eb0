"""What is left out of a training: classes that share a name with one of the set that it is asked about."""

from types import SimpleNamespace

import pytest
import yaml

from tests.bench import leave_set_out
from tests.bench.leave_set_out import document, main, training_shards

NAMES = ["wave", "Sit Down", "clap", "throw", "kick"]


def test_a_set_is_split_again_without_the_classes_that_are_asked_about(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(leave_set_out, "run_data_command", lambda *words: calls.append(words))
    definition = tmp_path / "mine.yaml"
    split = {"class_split": {"train": [], "val": [], "test": [0, 1, 2, 3, 4]}, "n_frames": 60}
    definition.write_text(yaml.safe_dump({"name": "mine", "parse": {"class_names": NAMES}, "split": split}))
    shards = training_shards(definition, {"sitdown", "jump"}, tmp_path / "without", tmp_path)
    (words,) = calls
    assert words[:2] == ("split", "--dataset")
    assert words[-1] == str(shards)
    changed = document(tmp_path / "without" / "mine.yaml")
    assert changed["split"] == {"class_split": {"train": [0], "val": [2, 3, 4], "test": []}, "n_frames": 60}
    assert {key: changed[key] for key in ("name", "parse")} == {"name": "mine", "parse": {"class_names": NAMES}}


def test_without_data_sets_nothing_is_trained_and_that_is_said(tmp_path, capsys):
    assert main(["--sets", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    assert "nothing is trained" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("words", "known"), [([], {"wave", "sitdown"}), (["--same-names"], set())])
def test_equal_names_are_left_out_unless_they_are_asked_for(words, known, tmp_path, monkeypatch):
    """Of `mine`, whose classes the other set may have too; and such a run is scored although it has seen them."""
    for name, classes in (("mine", ["wave", "Sit Down"]), ("other", NAMES)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({"parse": {"class_names": classes}}))
        (tmp_path / f"{name}.zip").touch()
    calls = []
    layout = SimpleNamespace(layout=SimpleNamespace(is_image=False))
    monkeypatch.setattr(leave_set_out, "prepared", lambda path, out: out / path.stem)
    monkeypatch.setattr(leave_set_out, "read_manifest", lambda path: layout)
    monkeypatch.setattr(leave_set_out, "training_shards", lambda path, *without: (path.stem, without[0]))
    monkeypatch.setattr(leave_set_out, "trained_on", lambda shards, folder: calls.append((shards, folder.name)))
    monkeypatch.setattr(leave_set_out, "scored", lambda *of, allow_seen: calls.append((of[0].name, allow_seen)))
    monkeypatch.setattr(leave_set_out, "table", lambda results: [*results])
    assert main(["--sets", str(tmp_path), "--out", str(tmp_path / "out"), "--only", "mine", *words]) == 0
    folder = "kept-mine" if words else "without-mine"
    assert calls == [([("other", known)], folder), ("mine", bool(words))]


def test_a_set_that_is_not_there_is_refused(tmp_path, monkeypatch, capsys):
    for name in ("mine", "other"):
        (tmp_path / f"{name}.yaml").touch()
        (tmp_path / f"{name}.zip").touch()
    layout = SimpleNamespace(layout=SimpleNamespace(is_image=False))
    monkeypatch.setattr(leave_set_out, "prepared", lambda path, out: out)
    monkeypatch.setattr(leave_set_out, "read_manifest", lambda path: layout)
    with pytest.raises(SystemExit):
        main(["--sets", str(tmp_path), "--only", "mine", "typo"])
    assert "--only typo: not one of mine, other" in capsys.readouterr().err
