"""Columns of named joints: one line of names or two, units and axis from geometry, frames."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.sources.csv_frames import NOTE_GAP
from pipeline.parse.sources.times import NOTES
from pipeline.parse.tools.space import NOTE_UNIT, NOTE_UP
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of

ONE = "frame,nose_x,nose_y,nose_z,left_ankle_x,left_ankle_y,left_ankle_z,other\n"
NUITRACK = (
    "Timestamp,Timestamp,Header, ,joint_head,joint_head,joint_head,"
    "joint_left_ankle,joint_left_ankle,joint_left_ankle,\n"
    "sec,nsec,seq, ,x,y,z,x,y,z,\n\n162,18,295, ,-20,295,2203,1,-900,2000,\n162,19,297, ,-20,296,2203,1,-900,2000,\n"
)


def test_names_that_end_in_coordinates_make_joints():
    clip = clip_of("named_csv", ONE + "4,0,1.7,0,0.1,0,,a\n3,0,1.6,0,0.1,0,0.2,b\n")
    assert (clip.frames, clip.frame_index.tolist()) == (2, [0, 1])
    assert clip.joints_PVC[0].tolist() == [[0, np.float32(1.6), 0], [np.float32(0.1), 0, np.float32(0.2)]]
    assert np.isnan(clip.joints_PVC[1, 1]).all()
    assert poses_of("named_csv", ONE + "4,0,1.7,0,0.1,0,0,a\n").layout.joints == ("nose", "left ankle")
    assert form_of(ONE.replace("other", "tip_x,tip_y,tip_z")) == "named_csv"


def test_joints_over_coordinates_an_empty_line_and_a_comma_at_the_end():
    clip = clip_of("named_csv", NUITRACK)
    assert (clip.frames, clip.joints_PVC[0, 0].tolist(), clip.notes) == (
        3,
        pytest.approx([-0.020, 0.295, 2.203]),
        (NOTE_UNIT,),
    )
    assert poses_of("named_csv", NUITRACK).layout.joints == ("head", "left ankle")


def test_z_up_is_told_by_the_head_and_the_feet():
    clip = clip_of("named_csv", ONE.replace("frame,", "") + "0,0,1700,0.1,0,0,\n")
    assert clip.joints_PVC[0, 0].tolist() == pytest.approx([0, 1.7, 0])
    assert set(clip.notes) == {NOTE_UNIT, NOTE_UP}


def test_two_dimensions_with_confidences():
    text = "nose_x,nose_y,nose_score,hip_x,hip_y,hip_score\n320,240,0.9,100,200,0\n"
    clip = clip_of("named_csv", text, image_size=(640, 480))
    assert clip.joints_PVC[0, 0].tolist() == [0.5, 0.5]
    assert clip.scores_PV[0].tolist() == [np.float32(0.9), 0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b,c\n1,2,3\n", "no columns of joints' names"),
        (ONE, "no line but the first"),
        (ONE + "1,2\n", "2 fields, expected 8"),
        (ONE + "1,2,b,0,0,0,0,0\n", "'b' is not a number"),
        (ONE + "0.5,2,1,0,0,0,0,0\n", "frame '0.5' is not a whole number"),
        ("a,b\n", "no columns of joints' names"),
        ("hip_x,hip_y,hand_x,hand_y,hip_x\n1,2,3,4,5\n", "2 columns are called 'hip_x'"),
    ],
)
def test_what_is_no_such_table_is_refused(text, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("named_csv", text)


@pytest.mark.parametrize("column", ["{0}_{1}", "{1}_{0}", "body_{0}_{1}", "{0}.{1}"])
def test_mediapipes_names_with_fractions_of_the_image_are_in_the_image(column):
    names = ("nose", "left_hip", "right_hip", "mouth_left")
    head = ",".join(column.format(name, axis) for name in names for axis in ("x", "y", "z"))
    poses = poses_of("named_csv", head + "\n" + ",".join(["0.5", "0.4", "-0.1"] * 4) + "\n")
    assert (poses.layout.joints, poses.layout.is_image) == (("nose", "left hip", "right hip", "mouth left"), True)
    far = poses_of("named_csv", head + "\n" + ",".join(["0.5", "0.4", "2.1"] * 4) + "\n")
    assert not far.layout.is_image


def test_numbered_pieces_of_mediapipes_holistic_solution_have_its_names():
    head = ",".join(
        f"{piece}_{v}_{axis}" for piece in ("pose", "left_hand", "right_hand") for v in (0, 20) for axis in "xyz"
    )
    joints = poses_of("named_csv", head + "\n" + ",".join(["0.5"] * 18) + "\n").layout.joints
    assert joints[:3] == ("nose", "right index", "left hand wrist")
    assert joints[5] == "right hand pinky tip"


def test_a_kinects_columns_without_a_sign_between():
    head = "Time," + ",".join(
        f"{name}{axis}" for name in ("SpineBase", "ShoulderLeft", "HandTipRight") for axis in "XYZ"
    )
    poses = poses_of("named_csv", head + "\n0.03," + ",".join(["0.5", "0.4", "2.1"] * 3) + "\n")
    assert poses.layout.joints == ("hip centre", "left shoulder", "right hand tip")


def test_a_column_of_times_tells_the_frames_a_second():
    text = "time,nose_x,nose_y,hip_x,hip_y,knee_x,knee_y\n0,1,2,3,4,5,6\n0.02,1,2,3,4,5,6\n0.04,1,2,3,4,5,6\n"
    poses = poses_of("named_csv", text)
    assert (poses.fps, poses.notes) == (pytest.approx(50), (NOTES["s"],))


def test_times_tell_which_frames_are_missing():
    head = "time,nose_x,nose_y,hip_x,hip_y,knee_x,knee_y\n"
    rows = [f"{100 + t / 30:.6f},1,2,3,4,5,{t}\n" for t in range(90)]
    poses = poses_of("named_csv", head + "".join(rows[:20] + rows[50:]))
    assert (poses.n_frames, poses.frame_P.tolist()) == (90, [*range(20), *range(50, 90)])
    assert (poses.fps, poses.notes) == (pytest.approx(30), (NOTE_GAP, NOTES["s"]))
    again = poses_of("named_csv", head + "".join(rows[:20] + rows[19:40]))
    assert again.frame_P.tolist() == list(range(41))  # one time twice says nothing of frames


@pytest.mark.parametrize(
    "stamps",
    [
        ["0", *(f"{1.7e12 + 33 * t:.0f}" for t in range(1, 40))],
        [*(f"23:59:59.{t:02}" for t in range(0, 99, 3)), *(f"00:00:00.{t:02}" for t in range(2, 99, 3))],
        [f"{t // 2 / 30 + t % 2 / 1000:.4f}" for t in range(60)],
    ],
    ids=["one that is wrong", "midnight", "two rows a frame"],
)
def test_times_that_do_not_tell_frames_are_not_asked(stamps):
    head = "time,nose_x,nose_y,hip_x,hip_y,knee_x,knee_y\n"
    poses = poses_of("named_csv", head + "".join(f"{stamp},1,2,3,4,5,6\n" for stamp in stamps))
    assert poses.frame_P.tolist() == list(range(len(stamps)))


def test_bodies_one_after_the_other_have_the_same_times():
    head = "time,body,nose_x,nose_y,hip_x,hip_y,knee_x,knee_y\n"
    kept = [t for t in range(20) if t not in (5, 6)]
    rows = [f"{t / 30:.5f},{body},1,2,3,4,5,6\n" for body in (0, 1) for t in kept]
    assert sorted(poses_of("named_csv", head + "".join(rows)).frame_P.tolist()) == sorted(2 * kept)


def test_nuitracks_seconds_and_nanoseconds_tell_the_frames_a_second():
    times = [(162 + t * 40 // 1000, t * 40 % 1000 * 1_000_000) for t in range(20, 30)]
    rows = "".join(f"{sec},{nsec},{t}, ,-20,295,2203,1,-900,2000,\n" for t, (sec, nsec) in enumerate(times))
    poses = poses_of("named_csv", NUITRACK.split("\n\n")[0] + "\n\n" + rows)
    assert (poses.fps, poses.notes) == (pytest.approx(25, rel=1e-4), (NOTE_UNIT,))


def test_rotations_speeds_and_points_of_the_image_are_no_joints():
    kinds = ("position_x", "position_y", "position_z", "rotation_x", "rotation_y", "rotation_z", "rotation_w")
    head = ",".join(f"{name}_{kind}" for name in ("Hips", "Head", "ShoulderLeft") for kind in kinds)
    poses = poses_of("named_csv", f"frame,{head}\n1," + ",".join(["0.1,1.5,2.1,0,0,0,1"] * 3) + "\n")
    assert poses.layout.joints == ("hips", "head", "left shoulder")
    assert poses.places_PVC[0, 2].tolist() == [0.1, 1.5, 2.1]
    beside = "head_real_x,head_real_y,head_real_z,head_proj_x,head_proj_y,head_proj_z,head_confidence"
    poses = poses_of("named_csv", f"{beside}\n1,2,3,0.1,0.2,0.3,0.75\n")
    assert (poses.layout.joints, poses.places_PVC.tolist(), poses.scores_PV.tolist()) == (
        ("head",),
        [[[1, 2, 3]]],
        [[0.75]],
    )
    alone = "head_pixel_x,head_pixel_y,hip_pixel_x,hip_pixel_y\n100,200,100,400\n"
    assert poses_of("named_csv", alone).layout.joints == ("head", "hip")
    with pytest.raises(RefusedError, match="no columns of joints' names"):
        poses_of("named_csv", "a_rotation_x,a_rotation_y,b_rotation_x,b_rotation_y\n1,2,3,4\n")


def test_a_name_may_stand_over_the_first_of_its_three_columns_and_numbers_have_commas():
    names = ("SpineBase", "ShoulderLeft", "HandTipRight")
    text = f"{';;;'.join(names)};;;\n{'X;Y;Z;' * 3}\n" + "\n\n".join(["0,5;0,25;2,5;" * 3] * 2) + "\n"
    poses = poses_of("named_csv", text)
    assert (poses.layout.joints, poses.n_frames) == (("hip centre", "left shoulder", "right hand tip"), 2)
    assert poses.places_PVC[1, 2].tolist() == [0.5, 0.25, 2.5]
    assert form_of(text) == "named_csv"


def test_parts_as_animators_call_them_are_the_joints_at_which_they_begin():
    for names in (("Hips", "LeftForeArm", "RightThigh"), ("hips_joint", "left_forearm_joint", "right_upLeg_joint")):
        head = ",".join(f"{name}_{c}" for name in names for c in "xyz")
        poses = poses_of("named_csv", f"{head}\n" + ",".join(["0.1,1.5,2.1"] * 3) + "\n")
        assert poses.layout.joints == ("hip centre", "left elbow", "right hip")


@pytest.mark.parametrize("pattern", ["a{v}_{c}", "a{v}.{c}", "{c}_P{v}", "M{v}{C}"])
def test_a_letter_and_a_number_name_a_joint(pattern):
    head = ",".join(pattern.format(v=v, c=c, C=c.upper()) for v in range(1, 7) for c in "xyz")
    text = f"frame,{head}\n1," + ",".join(["0.1,1.5,2.1"] * 6) + "\n"
    assert len(poses_of("named_csv", text).layout.joints) == 6
    assert form_of(text) == "named_csv"


@pytest.mark.parametrize("field", ["7", '"7"'], ids=["at once", "line by line"])
def test_a_column_of_bodies_tells_them_apart(field):
    head = "body_id,frame,nose_x,nose_y,nose_z,hip_x,hip_y,hip_z\n"
    rows = "".join(f"{body},{t},0,1.7,{z},0,0.9,{z}\n" for t in (0, 1) for body, z in ((field, 2), (3, 4)))
    clip = clip_of("named_csv", head + rows)
    assert (clip.ids.tolist(), clip.lengths.tolist(), clip.frames) == ([7, 3], [2, 2], 2)
