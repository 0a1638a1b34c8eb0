"""Units, the upward axis and joints' names of motion capture, where geometry and names tell them."""

import numpy as np
import pytest

from pipeline.parse.tools.space import NOTE_UNIT, NOTE_UP, joint_names, spoken, unit_of, up_of


@pytest.mark.parametrize(("height", "unit"), [(1.8, 1.0), (180.0, 0.01), (1800.0, 0.001)])
def test_the_unit_is_told_by_the_height_of_the_body(height, unit):
    places = np.array([[[0, 0, 0], [0, height, 0]], [[np.nan] * 3, [0, height, 0]]])
    assert unit_of(places) == (unit, () if unit == 1 else (NOTE_UNIT,))
    assert unit_of(np.full((1, 2, 3), np.nan)) == (1.0, ())


@pytest.mark.parametrize(("length", "unit"), [(0.18, 1.0), (18.0, 0.01), (180.0, 0.001)])
def test_a_hand_alone_is_told_by_the_size_of_a_hand(length, unit):
    places = np.array([[[0, 0, 0], [0, length, 0]]])
    assert unit_of(places, ("right hand wrist", "right hand thumb tip"))[0] == unit
    assert unit_of(places * 10, ("left hip", "left thumb"))[0] == unit


@pytest.mark.parametrize(("axis", "sign", "up"), [(1, 1, "y"), (2, 1, "z"), (1, -1, "-y"), (0, -1, "-x")])
def test_the_head_is_above_the_feet(axis, sign, up):
    places = np.zeros((3, 2, 3))
    places[:, 1, axis] = sign
    assert up_of(places, ("left ankle", "Head")) == (up, () if up == "y" else (NOTE_UP,))


def test_without_head_or_feet_y_is_up():
    assert up_of(np.ones((1, 1, 3)), ("tail",)) == ("y", ())
    assert up_of(np.full((1, 2, 3), np.nan), ("head", "left foot")) == ("y", ())


def test_names_of_animators_are_the_joints_at_which_parts_begin():
    xsens = ["Pelvis", "RightShoulder", "RightUpperArm", "RightForeArm", "RightHand", "RightUpperLeg", "RightFoot"]
    assert joint_names(xsens) == (
        *("hip centre", "right clavicle", "right shoulder", "right elbow", "right wrist", "right hip", "right ankle"),
    )
    assert joint_names(["LThigh", "l_shin", "Foot_L", "LForearm"]) == (
        "left hip",
        "left knee",
        "left ankle",
        "left elbow",
    )


def test_names_that_are_joints_already_stay_and_so_do_those_that_would_be_the_same():
    assert joint_names(["LeftShoulder", "LeftElbow", "Hips"]) == ("left shoulder", "left elbow", "hip centre")
    assert joint_names(["hips", "Hips", "x"]) == ("hips", "Hips", "x")


def test_joints_of_a_kinect_are_spoken_with_their_side_first():
    names = ("ShoulderLeft", "SpineBase", "HAND_RIGHT", "HandTipLeft", "mouth_left", "nose", "HipCenter")
    assert tuple(map(spoken, names)) == (
        *("left shoulder", "hip centre", "right hand", "left hand tip", "mouth left", "nose", "hip centre"),
    )
