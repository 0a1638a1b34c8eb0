"""Lines of bare numbers: a frame a line by how many there are, a joint a line by the layout."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from pipeline.parse.sources.times import NOTES
from pipeline.parse.tools.number_lines import NOTE_FOURTH
from pipeline.parse.tools.space import NOTE_UNIT
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of


def line(*numbers, mark=" "):
    return mark.join(map(str, numbers)) + "\n"


def joints(n_joints, start=0.1, rest=()):
    return [n for v in range(n_joints) for n in (start + v / 100, 0.2, 2.5, *rest)]


def test_kinect_2_with_quaternions_and_a_blank_at_the_end():
    text = line(*joints(25, rest=(0, 0, 0, 0)))[:-1] + " \n"
    clip = clip_of("number_lines", text * 3)
    assert (clip.frames, clip.joints_PVC[2, 3].tolist()) == (3, pytest.approx([0.13, 0.2, 2.5]))
    assert poses_of("number_lines", text).layout.name == "ntu25"
    assert form_of(text) == "number_lines"


def test_msrc_12_has_time_stamps_a_state_and_rows_of_nobody():
    rows = [line(1000 + 33 * t, *(joints(20, rest=(1,)) if t else [0] * 80)) for t in range(4)]
    clip = clip_of("number_lines", "".join(rows))
    assert (clip.frames, clip.frame_index.tolist(), clip.notes) == (4, [1, 2, 3], (NOTE_FOURTH, NOTES["ms"]))
    assert poses_of("number_lines", "".join(rows)).fps == pytest.approx(1000 / 33)
    gap = "".join(line(33 * t, *joints(20, rest=(1,))) for t in (0, 1, 2, 3, 8))
    assert clip_of("number_lines", gap).frame_index.tolist() == [0, 1, 2, 3, 8]


def test_uneven_stamps_of_a_kinect_in_microseconds_tell_its_rate():
    stamps = [4772987682 + 100000 * (t // 3) + (0, 32700, 54000)[t % 3] for t in range(30)]
    poses = poses_of("number_lines", "".join(line(stamp, *joints(20, rest=(1,))) for stamp in stamps))
    assert (poses.fps, poses.notes) == (pytest.approx(30, rel=0.02), (NOTE_FOURTH, NOTES["us"]))


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_comma_is_a_point_where_something_else_parts_the_numbers(mark):
    text = line(*joints(25), mark=mark).replace(".", ",")
    clip = clip_of("number_lines", text * 2)
    assert (clip.ids.tolist(), clip.joints_PVC[1, 3].tolist()) == ([0], pytest.approx([0.13, 0.2, 2.5]))
    assert form_of(text) == "number_lines"


def test_lines_of_remarks_are_passed_over_and_still_counted():
    text = "# Kinect\n" + line(*joints(25)) + "# a pause, 1 2 3\n" + line(*joints(25))
    assert clip_of("number_lines", text).frames == 2
    assert form_of(text) == "number_lines"
    with pytest.raises(RefusedError, match="'a' is not a number") as caught:
        clip_of("number_lines", text + line(*["a"] * 75))
    assert caught.value.line == 5


def test_sbu_has_two_bodies_in_the_image():
    rows = [line(278 + t, *joints(15), *joints(15, 0.6), mark=",") for t in (0, 1, 3)]
    clip = clip_of("number_lines", "".join(rows))
    assert (clip.frames, clip.ids.tolist(), clip.lengths.tolist(), clip.joints_PVC.shape) == (
        4,
        [0, 1],
        [3, 3],
        (6, 15, 2),
    )
    assert poses_of("number_lines", rows[0]).layout.name == "openni15_2d"


def test_cad_60_has_orientations_and_hands_and_feet_last():
    turned = [n for v in range(11) for n in (*[0.5] * 9, 1, 1000 + v, 10, 2000, 1)]
    bare = [n for v in range(4) for n in (1100 + v, -900, 2000, 1)]
    text = line(1, *turned, *bare, mark=",")[:-1] + ",\n"
    clip = clip_of("number_lines", text)
    names = KNOWN_LAYOUTS["openni15"].joints
    at = {name: clip.joints_PVC[0, v, 0] for v, name in enumerate(names)}
    assert at["head"] == pytest.approx(1.0)
    assert [at[f"left {part}"] for part in ("elbow", "hand", "foot")] == pytest.approx([1.004, 1.100, 1.102])
    assert at["right shoulder"] == pytest.approx(1.005)
    assert clip.notes == (NOTE_UNIT,)


def test_other_numbers_need_a_layout_and_may_have_a_frame_before_them():
    text = "".join(line(t, *joints(25)) for t in (4, 6))
    assert clip_of("number_lines", text).frames == 3
    image = line(*[n for v in range(17) for n in (0.1, 0.5)])
    assert clip_of("number_lines", image, "coco17").joints_PVC.shape == (1, 17, 2)
    with pytest.raises(RefusedError, match=r"7 numbers a line; say which joints"):
        clip_of("number_lines", line(*range(7)))
    with pytest.raises(RefusedError, match="7 numbers a line, expected 3, 4 or 7 for each of 25 joints"):
        clip_of("number_lines", line(*range(7)), "ntu25")


def test_numbers_before_the_joints_that_do_not_ascend_are_no_frames():
    text = "".join(line(t, *joints(25)) for t in (4, 4))
    clip = clip_of("number_lines", text)
    assert (clip.frames, clip.notes) == (2, ("numbers_of_frames_do_not_ascend",))


def test_a_joint_a_line_is_read_by_the_layout():
    text = "".join(line(100.0 + v, 560.0 if v else -900, 2687.0) for _ in range(2) for v in range(15))
    clip = clip_of("joint_lines", text, "kard15")
    assert (clip.frames, clip.notes) == (2, (NOTE_UNIT,))
    assert clip.joints_PVC[1, 3].tolist() == pytest.approx([0.103, 0.56, 2.687])
    assert form_of(text) == "joint_lines"
    four = "".join(line(0.1, v / 10, 2, 0) for v in range(20))
    assert clip_of("joint_lines", four, "msr20").notes == (NOTE_FOURTH,)
    two = "".join(line(300 + v, 200) for v in range(17))
    assert clip_of("joint_lines", two, "coco17", image_size=(1, 1)).joints_PVC[0, 1].tolist() == [301, 200]


@pytest.mark.parametrize(
    ("text", "layout", "reason"),
    [
        ("1 2 3\n", None, "a joint a line: only you can tell"),
        ("1 2 3\n" * 16, "kard15", "16 lines, not a multiple of the 15 joints"),
        ("1 2\n" * 15, "kard15", "2 numbers a line, expected x y z of a joint"),
        ("1 2 3\n1 2\n", "kard15", "2 numbers, the first line has 3"),
        ("1 2 a\n", "kard15", "'a' is not a number"),
        ("0 0 0\n" * 15, "kard15", "no joint is measured"),
        ("", "kard15", "the file is empty"),
    ],
)
def test_lines_that_are_no_joints_are_refused(text, layout, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("joint_lines", text, layout)


def test_an_axis_or_a_unit_that_the_definition_says_counts():
    clip = clip_of("joint_lines", line(1, 2, 3) * 15, "kard15", unit_m=0.1, up="z")
    assert clip.joints_PVC[0, 0] == pytest.approx(np.array([0.1, 0.3, -0.2]))


@pytest.mark.parametrize("lead", ["", "{t} "])
def test_two_bodies_of_a_kinect_v2_a_line(lead):
    text = "".join(lead.format(t=t) + "0.5 " * 75 + ("0.7 " if t else "0 ") * 75 + "\n" for t in range(2))
    clip = clip_of("number_lines", text)
    assert (clip.ids.tolist(), clip.lengths.tolist(), clip.joints_PVC.shape[1:]) == ([0, 1], [2, 1], (25, 3))
