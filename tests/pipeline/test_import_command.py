"""`dastm-data import` as a user types it, and the whole way of arrays in the authors' format to an accuracy."""

import json
from pathlib import Path

import pytest
import yaml

from tests.command_line import done, failed, misused
from tests.pipeline.array_files import LABELS, write_arrays
from tests.toy import TINY

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_yaml(path, document):
    Path(path).write_text(yaml.safe_dump(document), encoding="utf-8")


def manifest(folder):
    return json.loads(Path(folder, "manifest.json").read_text())


def test_import_needs_only_the_folder_and_a_place():
    write_arrays(Path("theirs"))
    said = done("dastm-data", "import", "theirs", "--out", "shards").splitlines()
    assert said[:3] == ["train: 7 clips of 3 classes", "val: 4 clips of 2 classes", "test: 3 clips of 2 classes"]
    assert said[-1] == "coordinates as stored: not filled, moved, turned or scaled"
    settings = manifest("shards")["definition"]["split"]
    assert (settings["n_frames"], settings["frame_sampling"], settings["seed"]) == (30, "center", 0)
    assert done("dastm-data", "audit", "--shards", "shards").startswith("theirs: 14 clips of 7 classes, 30 frames, 25")


def test_import_takes_options_over_the_definition_and_that_over_its_own_defaults():
    split = {"class_split": {part: sorted(set(ids)) for part, ids in LABELS.items()}, "n_frames": 7, "seed": 3}
    write_yaml("mine.yaml", {"name": "theirs", "parse": {"format": "ntu_skeleton"}, "split": split})
    write_yaml("params.yaml", {"split": {"frames": "random", "seed": None, "clips_per_shard": 2}})
    write_arrays(Path("arrays"))
    done("dastm-data", "import", "arrays", "--out", "shards", "--dataset", "mine.yaml")
    written = manifest("shards")
    settings = written["definition"]["split"]
    assert (written["dataset"], settings["n_frames"], settings["frame_sampling"], settings["seed"]) == (
        "theirs",
        7,
        "random",
        3,
    )
    assert written["parts"]["train"]["000"]["shards"] == ["train/000-000.tar", "train/000-001.tar"]
    words = ("--n-frames", 4, "--frames", "release", "--seed", 0, "--upright", "--layout", "ntu25")
    words = (*words, "--frame-order", "scrambled")
    done("dastm-data", "import", "arrays", "--out", "shards", "--dataset", "mine.yaml", *words)
    settings = manifest("shards")["definition"]["split"]
    assert (settings["n_frames"], settings["frame_sampling"], settings["seed"]) == (4, "release", 0)
    assert (settings["rotate"], settings["frame_order"]) == ("upright", "scrambled")


def test_import_of_subsets_that_number_their_own_classes_says_what_to_do():
    write_arrays(Path("arrays"), {"train": [0, 1], "val": [0], "test": [1, 2]})
    line = failed("dastm-data", "import", "arrays", "--out", "shards")
    assert line.startswith(
        "arrays/val_label.npy: class ids that train has as well (0), expected each class in one part; if every"
    )
    done("dastm-data", "import", "arrays", "--out", "shards", "--renumber")
    assert {part: list(ids) for part, ids in manifest("shards")["parts"].items()} == {
        "train": ["000", "001"],
        "val": ["002"],
        "test": ["003", "004"],
    }
    said = misused("dastm-data", "import", "arrays", "--out", "shards", "--renumber", "--dataset", "ntu-t")
    assert "--renumber: new class ids are not those of --dataset; give one of the two" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("nowhere", "--out", "x"),
            "nowhere/train_data.npy: not there, expected <part>_data.npy, <part>_label.npy and",
        ),
        (
            ("arrays", "--out", "arrays"),
            "arrays: holds files but no manifest.json that says they are a shard folder, so it will not be",
        ),
        (
            ("arrays", "--out", "x", "--layout", "openpose18"),
            "shape (7, 3, 12, 25, 2), expected (clips, 3, frames, 18, 2)",
        ),
        (("arrays", "--out", "x", "--frames", "release"), "arrays/train_data.npy: 12 frames a clip, expected 30 for"),
        (("arrays", "--out", "x", "--dataset", "ntu"), "no data set 'ntu': one of demo-kinetics, demo-ntu"),
        (("arrays", "--out", "x", "--dataset", "ntu-t"), "has it in"),
    ],
)
def test_import_refuses_in_one_line(words, message):
    write_arrays(Path("arrays"))
    assert message in failed("dastm-data", "import", *words)
    assert not Path("x").exists()


def test_import_says_what_it_takes():
    said = done("dastm-data", "import", "--help")
    assert "dastm-data import arrays/ --out data/shards/imported" in said
    assert "dastm-data import arrays/ --out data/shards/imported" in done("dastm-data", "-h")


def test_an_interrupted_import_is_one_line(monkeypatch):
    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.exchange.import_arrays.import_arrays", interrupted)
    line = failed("dastm-data", "import", "arrays", "--out", "x", status=130)
    assert line == "interrupted"


@pytest.mark.parametrize(
    "words",
    [
        ("arrays",),
        ("--out", "x"),
        ("arrays", "--out", "x", "--frames", "uniform"),
        ("arrays", "--out", "x", "--layout", "ntu"),
        ("arrays", "--out", "x", "--n-frames", 0),
        ("arrays", "--out", "x", "--seed", -1),
    ],
)
def test_wrong_usage_is_exit_2(words):
    misused("dastm-data", "import", *words)


def test_imported_arrays_are_audited_trained_on_and_evaluated():
    """With the settings of the toy run; labels gone astray would leave the coordinates at a third."""
    labels = {"train": [*range(6)] * 4, "val": [6, 7, 8] * 4, "test": [9, 10, 11, 12] * 4}
    write_arrays(Path("theirs"), labels)
    done("dastm-data", "import", "theirs", "--out", "shards", "--n-frames", 6)
    *_, last = done("dastm-data", "audit", "--shards", "shards").splitlines()
    assert last.startswith("  warning: skeleton: ")  # random joints are nobody's
    short = {**TINY, "optimise.epochs": 1, "optimise.episodes": 3, "optimise.val_episodes": 2}
    settings = [word for key, value in short.items() for word in ("--set", f"{key}={value}")]
    assert "trained: run" in done(
        "dastm", "train", "--shards", "shards", "--out", "run", "--preset", "small", *settings
    )
    protocol = ("--n-way", 3, "--n-query", 2, "--device", "cpu")
    said = done("dastm", "eval", "--run", "run", *protocol, "--episodes", 5)
    assert said.startswith("theirs test: 3-way 1-shot, 2 queries a class, 5 episodes")
    assert "  DASTM  " in said
    baseline = ("--shards", "shards", "--baseline", "coordinates", "--episodes", 100, "--out", "coordinates")
    done("dastm", "eval", *baseline, *protocol)
    assert json.loads(Path("coordinates/metrics.json").read_text())["rows"]["coordinates"]["mean"] > 45.0
