"""TRC and C3D: names, units, markers that were not seen, heads that are wrong."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.space import NOTE_UNIT
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of

HEAD = (
    "PathFileType\t4\t(X/Y/Z)\ta.trc\n"
    "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\n60.00\t60.00\t900\t2\tmm\n"
    "Frame#\tTime\tR.ASIS\t\t\tL.ASIS\t\t\n\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n"
)


def test_markers_are_joints_in_metres_whatever_the_head_counts():
    text = HEAD + "\n333\t5.533\t575.9\t1046.1\t122.4\t1\t2\t3\t\n335\t5.566\t1\t2\t3\tNaN\tnan\t\n"
    clip = clip_of("trc", text)
    assert (clip.frames, clip.frame_index.tolist()) == (3, [0, 2])
    assert clip.joints_PVC[0, 0] == pytest.approx([0.5759, 1.0461, 0.1224])
    assert np.isnan(clip.joints_PVC[1, 1]).all()
    assert (poses_of("trc", text).layout.joints, poses_of("trc", text).fps) == (("R.ASIS", "L.ASIS"), 60)
    assert form_of(text) == "trc"


def test_no_empty_line_windows_line_ends_and_no_unit():
    text = HEAD.replace("\tmm", "\t").replace("60.00\t60", "x\t60") + "1\t0\t1800\t0\t0\t0\t0\t1\n"
    clip = clip_of("trc", text.replace("\n", "\r\n"))
    assert (clip.joints_PVC[0, 0].tolist(), clip.notes) == ([pytest.approx(1.8), 0, 0], (NOTE_UNIT,))
    assert poses_of("trc", text).fps is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("PathFileType\t4\n", "not the head of a TRC file"),
        (HEAD.replace("R.ASIS\t\t\tL", "R.ASIS\t\tL"), "not three columns apart"),
        (HEAD.replace("L.ASIS", "R.ASIS") + "1\t0\t1\t2\t3\t4\t5\t6\n", "distinct names"),
        (HEAD, "no line of motion"),
        (HEAD + "a\t0\t1\t2\t3\t4\t5\t6\n", "line 6: not a frame's number and 6 coordinates"),
        (HEAD + "1\t0\t1\t2\t3\t4\t5\tb\n", "line 6: 'b' is not a number"),
        (HEAD + "1\t0\t1\t2\t3\t4\t5\t6\t7\t8\n", "not a frame's number and 6 coordinates"),
        (HEAD + "2\t0\t1\t2\t3\t4\t5\t6\n1\t0\t1\t2\t3\t4\t5\t6\n", "do not ascend"),
    ],
)
def test_what_is_no_trc_is_refused(text, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("trc", text)


class FakeReader:
    """As `c3d.Reader`: two frames of three points, the third not seen in the second."""

    point_labels = ("LFHD ", "", "")
    point_rate = 120.0
    units = "mm "

    def __init__(self, file):
        if not file.read():
            raise ValueError("no header")

    def get(self, name):
        return SimpleNamespace(string_value=self.units) if self.units else None

    def read_frames(self, copy):
        for number in (1, 2):
            points = np.array([[414.8, 990.3, 1697.7, 0, 0], [1, 2, 3, 0, 0], [4, 5, 6, 1 - number, 0]], np.float32)
            yield number, points, None


def test_c3d_is_read_by_its_package_with_z_up(monkeypatch):
    monkeypatch.setitem(sys.modules, "c3d", SimpleNamespace(Reader=FakeReader))
    clip = clip_of("c3d", b"x")
    assert clip.joints_PVC[0, 0] == pytest.approx([0.4148, 1.6977, -0.9903])
    assert np.isnan(clip.joints_PVC[1, 2]).all()
    poses = poses_of("c3d", b"x")
    assert (poses.layout.joints, poses.fps, poses.n_frames) == (("LFHD", "point 1", "point 2"), 120, 2)
    monkeypatch.setattr(FakeReader, "units", "")
    assert poses_of("c3d", b"x").unit_m == 0.001
    with pytest.raises(RefusedError, match="not a C3D file: no header"):
        clip_of("c3d", b"")
    monkeypatch.setattr(FakeReader, "read_frames", lambda self, copy: iter(()))
    with pytest.raises(RefusedError, match="no frame"):
        clip_of("c3d", b"x")


def test_c3d_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "c3d", None)
    with pytest.raises(RefusedError, match="pip install c3d"):
        clip_of("c3d", b"x")
