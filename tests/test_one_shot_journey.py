"""The one-shot protocol from raw files to the accuracy, on the command line, with one's own definition and list."""

import json
from pathlib import Path

import pytest
import yaml

from tests.command_line import done, failed
from tests.pipeline.raw_files import write_ntu

CLIPS = [f"S001C001P001R{number:03d}A{action:03d}.skeleton" for action in range(1, 6) for number in range(1, 5)]
"""Four clips of each of five classes."""
GIVEN = ["S001C001P001R003A003", "S001C001P001R001A004", "S001C001P001R002A005"]
DEFINITION = {
    "parse": {"format": "ntu_skeleton", "layout": {"name": "two", "joints": ["hip", "head"], "bones": [[1, 0]]}},
    "split": {
        "class_split": {"train": [0], "val": [1], "test": [2, 3, 4]},
        "exemplars": "given.txt",
        "n_frames": 3,
        "origin": "none",
    },
}
EVAL = ("eval", "--shards", "data/shards/mine", "--protocol", "one-shot", "--baseline", "coordinates", "--out", "out")


@pytest.fixture(autouse=True)
def parsed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(yaml.safe_dump(DEFINITION))
    Path("given.txt").write_text("\n".join(GIVEN))
    write_ntu(Path("raw"), CLIPS)
    done("dastm-data", "parse", "--dataset", "mine.yaml", "--raw", "raw", "--workers", 1)


def test_from_raw_files_to_the_accuracy():
    done("dastm-data", "split", "--dataset", "mine.yaml")
    (line,) = done("dastm-data", "audit", "--dataset", "mine.yaml").splitlines()[7:]
    assert line.startswith("  warning: posture not checked: no joint of layout two")  # it is no person
    said = done("dastm", *EVAL)
    assert said.startswith("mine test: one-shot protocol, 3 classes at once, 9 queries; ")
    classes = json.loads(Path("out/metrics.json").read_text())["classes"]
    assert {key: (of["exemplars"], of["queries"]) for key, of in classes.items()} == dict.fromkeys(
        ("002", "003", "004"), (1, 3)
    )


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([*GIVEN[:2], "S009C001P001R001A005"], "exemplar S009C001P001R001A005: not among the parsed clips"),
        ([*GIVEN, "S001C001P001R001A001"], "exemplar S001C001P001R001A001: class 0 is not in the test part"),
        ([*GIVEN, "S001C001P001R001A003"], f"class 2: exemplars {GIVEN[0]}, S001C001P001R001A003; expected 1 of"),
        ([*GIVEN, GIVEN[0]], f"mine.yaml: split.exemplars: {GIVEN[0]} is listed more than once"),
        (GIVEN[:2], "class 4: exemplars none; expected 1 of the class"),
    ],
)
def test_a_wrong_list_is_one_line(given, line):
    Path("given.txt").write_text("\n".join(given))
    assert failed("dastm-data", "split", "--dataset", "mine.yaml").startswith(line)


def test_without_a_list_the_protocol_says_what_to_do():
    Path("mine.yaml").write_text(yaml.safe_dump({**DEFINITION, "split": {**DEFINITION["split"], "exemplars": None}}))
    done("dastm-data", "split", "--dataset", "mine.yaml")
    assert failed("dastm", *EVAL).startswith(
        "mine: test has no exemplars, and the one-shot protocol needs one of every"
    )
