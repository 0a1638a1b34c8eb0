"""The script that reads a folder of real files: what it says of values that are there, are not, or cannot be read."""

import json

import pytest

from tests.bench import forms
from tests.bench.forms_truths import CASES, PIXELS, Case, at

PEOPLE = {"people": [{"pose_keypoints_2d": [10.0, 20.0, 0.5] * 25}]}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/a_000000000000_keypoints.json").write_text(json.dumps(PEOPLE))
    (tmp_path / "b.json").write_text("[]")
    return tmp_path


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({"truths": (at(0, 3, 10, 20, 0.5),), "frames": 1}, "read: 1 frames, 1 bodies; 1 values found"),
        ({"truths": (at(-1, 3, 10, 20),)}, "1 values found"),
        ({"truths": (at(0, 3, 10, 21),)}, "WRONG: 1 frames, 1 bodies: frame 0, joint 3"),
        ({"frames": 2}, "WRONG: 1 frames, 1 bodies, expected 2 frames"),
        ({"refused": "people"}, "WRONG: read, and should be refused"),
        ({"files": ("b.json",), "refused": "no frame"}, "refused: an empty list"),
        ({"files": ("b.json",), "refused": "people"}, "WRONG: refused: an empty list or object: no frame; expected"),
        ({"form": "mmpose_json"}, "WRONG: refused: the frames: expected a list"),
        ({"files": ("c.json",)}, "WRONG: not there"),
    ],
)
def test_a_row_says_what_came_of_a_source(folder, case, told):
    full = {"source": "s", "files": ("a/*.json",), "spec": PIXELS} | case
    assert told in forms.outcome(folder, Case(**full))[2]


def test_a_value_that_is_not_found_is_an_exit_status(folder, capsys, monkeypatch):
    monkeypatch.setattr(forms, "CASES", CASES[:1])
    assert forms.main(["--forms", str(folder)]) == 1
    assert "1 sources, 1 wrong" in capsys.readouterr().out
    monkeypatch.setattr(forms, "CASES", (Case(source="s", files=("a/*.json",)),))
    assert forms.main(["--forms", str(folder)]) == 0
