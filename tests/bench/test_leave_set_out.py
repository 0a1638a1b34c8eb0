"""What is left out of a training: classes that share a name with one of the set that it is asked about."""

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
    shards = training_shards(definition, {"sit down", "jump"}, tmp_path / "without", tmp_path)
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
