"""From a folder of examples to labels, as a user types it."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import COCO17, NTU25
from dastm.recogniser.file import read_recogniser
from tests.actions import clip_of
from tests.command_line import call, done, failed, misused, told

pytestmark = pytest.mark.slow

ACTIONS = ("wave", "push", "kick")


def write_clip(path, action, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, clip_of(action, seed).joints_TVC)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder an action, clips without a label, and a recogniser of the examples."""
    folder = tmp_path_factory.mktemp("use")
    for action in ACTIONS:
        for seed in (0, 1):
            write_clip(folder / f"examples/{action}/{action}{seed}.npy", action, seed)
        write_clip(folder / f"clips/{action}.npy", action, 7)
    write_clip(folder / "examples/other/bow.npy", "bow", 0)
    write_clip(folder / "clips/bow.npy", "bow", 3)
    done("dastm", "enrol", folder / "examples", "--out", folder / "mine.dastm", "--fps", 30, "--layout", "ntu25")
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A copy of the recogniser to change, beside the clips."""
    (tmp_path / "mine.dastm").write_bytes((made / "mine.dastm").read_bytes())
    for name in ("examples", "clips"):
        (tmp_path / name).symlink_to(made / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_three_commands_lead_from_examples_to_a_table(place):
    said = done("dastm", "enrol", "examples", "--out", "new.dastm", "--layout", "ntu25")
    assert "3 actions, 6 examples, 1 of none of them; encoder motion3d" in said
    assert "each example judged by the others: 6 of 6 right" in said
    assert "next: dastm predict CLIPS --with new.dastm" in said
    said = done("dastm", "predict", "clips", "--with", "new.dastm", "--csv", "labels.csv")
    assert {row["key"]: row["action"] for row in rows_of(place / "labels.csv")} == {
        "bow": "", "kick": "kick", "push": "push", "wave": "wave",
    }  # fmt: skip
    assert "clips/wave.npy: wave" in said
    assert "clips/bow.npy: none of these (nearest: " in said


def test_json_lines_say_the_same_as_the_table(place):
    done("dastm", "predict", "clips", "--with", "mine.dastm", "--csv", "a.csv", "--json", "a.jsonl", "--top", 2)
    lines = [json.loads(line) for line in (place / "a.jsonl").read_text().splitlines()]
    assert [line["action"] or "" for line in lines] == [row["action"] for row in rows_of(place / "a.csv")]
    assert [len(line["top"]) for line in lines] == [2] * 4
    printed = done("dastm", "predict", "clips", "--with", "mine.dastm", "--json", "-", "--top", 2)
    assert [json.loads(line) for line in printed.splitlines()] == lines


def test_a_page_shows_what_was_said(place):
    done("dastm", "predict", "clips", "--with", "mine.dastm", "--html", "labels.html")
    page = (place / "labels.html").read_text()
    assert "clips/wave.npy" in page
    assert "none of these" in page
    (place / "theirs.html").write_text("<p>mine</p>")
    assert "theirs.html" in failed("dastm", "predict", "clips", "--with", "mine.dastm", "--html", "theirs.html")


def test_results_do_not_depend_on_what_else_is_asked(place):
    done("dastm", "predict", "clips", "--with", "mine.dastm", "--csv", "all.csv")
    done("dastm", "predict", "clips/wave.npy", "clips/bow.npy", "--with", "mine.dastm", "--csv", "two.csv")
    every = {row["key"]: row for row in rows_of(place / "all.csv")}
    for row in rows_of(place / "two.csv"):
        assert row["action"] == every[row["key"]]["action"]
        assert float(row["distance"]) == pytest.approx(float(every[row["key"]]["distance"]), abs=1e-5)


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(place):
    (place / "bad.npy").write_text("no array")
    result = call("dastm", "predict", "clips/wave.npy", "bad.npy", "gone.npy", "--with", "mine.dastm")
    assert result.exit_code == 0
    assert "clips/wave.npy: wave" in result.stdout
    left_out = told(result.stderr).splitlines()
    assert [line.split(":")[:2] for line in left_out] == [["left out", " bad.npy"], ["left out", " gone.npy"]]


def test_the_status_is_1_only_if_nothing_could_be_read(place):
    (place / "bad.npy").write_text("no array")
    result = call("dastm", "predict", "bad.npy", "--with", "mine.dastm", "--csv", "none.csv")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "dastm: nothing could be read of bad.npy"


def test_many_refused_clips_are_counted_after_the_first_ones(place):
    for number in range(13):
        (place / f"bad{number:02d}.npy").write_text("no array")
    result = call("dastm", "predict", *sorted(place.glob("bad*.npy")), "clips/wave.npy", "--with", "mine.dastm")
    assert result.exit_code == 0
    assert told(result.stderr).splitlines()[-1] == "left out: 3 more"


def test_examples_are_added_to_known_and_to_new_actions_and_never_twice(place):
    write_clip(place / "more/bow/b1.npy", "bow", 1)
    write_clip(place / "more/wave/w5.npy", "wave", 5)
    assert "4 actions, 8 examples" in done("dastm", "add", "more", "--with", "mine.dastm")
    assert "2 of 2 were already among the examples" in done("dastm", "add", "more", "--with", "mine.dastm")
    assert read_recogniser(place / "mine.dastm").actions == (*sorted(ACTIONS), "bow")


def test_one_file_is_added_with_the_name_of_its_action_and_negatives_without(place):
    write_clip(place / "clip.npy", "kick", 8)
    done("dastm", "add", "clip.npy", "--action", "high kick", "--with", "mine.dastm")
    write_clip(place / "neg/x.npy", "push", 9)
    assert "2 of none of them" in done("dastm", "add", "--negatives", "neg", "--with", "mine.dastm")
    assert "high kick" in read_recogniser(place / "mine.dastm").actions
    assert "name examples, or --negatives" in misused("dastm", "add", "--with", "mine.dastm")


def test_a_new_action_written_almost_as_another_is_noted(place):
    write_clip(place / "clip.npy", "kick", 8)
    said = call("dastm", "add", "clip.npy", "--action", "Kick", "--with", "mine.dastm")
    assert (said.exit_code, said.stderr) == (0, "note: kick, Kick are different actions, though written almost alike\n")
    write_clip(place / "other.npy", "bow", 8)
    assert call("dastm", "add", "other.npy", "--action", "bow", "--with", "mine.dastm").stderr == ""


def test_a_file_whose_action_nobody_says_is_not_enrolled(place):
    write_clip(place / "clip.npy", "kick", 8)
    result = call("dastm", "add", "clip.npy", "--with", "mine.dastm")
    assert result.exit_code == 1
    assert "clip.npy" in result.stderr


def test_actions_and_examples_are_forgotten(place):
    assert done("dastm", "remove", "wave", "--with", "mine.dastm") == "forgotten: wave (2 examples)\n"
    key = read_recogniser(place / "mine.dastm").examples[0].name
    assert done("dastm", "remove", key, "--with", "mine.dastm") == f"forgotten: {key} (1 example)\n"
    assert "no action or example 'wave'; the actions: " in failed("dastm", "remove", "wave", "--with", "mine.dastm")
    before = (place / "mine.dastm").read_bytes()
    assert "no action would be left" in call("dastm", "remove", "push", "kick", "--with", "mine.dastm").stderr
    assert (place / "mine.dastm").read_bytes() == before


def test_a_recogniser_shows_what_it_knows(place):
    said = done("dastm", "inspect", "mine.dastm", "--examples")
    assert "3 actions, 6 examples, 1 of none of them" in said
    assert "threshold" in said
    assert said.count("added ") == 7


def test_nothing_is_replaced_unless_told(place):
    (place / "notes.txt").write_text("mine")
    assert "notes.txt: is not a recogniser file, so it is not replaced" in failed(
        "dastm", "enrol", "examples", "--out", "notes.txt", "--replace"
    )
    assert "--replace makes a new one" in failed("dastm", "enrol", "examples", "--out", "mine.dastm")
    done("dastm", "enrol", "examples", "--out", "mine.dastm", "--replace", "--layout", "ntu25")
    assert "is not a table of predictions, so it is not replaced" in failed(
        "dastm", "predict", "clips/wave.npy", "--with", "mine.dastm", "--csv", "notes.txt"
    )
    assert (place / "notes.txt").read_text() == "mine"


def test_a_folder_without_examples_makes_no_recogniser(place):
    (place / "empty/wave").mkdir(parents=True)
    result = call("dastm", "enrol", "empty", "--out", "new.dastm")
    assert result.exit_code == 1
    assert not (place / "new.dastm").exists()


def test_features_are_written_as_a_table(place):
    assert done("dastm", "embed", "clips", "--out", "f.parquet", "--layout", "ntu25") == "f.parquet: 4 rows\n"
    assert "nothing could be read of" in call("dastm", "embed", "none", "--out", "g.parquet").stderr


def test_a_program_is_exported_with_what_to_feed(place, monkeypatch):
    monkeypatch.setattr("dastm.recogniser.export.to_torch", lambda known, layout: b"program")
    assert "its input is described in mine.pt2.json" in done("dastm", "export", "mine.dastm", "--to", "torch")
    assert "--replace" in failed("dastm", "export", "mine.dastm", "--to", "torch")
    assert "no layout 'x'" in failed("dastm", "export", "mine.dastm", "--to", "torch", "--layout", "x", "--replace")


def test_a_table_can_be_printed_and_two_outputs_cannot_be_one(place):
    done("dastm", "predict", "clips", "--with", "mine.dastm", "--csv", "a.csv")
    printed = done("dastm", "predict", "clips", "--with", "mine.dastm", "--csv", "-")
    assert printed == (place / "a.csv").read_text()
    for name in ("-", "a.csv"):
        words = ("predict", "clips", "--with", "mine.dastm", "--csv", name, "--json", name)
        assert f"two outputs to {name}" in misused("dastm", *words)
    assert "name a file for --html" in misused("dastm", "predict", "clips", "--with", "mine.dastm", "--html", "-")
    assert not (place / "-").exists()


def test_files_are_whole_where_nobody_reads_the_screen(place):
    """As in `| head -1`."""
    words = ("predict", "clips", "--with", "mine.dastm")
    done("dastm", *words, "--csv", "a.csv", "--json", "a.jsonl")
    reading, writing = os.pipe()
    os.close(reading)
    argv = [sys.executable, "-m", "dastm", *words, "--csv", "b.csv", "--json", "b.jsonl"]
    ended = subprocess.run(argv, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")
    for suffix in ("csv", "jsonl"):
        assert (place / f"b.{suffix}").read_bytes() == (place / f"a.{suffix}").read_bytes()


def test_a_layout_beside_a_definition_is_refused(place):
    words = ("predict", "clips", "--with", "mine.dastm", "--dataset", "demo-ntu", "--layout", "coco17")
    assert "layout coco17: the definition demo-ntu says the layout; give one of them" in failed("dastm", *words)


def test_what_holds_no_recording_is_named_if_there_is_nothing_else(place):
    (place / "notes").mkdir()
    (place / "notes/a.txt").write_text("a")
    said = failed("dastm", "predict", "notes", "--with", "mine.dastm")
    assert said == "nothing could be read of notes (notes/a.txt: of no form that is known here)"


def test_bodies_that_do_not_stand_along_y_are_noted_and_others_are_not(place):
    joints = clip_of("wave", 9).joints_TVC[..., [0, 2, 1]]
    np.save(place / "lying.npy", joints)
    result = call("dastm", "predict", "lying.npy", "--with", "mine.dastm")
    assert told(result.stderr).startswith("note: most bodies do not stand along y, which is up here.")
    for words in (
        ("predict", "lying.npy", "--with", "mine.dastm", "--spot"),
        ("embed", "lying.npy", "--out", "f.parquet"),
    ):
        assert "note: most bodies do not" in call("dastm", *words).stderr
    (place / "turned/wave").mkdir(parents=True)
    np.save(place / "turned/wave/a.npy", joints)
    assert "note: most bodies do not" in call("dastm", "enrol", "turned", "--out", "turned.dastm").stderr
    assert told(call("dastm", "predict", "clips", "--with", "mine.dastm").stderr) == ""


def test_a_layout_that_is_a_guess_is_noted_unless_the_examples_have_it(place):
    note = "taken for ntu25, the only known layout of 25 joints that fits; --layout names another"
    noted = call("dastm", "enrol", "examples", "--out", "new.dastm").stderr
    assert told(noted) == f"note: 7 recordings {note}\n"
    assert told(call("dastm", "enrol", "examples", "--out", "said.dastm", "--layout", "ntu25").stderr) == ""
    assert told(call("dastm", "predict", "clips", "--with", "mine.dastm").stderr) == ""
    kept = [
        NTU25.joints.index(name.replace("shoulder centre", "spine shoulder"))
        for name in KNOWN_LAYOUTS["kinect20"].joints
    ]
    (place / "more").mkdir()
    np.save(place / "more/wave.npy", clip_of("wave", 5).joints_TVC[:, kept])
    noted = call("dastm", "predict", "more", "clips", "--with", "mine.dastm").stderr
    assert told(noted) == f"note: 1 recording {note.replace('ntu25', 'kinect20').replace('25', '20')}\n"
    assert told(call("dastm", "embed", "clips/wave.npy", "--out", "f.parquet").stderr) == f"note: 1 recording {note}\n"


def test_which_of_several_bodies_is_taken_is_noted(place):
    both = np.stack([clip_of("wave", 0).joints_TVC, clip_of("push", 1).joints_TVC[:1].repeat(40, axis=0)])
    (place / "two/wave").mkdir(parents=True)
    np.save(place / "two/wave/a.npy", both)
    words = ("enrol", "two", "--out", "two.dastm", "--layout", "ntu25")
    noted = call("dastm", *words).stderr
    assert told(noted) == "note: of several bodies, the one that moves most is the example: two/wave/a.npy\n"
    noted = call("dastm", "explain", "two/wave/a.npy", "--with", "mine.dastm", "--out", "why.html").stderr
    assert told(noted) == "note: of body 0, the one that moves most; there also is 1 (--body)\n"
    noted = call("dastm", "explain", "two/wave/a.npy", "--with", "mine.dastm", "--out", "why.html", "--body", 1).stderr
    assert told(noted) == ""


def test_a_folder_too_many_around_the_actions_is_noted(place):
    (place / "all").mkdir()
    (place / "all/examples").symlink_to(place / "examples")
    result = call("dastm", "enrol", "all", "--out", "new.dastm")
    assert "1 action, 7 examples" in result.stdout
    assert "right" not in result.stdout
    assert "note: all examples are of one action, 'examples'" in result.stderr
    assert "If the folders in it (kick, other, push and 1 more) are the actions, name that folder" in result.stderr


def test_an_assumed_frame_rate_is_said(place):
    done("dastm", "enrol", "examples", "--out", "unknown.dastm", "--layout", "ntu25")
    words = ("predict", "clips/wave.npy", "--spot")
    said = call("dastm", *words, "--with", "unknown.dastm")
    assert told(said.stderr) == "note: no frame rate is known; 30 a second are assumed (--fps)\n"
    said = call("dastm", *words, "--with", "mine.dastm")
    assert told(said.stderr) == "note: no frame rate is known; 30 a second are assumed, as in the examples (--fps)\n"
    for name in ("mine.dastm", "unknown.dastm"):
        assert told(call("dastm", *words, "--with", name, "--fps", 25).stderr) == ""


def test_recordings_that_do_not_stand_as_the_others_do_are_named(place):
    (place / "mixed/wave").mkdir(parents=True)
    (place / "mixed/kick").symlink_to(place / "examples/kick")
    for seed in (0, 1):
        np.save(place / f"mixed/wave/{seed}.npy", clip_of("wave", seed).joints_TVC[..., [0, 2, 1]])
    np.save(place / "mixed/wave/2.npy", clip_of("wave", 2).joints_TVC)
    noted = call("dastm", "enrol", "mixed", "--out", "mixed.dastm", "--layout", "ntu25").stderr
    assert "bodies stand along y, which is up here, but for 2: mixed/wave/0.npy, mixed/wave/1.npy. Turn" in noted


def test_an_example_twice_is_told_and_the_encoder_is_that_of_most_examples(place):
    (place / "more/wave").mkdir(parents=True)
    np.save(place / "more/wave/0.npy", clip_of("wave", 0, COCO17).joints_TVC)
    for name in ("1.npy", "2.npy"):
        write_clip(place / "more/wave" / name, "wave", 4)
    write_clip(place / "more/kick/3.npy", "kick", 4)
    result = call("dastm", "enrol", "more", "--out", "more.dastm")
    assert "2 actions, 2 examples; encoder motion3d" in result.stdout
    assert "1 of 3 hold the joints of another example of the action and were not added" in result.stdout
    assert "left out: more/wave/0.npy: a pose in an image (coco17)" in result.stderr
    words = ("add", "clips/wave.npy", "--action", "None of these", "--with", "mine.dastm")
    assert "is what is said of a clip that shows no action" in call("dastm", *words).stderr


def test_a_skeleton_that_cannot_be_mapped_is_left_out_and_the_rest_goes_on(place):
    (place / "more").mkdir()
    (place / "more/wave").mkdir()
    write_clip(place / "more/wave/b.npy", "wave", 3)
    head = ",".join(f"{name}_{axis}" for name in ("hub", "rim", "spoke") for axis in "xyz")
    rows = [",".join(f"{value:.2f}" for value in row) for row in np.random.default_rng(0).normal(size=(9, 9))]
    (place / "more/wave/a.csv").write_text("\n".join([head, *rows]) + "\n")
    said = call("dastm", "enrol", "more", "--out", "new.dastm", "--layout", "ntu25")
    assert said.exit_code == 0, said.output
    assert "left out: more/wave/a.csv: " in said.stderr
    assert "1 action, 1 example" in said.stdout


def test_bodies_whose_feet_point_backwards_are_noted(place):
    for name, sign in (("mirrored", -1), ("plain", 1)):
        (place / name).mkdir()
        for seed in range(10):
            joints = clip_of("wave", seed).joints_TVC.copy()
            for side in ("left", "right"):
                ankle, foot = (NTU25.joints.index(f"{side} {joint}") for joint in ("ankle", "foot"))
                joints[:, foot] = joints[:, ankle] + (0, 0, -0.15)
            np.save(place / f"{name}/{seed}.npy", joints * (sign, 1, 1))
    said = call("dastm", "predict", "mirrored", "--with", "mine.dastm")
    assert "note: the feet of most bodies point backwards: the recordings may be mirrored" in said.stderr
    assert "feet" not in call("dastm", "predict", "plain", "--with", "mine.dastm").stderr
    (place / "mirrored/9.npy").unlink()
    assert "feet" not in call("dastm", "predict", "mirrored", "--with", "mine.dastm").stderr
