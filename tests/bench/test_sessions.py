"""The protocol of sessions, on a few made-up events; and the whole of it on a made-up session."""

import zipfile

import numpy as np

from dastm.contract.skeleton import NTU25
from tests.actions import clip_of, standing
from tests.bench.sessions import Command, counted, main

ASKED = [
    Command(first=0, last=99, gesture="wave", counted=True),
    Command(first=100, last=199, gesture="kick", counted=False),
    Command(first=200, last=299, gesture="push", counted=True),
]


def counts(*told):
    found = counted(list(told), ASKED)
    return found.right, found.wrong, found.missed


def test_the_first_event_of_the_gesture_asked_for_is_right_and_every_other_one_wrong():
    assert counts((50, "wave"), (250, "push")) == (2, 0, 0)
    assert counts((50, "kick"), (60, "wave"), (70, "wave"), (250, "push")) == (2, 2, 0)


def test_a_command_without_a_right_event_is_missed():
    assert counts((250, "wave")) == (0, 1, 2)


def test_events_within_commands_that_are_not_counted_are_left_out():
    assert counts((99, "wave"), (150, "wave"), (160, "kick"), (250, "push")) == (2, 0, 0)


def saved(archive, name, joints_TVC):
    with archive.open(name, "w") as file:
        np.save(file, joints_TVC.astype(np.float32))


def test_a_session_is_scored_from_its_archives(tmp_path, capsys):
    rest = np.repeat(standing(NTU25)[None], 45, axis=0)
    with zipfile.ZipFile(tmp_path / "jackknife.zip", "w") as archive:
        for action in ("wave", "kick"):
            for seed in (0, 1):
                saved(archive, f"jackknife/{action}/P7/{action}{seed}.npy", clip_of(action, seed).joints_TVC)
                saved(archive, f"jackknife/{action}/P8/other{seed}.npy", rest)
    with zipfile.ZipFile(tmp_path / "sessions.zip", "w") as archive:
        session = [rest, clip_of("wave", 50).joints_TVC, rest, clip_of("kick", 51).joints_TVC, rest]
        saved(archive, "sessions/U7.npy", np.concatenate(session))
        archive.writestr("sessions/U7.csv", "first,last,gesture,counted\n0,110,wave,1\n111,214,kick,1\n")
    assert main(["--sets", str(tmp_path)]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("| session | precision | recall | F1 |")
    assert rows[2].startswith("| U7 | 100.0 | 100.0 | 100.0 | 0 | 0 |")
    assert rows[3].startswith("| all | 100.0 | 100.0 | 100.0 | 0 | 0 |")
    assert float(rows[3].split("|")[-2]) < 0.5


def test_a_folder_without_sessions_is_said(tmp_path, capsys):
    assert main(["--sets", str(tmp_path)]) == 0
    assert "nothing is scored" in capsys.readouterr().out
