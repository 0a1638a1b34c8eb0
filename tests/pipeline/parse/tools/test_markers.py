"""TRC and C3D: names, units, markers that were not seen, heads that are wrong."""

import io
import sys
import warnings
from types import SimpleNamespace

import c3d
import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.markers import NOTE_COMPUTED, points_of
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


ROWS = "4\t0\t1.5\t2\t3\t4\t5\t6\n5\t1\t7\t8\t9\t1\t2\t3\n"


@pytest.mark.parametrize(
    "text",
    [
        (HEAD + ROWS).replace("\t\t\t", "\t").replace("\t\t\n", "\n").replace("\t\tX1", "\tX1").replace("\t", "  "),
        HEAD.replace("R.ASIS\t\t\tL.ASIS\t\t", "R.ASIS\tL.ASIS") + ROWS,
        HEAD.replace("\t\tX1\tY1\tZ1\tX2\tY2\tZ2\n", "") + ROWS,
        HEAD.replace("X1\tY1\tZ1\tX2", "X5\tY5\tZ5\tX9") + "".join(ROWS.splitlines(keepends=True)[::-1]),
        HEAD + ROWS.replace("1.5", "1,5"),
    ],
    ids=["blanks", "names together", "no line of axes", "frames in another order", "a decimal comma"],
)
def test_other_spellings_of_a_trc_are_the_same_clip(text):
    clip = clip_of("trc", text)
    assert clip.joints_PVC.tolist() == pytest.approx(clip_of("trc", HEAD + ROWS).joints_PVC)
    assert (clip.frames, poses_of("trc", text).layout.joints) == (2, ("R.ASIS", "L.ASIS"))


def test_a_marker_that_is_there_twice_gets_a_number():
    assert poses_of("trc", HEAD.replace("L.ASIS", "R.ASIS") + ROWS).layout.joints == ("R.ASIS", "R.ASIS 1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("PathFileType\t4\n", "not the head of a TRC file"),
        (HEAD.replace("R.ASIS\t\t\tL", "R.ASIS\t\tL"), "not three columns apart"),
        (HEAD, "no line of motion"),
        (HEAD + "a\t0\t1\t2\t3\t4\t5\t6\n", "line 6: not a frame's number and 6 coordinates"),
        (HEAD + "1\t0\t1\t2\t3\t4\t5\tb\n", "line 6: 'b' is not a number"),
        (HEAD + "1\t0\t1\t2\t3\t4\t5\t6\t7\t8\n", "not a frame's number and 6 coordinates"),
        (HEAD + "2\t0\t1\t2\t3\t4\t5\t6\n2\t0\t1\t2\t3\t4\t5\t6\n", "a number of a frame twice"),
    ],
)
def test_what_is_no_trc_is_refused(text, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("trc", text)


def c3d_file(labels=("LFHD", "RFHD"), units=None, residual=0.0, rate=60.0, frames=3, first=1, **lists):
    """Written by the package: point 0 is at 100, 200, 1700, the last one at 1 2 3 with its residual."""
    writer = c3d.Writer(point_rate=rate)
    writer.set_point_labels(list(labels))
    if units:
        writer.point_group.add_str("UNITS", "unit", units, len(units))
    for name, held in lists.items():
        writer.point_group.add_str(name, name, "".join(label.ljust(8) for label in held), 8, len(held))
    rows = [[100, 200, 1700, 0, 0]] * (len(labels) - 1) + [[1, 2, 3, residual, 0]]
    writer.add_frames([(np.array(rows, np.float32), np.zeros((0, 0))) for _ in range(frames)])
    if first != 1:
        writer.set_start_frame(first)
    held = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on files without analog data
        writer.write(held)
    return held.getvalue()


def test_c3ds_points_are_joints_with_z_up_and_the_rate_of_the_file():
    poses = poses_of("c3d", c3d_file(rate=120.0))
    assert (poses.layout.joints, poses.fps, poses.n_frames) == (("LFHD", "RFHD"), 120, 3)
    clip = clip_of("c3d", c3d_file(units="mm"))
    assert clip.joints_PVC[2].tolist() == [pytest.approx([0.1, 1.7, -0.2]), pytest.approx([0.001, 0.003, -0.002])]
    assert form_of(c3d_file()) == "c3d"


def test_c3ds_point_with_a_negative_residual_was_not_seen():
    assert np.isnan(clip_of("c3d", c3d_file(residual=-1.0)).joints_PVC[:, 1]).all()


def test_c3ds_frames_may_begin_anywhere_and_the_unit_may_be_metres():
    clip = clip_of("c3d", c3d_file(units="m", first=334))
    assert (clip.frames, clip.joints_PVC[0, 1].tolist()) == (3, pytest.approx([1, 3, -2]))


def test_c3ds_labels_that_repeat_or_are_blank_get_a_number():
    assert poses_of("c3d", c3d_file(labels=("M", "", "M"))).layout.joints == ("M", "point 1", "M 2")


def test_c3ds_computed_angles_and_forces_are_no_places():
    poses = poses_of("c3d", c3d_file(labels=("LFHD", "LKnee", "LGRF"), ANGLES=["LKnee"], FORCES=["LGRF", "none"]))
    assert (poses.layout.joints, poses.notes) == (("LFHD",), (NOTE_COMPUTED,))
    assert poses_of("c3d", c3d_file(ANGLES=["LKnee"])).notes == ()


def test_c3ds_labels_beyond_255_are_in_a_second_list(monkeypatch):
    first, second = [f"M{v}" for v in range(3)], ["Toe", "Heel"]
    data = c3d_file(labels=(*first, "x", "y"), LABELS2=second)
    monkeypatch.setattr(c3d.Reader, "get", _first_three(c3d.Reader.get))
    assert poses_of("c3d", data).layout.joints == (*first, *second)


def _first_three(get):
    """`get` of a reader whose POINT:LABELS ends with its third label, as real ones do with the 255th."""

    def found(reader, name, *more):
        held = get(reader, name, *more)
        return SimpleNamespace(string_array=held.string_array[:3]) if name == "POINT:LABELS" else held

    return found


@pytest.mark.parametrize("cut", [0, 10, 600, 1100])
def test_a_c3d_without_a_whole_frame_is_refused(cut):
    with pytest.raises(RefusedError, match=r"not a C3D file|0 frames of 2 points"):
        clip_of("c3d", c3d_file()[:cut])


def test_the_frames_before_the_cut_of_a_c3d_are_read():
    whole = c3d_file(frames=40)
    cut = whole[: -len(whole) % 512 - 300]
    assert 0 < poses_of("c3d", cut).n_frames < 40


class Reader:
    """What `c3d.Reader` has of a file: processor, scale, points, analog samples, frames; the data begin in block 2."""

    first_frame, last_frame, analog_used, analog_per_frame = 5, 9, 1, 2
    header = SimpleNamespace(data_block=2)

    def __init__(self, proc_type, point_scale, point_used=2):
        self.proc_type, self.point_scale, self.point_used = proc_type, point_scale, point_used


def words(kind, n_frames=2):
    """Points at 1 2 3 and 4 5 6, the second one not seen in the last frame, and two analog samples a frame."""
    frame = [1, 2, 3, 0, 4, 5, 6, 0, 99, 98]
    rows = np.array([frame] * n_frames)
    rows[-1, 7] = -1
    return bytes(512) + rows.astype(kind).tobytes()


def dec(data):
    """Numbers of four bytes as a VAX has them."""
    numbers = (np.frombuffer(data[512:], "<f4") * 4).view("<u2").reshape(-1, 2)[:, ::-1]
    return bytes(512) + np.ascontiguousarray(numbers).tobytes()


@pytest.mark.parametrize(
    ("proc_type", "scale", "data"),
    [
        ("INTEL", -0.1, words("<f4")),
        ("MIPS", -0.1, words(">f4")),
        ("DEC", -0.1, dec(words("<f4"))),
        ("INTEL", 0.5, words("<i2")),
        ("DEC", 0.5, words("<i2")),
        ("MIPS", 0.5, words(">i2")),
    ],
)
def test_c3ds_words_of_every_kind_of_processor_are_places(proc_type, scale, data):
    expected = np.tile(np.array([[1.0, 2, 3], [4, 5, 6]]), (2, 1, 1)) * (scale if scale > 0 else 1)
    expected[1, 1] = np.nan
    assert np.array_equal(points_of(Reader(proc_type, scale), data), expected, equal_nan=True)


def test_the_points_of_a_c3d_are_those_that_its_package_reads():
    data = c3d_file(residual=-1.0, frames=7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = c3d.Reader(io.BytesIO(data))
        frames = np.array([points for _, points, _ in reader.read_frames(copy=True)])
    expected = np.where(frames[..., 3:4] < 0, np.nan, frames[..., :3])
    assert np.array_equal(points_of(reader, data), expected, equal_nan=True)


def test_c3d_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "c3d", None)
    with pytest.raises(RefusedError, match="pip install c3d"):
        clip_of("c3d", b"x")
