"""A new user with files of a pose estimator: from the folder to predictions and a table, no YAML and no code."""

import json
import re
import shlex
from functools import partial
from pathlib import Path

import pytest

from tests.actions import MOVES
from tests.command_line import done
from tests.tool_motions import IN_IMAGES, IN_SPACE, deeplabcut, motion_of

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

MOUSE = partial(deeplabcut, parts={"snout": "right wrist", "tailbase": "hip centre", "leftpaw": "left ankle"})
"""Body parts that no encoder knows."""


def write_clips(folder, write, seeds):
    for action in MOVES:
        (folder / action).mkdir(parents=True)
        for seed in seeds:
            write(folder / action / f"take{seed}", motion_of(action, seed))


def predicted(said):
    """Clip -> label, confidence and distance, of the lines of `dastm predict`."""
    found = re.findall(r"^(\S+): (\S+)  ([\d.]+)  \(distance ([\d.]+)", said, flags=re.MULTILINE)
    return {clip: (label, float(share), float(distance)) for clip, label, share, distance in found}


@pytest.mark.parametrize("tool", ["openpose", "mediapipe", "deeplabcut"])
def test_a_few_recordings_of_a_tool_label_the_others(tmp_path, monkeypatch, tool):
    monkeypatch.chdir(tmp_path)
    write_clips(Path("examples"), IN_IMAGES[tool], [0, 1])
    write_clips(Path("clips"), IN_IMAGES[tool], [2])
    assert "encoder motion2d" in done("dastm", "enrol", "examples", "--out", "mine.dastm")
    labels = {clip.split("/")[1]: label for clip, (label, *_) in predicted(clips_of("mine.dastm")).items()}
    assert labels == {action: action for action in MOVES}


def clips_of(recogniser):
    return done("dastm", "predict", "clips", "--with", recogniser)


@pytest.mark.parametrize(
    ("write", "layout"),
    [
        (IN_IMAGES["openpose"], "body25"),
        (IN_IMAGES["mediapipe"], "blazepose33"),
        (IN_IMAGES["deeplabcut"], "deeplabcut"),
        (MOUSE, "deeplabcut"),
    ],
    ids=["openpose", "mediapipe", "deeplabcut", "mouse"],
)
def test_init_writes_a_definition_and_the_commands_that_lead_to_a_table(tmp_path, monkeypatch, write, layout):
    monkeypatch.chdir(tmp_path)
    write_clips(Path("mine"), write, [0, 1, 2])
    assert "nothing found" in done("dastm-data", "doctor", "mine", "--workers", 1)
    said = done("dastm-data", "init", "mine")
    assert f"layout: {layout}, " in said
    done("dastm-data", "doctor", "mine", "--dataset", "mine.yaml", "--workers", 1)
    after = said.partition("next:\n")[2].replace(" && ", "\n  ").splitlines()
    commands = [line.strip() for line in after if line.startswith("  ")]
    assert commands[0].startswith("dastm-data parse --dataset mine.yaml")
    few = ["--episodes", "30"]
    words = [[*shlex.split(command), *(few if command.startswith("dastm eval ") else ())] for command in commands]
    assert "12 clips of 4 classes" in "".join(done(*of_command) for of_command in words)
    known = write is not MOUSE  # encoders only know human skeletons
    assert Path("mine.dastm").exists() == known
    if known:
        write_clips(Path("clips"), write, [3])
        labels = {clip.split("/")[1]: label for clip, (label, *_) in predicted(clips_of("mine.dastm")).items()}
        assert labels == {action: action for action in MOVES}
    rows = json.loads(Path("mine-eval/metrics.json").read_text())["rows"]
    assert rows["path"]["mean"] >= 50  # by chance 25; of a mouse only three parts are known


@pytest.mark.parametrize(
    ("forms", "encoder", "most"),
    [
        (IN_IMAGES, "motion2d", 0.03),  # pixels keep the proportions of an image of unknown size, fractions lose them
        (IN_SPACE, "motion3d", 0.01),  # Kinect v1 and NTU put the neck at different heights
    ],
    ids=["images", "space"],
)
def test_one_motion_in_all_forms_is_predicted_alike(tmp_path, monkeypatch, forms, encoder, most):
    monkeypatch.chdir(tmp_path)
    write_clips(Path("examples"), next(iter(forms.values())), [0, 1])
    assert f"encoder {encoder}" in done("dastm", "enrol", "examples", "--out", "mine.dastm")
    for name, write in forms.items():
        write_clips(Path("clips") / name, write, [2])
    found = predicted(clips_of("mine.dastm"))
    assert len(found) == len(forms) * len(MOVES)
    for action in MOVES:
        own = {clip: one for clip, one in found.items() if f"/{action}/" in clip}
        assert {label for label, *_ in own.values()} == {action}
        distances = [distance for *_, distance in own.values()]
        assert max(distances) - min(distances) <= most, own
