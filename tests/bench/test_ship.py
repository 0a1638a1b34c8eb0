"""A shipped encoder may decide by another matching than it was trained with; what was asked is checked first."""

import shutil
from pathlib import Path

import pytest

from dastm.contract.errors import RunError
from dastm.runs.record import TrainingRecord
from tests.bench import ship
from tests.bench.ship import decided, main
from tests.toy import tiny, toy_shards, train_toy

pytestmark = pytest.mark.slow

TRAINED = {"matching__spatial": "none", "matching__examples": "nearest", "optimise__epochs": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("ship")
    train_toy(toy_shards(root / "shards"), root / "run", tiny(**TRAINED))
    return root / "run"


def test_another_matching_leaves_the_weights_and_the_run_as_they_are(run):
    for _ in range(2):  # a copy that is there is made again
        copy = decided(run, {"path_power": 0.7, "examples": "power_mean"})
    before, after = TrainingRecord.read(run).config, TrainingRecord.read(copy).config
    assert (before.matching.path_power, after.matching.path_power, after.matching.examples) == (0.0, 0.7, "power_mean")
    assert (after.optimise, after.augment) == (before.optimise, before.augment)
    weights = "train/seed-0/best.pt"
    assert (copy / weights).read_bytes() == (run / weights).read_bytes()


@pytest.mark.parametrize(("decide", "power"), [(["--decide", "path_power=0.7"], 0.7), ([], 0.0)])
def test_every_step_is_done_and_the_encoder_has_what_was_calibrated(run, tmp_path, monkeypatch, decide, power):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ship, "ENCODERS", tmp_path / "encoders")
    card = tmp_path / "encoders/mine/card.md"
    card.parent.mkdir(parents=True)
    card.write_text("a card")
    asked = []

    def command(words, standalone_mode):
        asked.append(words)
        if words[0] == "train":
            shutil.copytree(run / "train", Path("data/runs/mine/train"))
        if words[0] == "calibrate":
            Path(words[2], "train/limits.json").write_text("limits")

    monkeypatch.setattr(ship, "data_command", command)
    monkeypatch.setattr(ship, "dastm_command", command)
    assert main(["mine", "augment.yaw=5", *decide]) == 0
    assert [words[0] for words in asked] == ["raw", "parse", "split", "train", "calibrate"]
    assert asked[3][-2:] == ["--set", "augment.yaw=5"]
    assert TrainingRecord.read(card.parent).config.matching.path_power == power
    assert (card.parent / "train/limits.json").read_text() == "limits"
    assert (card.parent / "train/seed-0/best.pt").read_bytes() == (run / "train/seed-0/best.pt").read_bytes()
    assert TrainingRecord.read(Path("data/runs/mine")).config == tiny(**TRAINED)


def test_what_is_asked_is_checked_before_anything_is_done(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["motion3d", "--decide", "spatial=none"])
    assert "--decide spatial: not one of examples, path_frames, path_power" in capsys.readouterr().err
    with pytest.raises(RunError, match="path_power"):
        main(["motion3d", "--decide", "path_power=7"])
    assert list(tmp_path.iterdir()) == []
