"""What cannot be used of examples and clips is told, and the rest goes on."""

import csv

import numpy as np
import pytest

from dastm.cli.inputs import MOST_REFUSED, Refused
from dastm.contract.skeleton import LAYOUTS
from dastm.recogniser.file import read_recogniser
from tests.actions import clip_of
from tests.command_line import call, done

pytestmark = pytest.mark.slow


def write(path, joints):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, joints)


def refusal(*words):
    result = call(*words)
    assert result.exit_code == 1, result.stdout
    assert result.stderr.splitlines()[-1].startswith("dastm: ")
    return result.stderr


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Examples of two actions, a recogniser of them, and poses in images (17 joints, x and y)."""
    monkeypatch.chdir(tmp_path)
    for action in ("wave", "kick"):
        for seed in (0, 1):
            write(tmp_path / f"examples/{action}/{seed}.npy", clip_of(action, seed).joints_TVC)
    write(tmp_path / "clips/pose.npy", clip_of("wave", 3, LAYOUTS["coco17"]).joints_TVC)
    write(tmp_path / "clips/wave.npy", clip_of("wave", 7).joints_TVC)
    done("dastm", "enrol", "examples", "--out", "mine.dastm", "--layout", "ntu25")
    return tmp_path


def test_clips_that_the_encoder_does_not_know_are_left_out_and_the_rest_goes_on(place):
    result = call("dastm", "predict", "clips", "--with", "mine.dastm")
    assert result.exit_code == 0
    told = "clips/pose.npy: a pose in an image (coco17), and the encoder knows a 3-D skeleton (standard19)"
    assert told in result.stderr
    assert "clips/wave.npy: wave" in result.stdout
    result = call("dastm", "embed", "clips", "--out", "f.parquet", "--encoder", "motion3d")
    assert result.stdout == "f.parquet: 1 rows\n"
    assert "left out: clips/pose.npy" in result.stderr


def test_examples_that_the_encoder_does_not_know_are_left_out_and_the_rest_goes_on(place):
    write(place / "examples/wave/pose.npy", clip_of("wave", 3, LAYOUTS["coco17"]).joints_TVC)
    result = call("dastm", "enrol", "examples", "--out", "new.dastm")
    assert result.exit_code == 0
    assert "left out: examples/wave/pose.npy: a pose in an image" in result.stderr
    assert "2 actions, 4 examples" in result.stdout
    assert "1 left out" in result.stdout
    before = (place / "mine.dastm").read_bytes()
    assert "nothing to add" in refusal("dastm", "add", "clips/pose.npy", "--action", "x", "--with", "mine.dastm")
    assert (place / "mine.dastm").read_bytes() == before
    (place / "examples/wave/pose.npy").unlink()
    assert "no example of an action that motion2d knows" in refusal(
        "dastm", "enrol", "examples", "--encoder", "motion2d", "--out", "2d.dastm"
    )


def test_an_action_whose_name_cannot_be_kept_is_left_out_and_no_file_is_spoilt(place):
    for name in ("x" * 130, "two\tnames"):
        write(place / "more" / name / "0.npy", clip_of("bow", len(name)).joints_TVC)
    write(place / "more/bow/0.npy", clip_of("bow", 1).joints_TVC)
    result = call("dastm", "add", "more", "--with", "mine.dastm")
    assert result.exit_code == 0
    assert result.stderr.count("the name of an action is a line of 1 to 120 characters") == 2
    assert read_recogniser(place / "mine.dastm").actions == ("kick", "wave", "bow")
    assert "the name of an action" in refusal("dastm", "add", "clips/wave.npy", "--action", " ", "--with", "mine.dastm")


def test_what_the_command_says_of_the_action_goes_before_what_folders_are_called(place):
    write(place / "in/other/0.npy", clip_of("bow", 1).joints_TVC)
    done("dastm", "add", "in", "--action", "bow", "--with", "mine.dastm")
    assert "bow" in read_recogniser(place / "mine.dastm").actions
    write(place / "in/bow/1.npy", clip_of("bow", 2).joints_TVC)
    assert "1 of none of them" in done("dastm", "add", "in/bow/1.npy", "--action", "Other", "--with", "mine.dastm")
    assert done("dastm", "remove", "other", "--with", "mine.dastm") == "forgotten: other (1 example)\n"
    assert "no action 'other'" in refusal("dastm", "remove", "other", "--with", "mine.dastm")


def test_nothing_is_said_to_be_forgotten_that_is_kept(place):
    result = call("dastm", "remove", "wave", "kick", "--with", "mine.dastm")
    assert result.exit_code == 1
    assert result.stdout == ""


def test_clips_too_short_for_an_action_are_told(place):
    write(place / "short/3.npy", clip_of("wave", 0).joints_TVC[:3])
    write(place / "short/4.npy", clip_of("wave", 0).joints_TVC[:4])
    result = call("dastm", "predict", "short", "--with", "mine.dastm")
    assert "left out: short/3.npy: 3 frames, an action needs at least 4" in result.stderr
    assert result.stdout.startswith("short/4.npy: ")
    assert "nothing could be read" in refusal("dastm", "embed", "short/3.npy", "--out", "f.parquet")


def test_a_table_stays_where_nothing_could_be_read(place):
    done("dastm", "predict", "clips/wave.npy", "--with", "mine.dastm", "--csv", "labels.csv")
    refusal("dastm", "predict", "gone.npy", "--with", "mine.dastm", "--csv", "labels.csv")
    assert [row["action"] for row in csv.DictReader((place / "labels.csv").read_text().splitlines())] == ["wave"]


def test_refused_recordings_are_told_up_to_a_number_and_then_counted(capsys):
    refused = Refused()
    for number in range(MOST_REFUSED + 2):
        refused.note(f"{number}")
    refused.tell()
    assert capsys.readouterr().err.splitlines()[-2:] == [f"left out: {MOST_REFUSED - 1}", "left out: 2 more"]


def test_a_name_with_a_line_break_is_told_in_one_line(capsys):
    Refused().note("clips/a\nleft out: b\x1b[2J.npy: 2 frames")
    assert capsys.readouterr().err == "left out: clips/a\\nleft out: b\\x1b[2J.npy: 2 frames\n"
