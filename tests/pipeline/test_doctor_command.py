"""`dastm-data doctor` as a user types it: exit statuses, table, files, thresholds."""

import csv
import json
import os

import numpy as np
import pytest

from tests.command_line import call, done, failed, misused
from tests.pipeline.doctor.made_clips import as_skeleton, person, tracks

NAME = "S001C001P001R001A001.skeleton"


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_skeleton(tracks(body)))


def test_a_sound_file_is_one_line_and_status_0(tmp_path, rng):
    write(tmp_path / NAME, person(rng))
    assert done("dastm-data", "doctor", NAME) == "1 clip of 1 class: nothing found\n"
    assert done("dastm-data", "doctor", NAME, "--dataset", "ntu-t", "--workers", 1).endswith("nothing found\n")


def test_doubts_alone_are_status_0_and_come_as_table_csv_and_json(tmp_path, rng):
    write(tmp_path / NAME, np.repeat(person(rng, 1), 12, axis=0))
    said = done("dastm-data", "doctor", ".", "--csv", "a.csv", "--json", "deep/a.json").splitlines()
    assert said[0] == "1 clip of 1 class: 1 suspicious"
    assert said[3] == f"  {NAME}: frame 2: frozen: all frames are the same (12 frames)"
    (row,) = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    (found,) = json.loads((tmp_path / "deep" / "a.json").read_text())["findings"]
    assert (row["check"], found["check"], found["key"]) == ("frozen_tail", "frozen_tail", NAME[:20])
    again = done("dastm-data", "doctor", NAME, "--limit", "frozen_frames=12")
    assert again == "1 clip of 1 class: nothing found\n"


def test_anything_unusable_is_status_1_after_the_whole_table(tmp_path, rng):
    write(tmp_path / "raw" / NAME, person(rng))
    (tmp_path / "raw" / NAME.replace("A001", "A002")).write_text("")
    line = failed("dastm-data", "doctor", "raw", "--json", "a.json")
    assert line == "raw: 1 unusable, see above"
    assert failed("dastm-data", "doctor", "raw", "lost") == "raw and others: 2 unusable, see above"
    said = call("dastm-data", "doctor", "raw").stdout
    assert "raw/S001C001P001R001A002.skeleton: line 1: the file is empty" in said
    assert json.loads((tmp_path / "a.json").read_text())["summary"]["severities"]["unusable"] == 1


def test_wrong_usage_is_status_2(tmp_path, rng):
    assert "Missing argument 'PATH...'" in misused("dastm-data", "doctor")
    assert "--limit no limit 'speed'; known: frozen_frames" in misused(
        "dastm-data", "doctor", ".", "--limit", "speed=1"
    )
    assert "dastm-data doctor recordings.zip" in done("dastm-data", "doctor", "--help")


def test_two_outputs_of_one_name_and_a_folder_as_output_are_wrong_usage(tmp_path, rng):
    write(tmp_path / NAME, person(rng))
    assert "a.csv is named for two outputs" in misused(
        "dastm-data", "doctor", NAME, "--csv", "a.csv", "--json", "a.csv"
    )
    assert "is a directory" in misused("dastm-data", "doctor", NAME, "--csv", ".")
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_pipe_as_output_gets_the_findings_and_stays_one(tmp_path, rng):
    write(tmp_path / NAME, np.repeat(person(rng, 1), 12, axis=0))
    for option in ("--csv", "--json"):
        os.mkfifo(tmp_path / option)
        reader = os.open(tmp_path / option, os.O_RDONLY | os.O_NONBLOCK)
        done("dastm-data", "doctor", NAME, option, f"./{option}")
        assert b"frozen_tail" in os.read(reader, 10_000)
        os.close(reader)
        assert (tmp_path / option).is_fifo()
