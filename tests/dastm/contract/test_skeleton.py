"""Layouts: landmarks are the joints they say, bones connect everything, wrong layouts are refused."""

import pytest

from dastm.contract.skeleton import BODY19, COCO17, COMMON, LAYOUTS, NTU25, OPENPOSE18, POSE15, Layout


def test_ntu_landmarks_are_the_joints_they_say():
    assert NTU25.n_joints == 25
    assert NTU25.joints[NTU25.centre] == "spine"
    assert NTU25.joints[NTU25.hub] == "spine shoulder"
    assert [NTU25.joints[i] for i in NTU25.spine] == ["hip centre", "spine"]
    assert [NTU25.joints[i] for i in NTU25.shoulders] == ["left shoulder", "right shoulder"]
    assert not NTU25.is_image


def test_openpose_landmarks_are_the_joints_they_say():
    assert OPENPOSE18.n_joints == 18
    assert OPENPOSE18.joints[OPENPOSE18.centre] == "neck"
    assert [OPENPOSE18.joints[i] for i in OPENPOSE18.shoulders] == ["left shoulder", "right shoulder"]
    assert OPENPOSE18.is_image


def test_coco_landmarks_are_the_joints_they_say():
    assert COCO17.n_joints == 17
    assert COCO17.joints[COCO17.centre] == COCO17.joints[COCO17.hub] == "nose"
    assert [COCO17.joints[i] for i in COCO17.shoulders] == ["left shoulder", "right shoulder"]
    assert [[COCO17.joints[i] for i in end] for end in COCO17.torso] == [
        ["left hip", "right hip"],
        ["left shoulder", "right shoulder"],
    ]
    assert COCO17.is_image


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_bones_make_a_tree_and_join_same_sides(layout):
    assert len(layout.bones) == layout.n_joints - 1
    sides = [{layout.joints[i].split()[0] for i in bone} & {"left", "right"} for bone in layout.bones]
    assert all(len(side) < 2 for side in sides), "a bone joins left and right"


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_mapping_and_back_is_the_same_layout(layout):
    assert Layout.from_dict(layout.to_dict()) == layout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bones": [[0, 1]]}, "no bones lead from joint 0 to joint 2"),
        ({"bones": [[0, 1], [1, 9]]}, "no joint 9"),
        ({"joints": ["a", "a", "b"]}, "distinct names"),
        ({"coordinates": ["x"]}, "2 or 3 coordinates"),
        ({"torso": [[], [1]]}, "each end of the torso"),
        ({"joint": 1}, "unknown key 'joint'"),
    ],
)
def test_wrong_layouts_are_refused(change, message):
    fields = {"name": "mine", "joints": ["a", "b", "c"], "bones": [[0, 1], [1, 2]], **change}
    with pytest.raises(ValueError, match=message):
        Layout.from_dict(fields)


def test_missing_key_is_named():
    with pytest.raises(ValueError, match=r"mine.*bones"):
        Layout.from_dict({"name": "mine", "joints": ["a"]})


def test_the_common_layouts_have_the_same_joints_and_bones_but_hands_and_feet():
    assert (BODY19.joints[:15], BODY19.bones[:14]) == (POSE15.joints, POSE15.bones)
    assert BODY19.joints[15:] == ("left hand", "right hand", "left foot", "right foot")
    assert [BODY19.joints[i] for i in (BODY19.centre, BODY19.hub)] == ["hip centre", "neck"]
    assert [BODY19.joints[i] for i in BODY19.shoulders] == ["left shoulder", "right shoulder"]
    assert POSE15.is_image
    assert not BODY19.is_image
    assert not set(COMMON) & set(LAYOUTS)
