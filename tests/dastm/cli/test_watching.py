"""Long recordings as a user types it: events of files, and of frames as they come."""

import csv
import json
import multiprocessing
import multiprocessing.connection
import os
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from dastm.cli import main
from dastm.contract.skeleton import NTU25
from tests.actions import clip_of, standing
from tests.command_line import done, failed
from tests.killing import exit_status, fork

pytestmark = pytest.mark.slow

SAID = ["wave", "kick"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A recogniser, and a recording with two of its actions between stretches of rest."""
    folder = tmp_path_factory.mktemp("watch")
    for action in ("wave", "push", "kick"):
        for seed in (0, 1):
            path = folder / f"examples/{action}/{action}{seed}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, clip_of(action, seed).joints_TVC)
    rest = np.repeat(standing(NTU25)[None], 45, axis=0)
    parts = [rest, clip_of("wave", 50).joints_TVC, rest, clip_of("kick", 51).joints_TVC, rest]
    np.save(folder / "day.npy", np.concatenate(parts).astype(np.float32))
    np.save(folder / "night.npy", rest.astype(np.float32))
    done("dastm", "enrol", folder / "examples", "--out", folder / "mine.dastm", "--fps", 30, "--layout", "ntu25")
    return folder


@pytest.fixture
def place(made, monkeypatch):
    monkeypatch.chdir(made)
    return made


def lines_of(joints_TVC):
    return [json.dumps({"frame": n, "bodies": [{"id": 3, "joints": f.tolist()}]}) for n, f in enumerate(joints_TVC)]


def watched(lines, *words):
    return CliRunner().invoke(main, ["watch", "--with", "mine.dastm", *words], input="\n".join(lines))


def test_events_of_a_recording_are_told_as_text_csv_and_json(place, tmp_path):
    said = done(
        "dastm", "predict", "day.npy", "night.npy", "--with", "mine.dastm", "--spot", "--fps", 30,
        "--csv", tmp_path / "events.csv", "--json", tmp_path / "events.jsonl",
    )  # fmt: skip
    assert [line.split()[1] for line in said.splitlines()] == SAID
    assert said.startswith("day.npy: wave  1.")
    rows = list(csv.DictReader((tmp_path / "events.csv").read_text().splitlines()))
    assert [row["action"] for row in rows] == SAID
    assert list(rows[0])[-4:] == ["start_frame", "end_frame", "start_s", "end_s"]
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["action"] for event in events] == SAID
    assert events[0]["source"] == "day.npy"
    assert events[0]["top"][0]["action"] == "wave"
    assert float(rows[1]["start_s"]) == pytest.approx(int(rows[1]["start_frame"]) / 30, abs=1e-6)


def test_a_recording_without_events_is_read(place):
    assert done("dastm", "predict", "night.npy", "--with", "mine.dastm", "--spot", "--fps", 30) == ""


def test_watching_tells_the_same_events_as_the_whole_recording(place):
    whole = done("dastm", "predict", "day.npy", "--with", "mine.dastm", "--spot", "--json", "-", "--fps", 30)
    result = watched(lines_of(np.load("day.npy")))
    assert (result.exit_code, result.stderr) == (0, "")
    for one, other in zip(
        map(json.loads, result.stdout.splitlines()), map(json.loads, whole.splitlines()), strict=True
    ):
        assert one.pop("body") == 3
        assert one == {key: other[key] for key in one}


def stream_with_gaps():
    """Frames by their times, as if written down: half a second is missing, and joints, and in some frames everybody."""
    frames = [
        {"time": 100 + n / 30, "bodies": [{"id": 7, "joints": joints.tolist()}]}
        for n, joints in enumerate(np.load("day.npy"))
    ]
    for number in (1, 30, 60):
        frames[number]["bodies"][0]["joints"][4] = None
    frames[20]["bodies"], frames[21]["bodies"][0]["joints"] = [], None
    return [json.dumps(frame) for frame in (*frames[:8], *frames[23:])]


def test_a_stream_that_was_written_down_is_a_recording(place, tmp_path):
    lines = stream_with_gaps()
    (tmp_path / "stream.jsonl").write_text("\n".join(lines))
    spotted = ("predict", tmp_path / "stream.jsonl", "--with", "mine.dastm", "--spot", "--json", "-")
    found, live = done("dastm", *spotted), watched(lines)
    assert live.stderr == ""
    for one, other in zip(
        *([json.loads(line) for line in said.splitlines()] for said in (found, live.stdout)), strict=True
    ):
        assert one["action"] == other["action"]
        assert other["start_s"] - 100 == pytest.approx(one["start_s"], abs=0.2)
    assert [json.loads(line)["action"] for line in found.splitlines()] == SAID


def test_a_frame_that_is_refused_keeps_its_number(place):
    lines = [json.dumps({"joints": joints.tolist()}) for joints in np.load("day.npy")]
    whole = watched(lines)
    lines[10:14] = ['{"joints": [1, 2]}'] * 4
    lines[20:20] = ["INFO: 20 frames", '{"log": "fps 30"}']
    found = watched(lines)
    assert found.stdout == whole.stdout
    assert len(found.stderr.splitlines()) == 6


def watch_pipes(folder, frames, events):
    """In a process of its own: standard input and output are pipes."""
    os.chdir(folder)
    for number, pipe in enumerate((frames, events)):
        os.dup2(pipe.fileno(), number)
    sys.stdin = os.fdopen(0)
    main(["watch", "--with", "mine.dastm"], prog_name="dastm")


def test_an_event_is_written_before_the_next_frame_is_awaited(place):
    theirs_in, ours_in = multiprocessing.Pipe(duplex=False)
    ours_out, theirs_out = multiprocessing.Pipe(duplex=False)
    process = fork(watch_pipes, place, theirs_in, theirs_out)
    for theirs in (theirs_in, theirs_out):
        theirs.close()  # a process that dies ends both pipes
    with ours_in, ours_out, open(ours_out.fileno(), closefd=False) as events:
        with open(ours_in.fileno(), "w", closefd=False) as frames:
            for line in lines_of(np.load("day.npy")[:115]):
                frames.write(line + "\n")
        assert multiprocessing.connection.wait([ours_out, process.sentinel], 60)
        assert json.loads(events.readline())["action"] == "wave"  # standard input is still open
        ours_in.close()
        assert exit_status(process, "watch", seconds=60) == 0


def test_bad_lines_are_told_one_by_one_and_the_rest_goes_on(place):
    lines = lines_of(np.load("day.npy"))
    lines[20:20] = ["{", "", "x" * ((1 << 20) + 50), lines[3]]
    result = watched(lines)
    assert [json.loads(line)["action"] for line in result.stdout.splitlines()] == SAID
    told = result.stderr.splitlines()
    assert [line.split(":")[0] for line in told] == ["line 21", "line 23", "line 24"]
    assert "longer than" in told[1]
    assert told[2].endswith("frame 3 comes after frame 19")
    assert result.exit_code == 0


def test_of_lines_refused_for_one_reason_ten_are_told_and_the_others_counted(place):
    lines = lines_of(np.load("day.npy"))
    result = watched(["{", *(["[]"] * 30), *lines, "{"])
    assert [json.loads(line)["action"] for line in result.stdout.splitlines()] == SAID
    told = result.stderr.splitlines()
    assert [line.split(":")[0] for line in told[:11]] == [f"line {number}" for number in range(1, 12)]
    assert told[10].endswith("(further such lines are only counted)")
    assert told[11].startswith(f"line {len(lines) + 32}: not JSON")
    assert told[12:] == ["20 more lines were refused, for reasons like those above"]


def test_what_cannot_be_watched_is_one_line(place):
    assert failed("dastm", "watch", "--with", "mine.dastm") == "no frame on standard input"
    assert "fps: from 1 to 1000" in failed("dastm", "watch", "--with", "mine.dastm", "--fps", "nan")
    assert "no layout 'stick'" in failed("dastm", "watch", "--with", "mine.dastm", "--layout", "stick")
    assert "that has those of the data" in failed("dastm", "watch", "--with", "mine.dastm", "--layout", "coco17")
    assert "no layout 'stick'" in failed("dastm", "predict", "day.npy", "--with", "mine.dastm", "--layout", "stick")
    assert "gone.dastm" in failed("dastm", "watch", "--with", "gone.dastm")


@pytest.mark.parametrize("line", ['{"bodies": []}', '{"bodies": [{"id": 3, "joints": []}]}'])
def test_a_line_without_a_number_among_numbered_ones_costs_a_frame_at_most(place, line):
    lines = lines_of(np.load("day.npy"))
    result = watched([*lines[:20], line, *lines[20:]])
    assert [json.loads(event)["action"] for event in result.stdout.splitlines()] == SAID
    assert result.stderr.splitlines() == ["line 22: frame 20 comes after frame 20"]
