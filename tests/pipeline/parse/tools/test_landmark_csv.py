"""Numbered landmarks as CSV, wide and long, under the names that users give their columns."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.landmark_csv import NOTE_SOME
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of

ROW = ",".join(f"{v / 100},{0.5},{-0.1},{0.9}" for v in range(33))


def wide(pattern, first="frame,", start=0, kinds=("x", "y", "z", "visibility"), row=ROW, numbers=("1,", "2,")):
    names = ",".join(pattern.format(v=v + start, c=c) for v in range(33) for c in kinds)
    return f"{first}{names}\n" + "".join(f"{number}{row}\n" for number in numbers)


@pytest.mark.parametrize(
    ("pattern", "first", "start", "kinds"),
    [
        ("L{v}_{c}", "frame,", 0, ("x", "y", "z", "visibility")),
        ("{c}{v}", "class,", 1, ("x", "y", "z", "v")),
        ("{c}_{v}", "time,", 0, ("x", "y", "z", "visibility")),
        ("landmark_{v}_{c}", "Frame_Number,", 0, ("x", "y", "z", "visibility")),
        ("{v}_{c}", "timestamp,", 0, ("X", "Y", "Z", "V")),
    ],
)
def test_columns_of_33_landmarks_are_known_whatever_they_are_called(pattern, first, start, kinds):
    text = wide(pattern, first, start, kinds)
    clip = clip_of("landmark_csv", text if first != "class," else text.replace("\n2,", "\n1,"))
    assert (clip.frames, clip.joints_PVC.shape) == (2, (2, 33, 2))
    assert clip.joints_PVC[0, 32].tolist() == pytest.approx([0.32, 0.5])
    assert clip.scores_PV[1, 4] == pytest.approx(0.9)
    assert form_of(text) == ("landmark_csv" if pattern != "{c}_{v}" else "folder_arrays")


@pytest.mark.parametrize("pattern", ["J{v}_{c}", "joint{v}{c}", "Joint_{v}.{c}", "kpt{v}_{c}", "node{v}_{c}"])
def test_joints_of_a_letter_and_a_number_are_known_by_how_many_there_are(pattern):
    head = ",".join(pattern.format(v=v, c=c) for v in range(20) for c in "xyz")
    text = f"frame,{head}\n1," + ",".join(["0.1,1.5,2.1"] * 20) + "\n"
    assert poses_of("landmark_csv", text).layout.name == "kinect20"
    assert form_of(text) == "landmark_csv"


def test_a_column_of_times_tells_the_frames_a_second():
    text = wide("L{v}_{c}", "time_ms,frame,", numbers=("0,1,", "40,2,", "80,3,"))
    assert poses_of("landmark_csv", text).fps == pytest.approx(25)
    long = "time,landmark,x,y\n" + "".join(f"{t / 25},{v},0.1,0.5\n" for t in range(3) for v in range(33))
    assert poses_of("landmark_csv", long).fps == pytest.approx(25)


def test_a_line_a_joint_begins_a_frame_where_a_landmark_comes_again():
    lines = "".join(f"up,Landmark_{v},0.{v:02},0.5,-0.1,0.9\r\n" for _ in range(3) for v in range(33))
    text = f"Pose,Landmark,X,Y,Z,Visibility\r\n{lines}"
    clip = clip_of("landmark_csv", text)
    assert (clip.frames, clip.joints_PVC[2, 7].tolist()) == (3, pytest.approx([0.07, 0.5]))
    assert form_of(text) == "landmark_csv"
    numbered = "frame,landmark,x,y\n" + "".join(f"{t},{v},0.{v:02},0.5\n" for t in (9, 7) for v in range(33))
    clip = clip_of("landmark_csv", numbered)
    assert (clip.frames, clip.frame_index.tolist(), clip.joints_PVC.shape) == (3, [0, 2], (2, 33, 2))


def test_a_landmark_that_is_left_out_or_empty_was_not_measured():
    text = "frame,landmark,x,y\n" + "".join(f"1,{v},0.{v:02},0.5\n" for v in range(33) if v != 5)
    assert clip_of("landmark_csv", text).scores_PV[0].tolist() == [1.0] * 5 + [0.0] + [1.0] * 27
    text = wide("L{v}_{c}", row=ROW.replace("0.07,0.5,", ",nan,"), numbers=("1,",))
    assert clip_of("landmark_csv", text).scores_PV[0, 7] == 0


def test_bodies_have_a_column_and_rows_may_come_in_any_order():
    text = wide("L{v}_{c}", "person_id,frame,", numbers=("4,2,", "7,1,", "4,1,"))
    clip = clip_of("landmark_csv", text)
    assert (sorted(clip.ids.tolist()), clip.frames, sorted(clip.lengths.tolist())) == ([4, 7], 2, [1, 2])
    plain = wide("L{v}_{c}", "frame,", numbers=("3,", "1,"))
    assert clip_of("landmark_csv", plain).frame_index.tolist() == [0, 2]


def test_semicolons_and_tabs_and_empty_fields_at_the_end_are_taken():
    text = wide("L{v}_{c}")
    for mark in (";", "\t"):
        assert clip_of("landmark_csv", text.replace(",", mark)).frames == 2
    assert clip_of("landmark_csv", text.replace("\n1,", ",\n1,")).frames == 2


def test_pixels_and_21_landmarks_of_a_hand():
    names = ",".join(f"x{v},y{v}" for v in range(21))
    text = f"frame,{names}\n1," + ",".join(["320,240"] * 21) + "\n"
    poses = poses_of("landmark_csv", text)
    assert (poses.layout.name, poses.pixels, poses.scores_PV) == ("hands21", True, None)


def test_numbers_that_leave_some_out_are_names_and_in_an_image_mediapipes():
    for marks, first in ((range(11, 17), "left shoulder"), ((0, 11, 12), "nose")):
        head = ",".join(f"L{v}_{c}" for v in marks for c in "xyz")
        poses = poses_of("landmark_csv", f"frame,{head}\n1," + ",".join(["0.5,0.4,-0.1"] * len(marks)) + "\n")
        assert (poses.layout.joints[0], poses.layout.is_image, poses.notes) == (first, True, (NOTE_SOME,))
    poses = poses_of("landmark_csv", "frame,x0,y0,x2,y2\n1,2,3,4,5\n")
    assert (poses.layout.joints, poses.notes) == (("joint 0", "joint 2"), ())


def test_words_for_nothing_and_decimal_commas_are_numbers():
    text = wide("L{v}_{c}", numbers=("1,", "2,")).replace("0.07,0.5,", "None,-nan(ind),", 1)
    assert clip_of("landmark_csv", text).scores_PV[:, 7].tolist() == [0, np.float32(0.9)]
    head, rest = wide("L{v}_{c}").replace(",", ";").split("\n", 1)
    commas = clip_of("landmark_csv", f"{head}\n{rest.replace('.', ',')}")
    assert np.array_equal(commas.joints_PVC, clip_of("landmark_csv", wide("L{v}_{c}")).joints_PVC)


def test_a_second_recording_below_the_first_is_refused_with_its_line():
    text = wide("L{v}_{c}")
    with pytest.raises(RefusedError, match="the first line again: two recordings") as caught:
        clip_of("landmark_csv", text + text)
    assert caught.value.line == 1 + len(text.splitlines())


@pytest.mark.parametrize("body", ["", "person_id,"], ids=["at once", "line by line"])
def test_a_frames_number_may_be_written_as_1_0(body):
    texts = [
        wide("L{v}_{c}", f"frame,{body}", numbers=[f"{t}{dot},{body and '1,'}" for t in (3, 5)]) for dot in ("", ".0")
    ]
    assert [clip_of("landmark_csv", text).frame_index.tolist() for text in texts] == [[0, 2], [0, 2]]
    long = "frame,landmark,x,y\n" + "".join(f"{t}.0,{v},0.{v:02},0.5\n" for t in (3, 5) for v in range(33))
    assert clip_of("landmark_csv", long).frame_index.tolist() == [0, 2]
    for wrong in ("1.5", "-1", "1e10", "", "nan", "1_0"):
        for text in (texts[1].replace("3.0,", f"{wrong},", 1), long.replace("\n3.0,", f"\n{wrong},", 1)):
            with pytest.raises(RefusedError, match=f"frame '{wrong}' is not a whole number"):
                clip_of("landmark_csv", text)


def test_bodies_may_have_names_or_numbers_with_a_point():
    for one, two, ids in (("ann", "bob", [0, 1]), ("1.0", "2.0", [1, 2]), ("9", "7", [9, 7])):
        text = wide("L{v}_{c}", "person_id,frame,", numbers=(f"{one},1,", f"{two},1,", f"{one},2,", f"{two},2,"))
        clip = clip_of("landmark_csv", text)
        assert (clip.ids.tolist(), clip.lengths.tolist()) == (ids, [2, 2])


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("frame,a,b\n1,2,3\n", "no columns of x and y", 1),
        ("frame,x0,y0,x0\n1,2,3,4\n", "2 columns are called 'x0'", 1),
        ("frame,x0,y0\n", "no line but the first", 1),
        ("frame,x0,y0\n1,2\n", "2 fields, expected 3", 2),
        ("frame,x0,y0\n1,2,b\n", "'b' is not a number", 2),
        ("frame,x0,y0\nb,2,3\n", "frame 'b' is not a whole number", 2),
        ("class,x0,y0\na,2,3\nb,2,3\n", "single poses of 2 classes", None),
        ("landmark,x,z\n0,1,2\n", "no columns of x and y", 1),
        ("landmark,x,y\n0,1,2\nnose,1,2\n", "'nose' is not the number of a landmark", 3),
        ("frame,landmark,x,y\n1,0,1,2\n1,0,1,2\n", "landmark 0 of frame 1 is given twice", 3),
        ("landmark,x,y\n", "no line but the first", 1),
        ('frame,x0,y0\n1,"2,3\n', "not CSV", 2),
        ("", "the file is empty", 1),
        (
            "landmark,x,y\n0,1,2\n9999,1,2\n" + "".join(f"0,{v},1\n" for v in range(300)),
            "most of them never given",
            None,
        ),
    ],
)
def test_what_is_no_table_of_landmarks_is_refused_with_its_line(text, reason, line):
    with pytest.raises(RefusedError, match=reason) as caught:
        clip_of("landmark_csv", text)
    assert caught.value.line == line


def test_a_line_a_joint_by_its_name():
    lines = [f"{t},{name},0.{t + 1},0.5,0,0.9" for t in range(2) for name in ("NOSE", "LEFT_SHOULDER", "MOUTH_LEFT")]
    poses = poses_of("landmark_csv", "\n".join(["frame,landmark_name,x,y,z,visibility", *lines]))
    assert (poses.layout.joints, poses.layout.is_image) == (("nose", "left shoulder", "mouth left"), True)
    assert poses.places_PVC[:, 0, 0].tolist() == [0.1, 0.2]


def test_freemocaps_long_table_is_in_space():
    rows = [
        f"0,body.{name},1,2,{z},mediapipe,0.5" for name, z in (("nose", 1700), ("left_ankle", 20), ("right_ankle", 0))
    ]
    clip = clip_of("landmark_csv", "\n".join(["frame,keypoint,x,y,z,model,reprojection_error", *rows]))
    assert clip.joints_PVC[0, 0].tolist() == pytest.approx([0.001, 1.7, -0.002])
