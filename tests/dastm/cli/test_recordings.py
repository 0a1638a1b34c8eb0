"""What a user names -> recordings of clips."""

import subprocess
import sys

import numpy as np
import pytest

from dastm.cli.recordings import Options, Recording, Unread, recordings
from dastm.contract.errors import DataError
from dastm.contract.skeleton import NTU25
from tests.recorded import npy, person, save, zipped


def test_a_folder_an_action_gives_clips_and_what_is_unread_one_line(tmp_path):
    save(tmp_path / "wave" / "a.npy", person(frames=7))
    save(tmp_path / "Other" / "b.npy", np.stack([person(1), person(2)]))
    (tmp_path / "wave" / "bad.npy").write_bytes(b"x")
    (tmp_path / "notes.doc").write_text("x")
    found = list(recordings([tmp_path], Options(fps=30, unit="m")))
    taken = [one for one in found if isinstance(one, Recording)]
    assert [(one.key, one.action, one.is_other, len(one.bodies)) for one in taken] == [
        ("Other/b", None, True, 2),
        ("wave/a", "wave", False, 1),
    ]
    (clip,) = taken[1].bodies
    assert (clip.key, clip.source, clip.layout, clip.fps, clip.action, clip.n_frames) == (
        *("wave/a", f"{tmp_path}/wave/a.npy", NTU25, 30, "wave", 7),
    )
    assert clip.notes == ("taken for ntu25, the only known layout of 25 joints that fits",)
    bad, rest = (one for one in found if isinstance(one, Unread))
    assert str(bad) == f"{tmp_path}/wave/bad.npy: {bad.reason}"
    assert (bad.is_foreign, rest.is_foreign) == (False, True)


def test_recordings_come_one_at_a_time_and_in_the_same_order(tmp_path, monkeypatch):
    path = zipped(tmp_path / "z.zip", {f"{a}/{n}.npy": npy(person(n)) for n in range(3) for a in "ba"})
    reading = recordings([path])
    first = next(reading)
    assert isinstance(first, Recording)
    assert first.key == "a/0"
    rest = [one.key for one in reading if isinstance(one, Recording)]
    assert rest == ["a/1", "a/2", "b/0", "b/1", "b/2"]
    whole = [one for one in recordings([path]) if isinstance(one, Recording)]
    np.testing.assert_array_equal(whole[0].bodies[0].joints_TVC, first.bodies[0].joints_TVC)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"layout": "ntu"}, "no layout 'ntu'"),
        ({"fps": 0.0}, "fps: a number above 0, got 0.0"),
        ({"fps": float("nan")}, "fps: a number above 0"),
        ({"unit": "feet"}, "unit 'feet': one of m, cm, mm, or a number of metres"),
        ({"unit": -1}, "unit: a number above 0"),
        ({"dataset": "nosuch"}, "no data set 'nosuch'"),
    ],
)
def test_options_that_cannot_be_used_are_refused_at_once(options, why):
    with pytest.raises(DataError, match=why):
        recordings(["x"], Options(**options))


@pytest.mark.parametrize(("unit", "size"), [("cm", 100), ("mm", 1000), (0.5, 2), ("2", 0.5), (None, 1)])
def test_units_become_metres(tmp_path, unit, size):
    path = save(tmp_path / "a.npy", person() * size)
    (found,) = recordings([path], Options(unit=unit))
    np.testing.assert_allclose(found.bodies[0].joints_TVC, person(), rtol=1e-5)


def test_a_line_of_what_is_unread_says_the_place():
    assert str(Unread(source="a", reason="odd", line=3, byte=4)) == "a: line 3: odd"
    assert str(Unread(source="a", reason="odd", byte=0)) == "a: byte 0: odd"


def test_pipeline_is_imported_only_when_something_is_read():
    code = "import sys, dastm.cli.recordings; print([m for m in sys.modules if m.startswith('pipeline')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_what_the_clip_refuses_is_unread(tmp_path, monkeypatch):
    path = save(tmp_path / "a.npy", person())

    def refuse(**facts):
        raise ValueError(f"{facts['source']}: odd")

    monkeypatch.setattr("dastm.cli.recordings.Clip", refuse)
    (found,) = recordings([path])
    assert str(found) == f"{path}: odd"
