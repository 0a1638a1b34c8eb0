"""BVH: places by forward kinematics, numbers worked out by hand; hierarchies as tools write them."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.space import NOTE_UNIT
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of

TEXT = """HIERARCHY
ROOT Hips
{
    OFFSET 0 0 0
    CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
    JOINT LeftUpLeg
    {
        OFFSET 1 0 0
        CHANNELS 3 Zrotation Xrotation Yrotation
        End Site
        {
            OFFSET 0 -1 0
        }
    }
}
MOTION
Frames: 2
Frame Time: 0.04
0 1 0 0 0 0 0 0 0
0 1 0 90 0 0 90 0 0
"""


def test_joints_are_where_the_turns_of_their_parents_put_them():
    clip = clip_of("bvh", TEXT)
    assert clip.joints_PVC[0].tolist() == [[0, 1, 0], [1, 1, 0], [1, 0, 0]]
    # a quarter turn about z: x goes to y; the second one more: -y goes to y
    assert clip.joints_PVC[1] == pytest.approx(np.array([[0, 1, 0], [0, 2, 0], [0, 3, 0]]), abs=1e-6)
    assert clip.notes == ()
    assert poses_of("bvh", TEXT).fps == pytest.approx(25)
    assert form_of(TEXT) == "bvh"


def test_turns_apply_in_the_order_of_the_channels():
    turned = TEXT.replace("0 1 0 90 0 0 90 0 0", "0 1 0 90 90 0 0 0 0")
    # R = Rz Rx: the end's offset (1, 0, 0) + (0, -1, 0) becomes (0, 1, 0) + Rz (0, 0, -1)
    assert clip_of("bvh", turned).joints_PVC[1, 2] == pytest.approx([0, 2, -1], abs=1e-6)


def test_names_and_bones_are_the_files_own():
    layout = poses_of("bvh", TEXT).layout
    assert layout.joints == ("hip centre", "left hip", "LeftUpLeg end".lower().replace("upleg", " up leg"))
    assert layout.bones == ((1, 0), (2, 1))


def test_windows_line_ends_tabs_and_no_end_site():
    text = TEXT.replace("        End Site\n        {\n            OFFSET 0 -1 0\n        }\n", "")
    text = text.replace("Frames: ", "Frames:\t").replace("Frame Time: ", "Frame Time:\t").replace("\n", "\r\n")
    assert clip_of("bvh", text).joints_PVC.shape == (2, 2, 3)


def test_a_position_of_a_joint_replaces_its_offset_unless_all_of_them_are_zero():
    text = TEXT.replace("CHANNELS 3 Zrotation Xrotation Yrotation", "CHANNELS 3 Xposition Xrotation Yrotation")
    text = text.replace("90 0 0 90", "0 0 0 0")
    assert clip_of("bvh", text).joints_PVC[0, 1].tolist() == [1, 1, 0]
    assert clip_of("bvh", text.replace("0 1 0 0 0 0 0 0 0", "0 1 0 0 0 0 2 0 0")).joints_PVC[0, 1].tolist() == [2, 1, 0]


def test_centimetres_are_told_by_the_size_of_the_skeleton():
    clip = clip_of("bvh", TEXT.replace("OFFSET 0 -1 0", "OFFSET 0 -100 0"))
    assert clip.joints_PVC[0, 0].tolist() == pytest.approx([0, 0.01, 0])
    assert clip.notes == (NOTE_UNIT,)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TEXT, TEXT.replace("0.04", "0,04").replace("OFFSET 1 0 0", "OFFSET 1,0 0,0 0")),
        ("HIERARCHY", "Hierarchy"),
        ("MOTION", "# by hand\nMotion"),
        ("End Site", "End Site toes"),
        ("Frames: 2", "Frames : 2"),
    ],
    ids=["decimal commas", "small letters", "a remark", "an end with a name", "blanks before the colon"],
)
def test_other_spellings_are_the_same_motion(old, new):
    text = TEXT.replace(old, new)
    assert np.array_equal(clip_of("bvh", text).joints_PVC, clip_of("bvh", TEXT).joints_PVC)
    assert form_of(text) == "bvh"
    assert poses_of("bvh", text).fps == 25


def test_a_name_that_was_there_before_gets_a_number():
    assert poses_of("bvh", TEXT.replace("LeftUpLeg", "Hips")).layout.joints[1:] == ("hips 1", "hips end")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("HIERARCHY", "HIERARCHI", "no HIERARCHY and MOTION"),
        ("MOTION", "MOTIONS", "no HIERARCHY and MOTION"),
        ("Frames: 2", "Frames: 3", r"2 lines of motion, 'Frames:' says '3'"),
        ("0 1 0 0 0 0 0 0 0", "0 1 0 0", "line 19: 4 numbers, the hierarchy has 9 channels"),
        ("0 1 0 0 0 0 0 0 0", "0 1 0 0 0 0 0 0 x", "line 19: 'x' is not a number"),
        ("0 1 0 0 0 0 0 0 0", "0 1 0 0 0 0 0 0 nan", "not finite"),
        ("CHANNELS 3 Z", "CHANNELS 3 Q", "channel 'Qrotation'"),
        ("CHANNELS 3", "CHANNELS x", "cut off, or whose brackets do not match"),
        ("    }\n}\nMOTION", "    }\nMOTION", "cut off, or whose brackets do not match"),
        ("ROOT Hips", "JOINT Hips", "JOINT Hips out of place"),
        ("}\nMOTION", "}\nROOT Two\n{\n}\nMOTION", "several ROOTs"),
        ("OFFSET 1 0 0", "OFFSETS 1 0 0", "'OFFSETS' in the hierarchy"),
        ("OFFSET 1 0 0", "OFFSET 1 0", "'CHANNELS' is not a number"),
    ],
)
def test_what_is_no_bvh_is_refused(old, new, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("bvh", TEXT.replace(old, new, 1))
