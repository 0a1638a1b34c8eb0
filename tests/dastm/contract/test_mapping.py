"""Joints of one layout made of those of another: by name, by another name, or in the middle of two."""

from dataclasses import replace

import pytest

from dastm.contract.mapping import WAYS, halves
from dastm.contract.skeleton import BODY19, COCO17, COMMON, NTU25, OPENPOSE18, POSE15, Layout
from tests.toy import STICK

PENN = (
    *("head", "left shoulder", "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist"),
    *("left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle"),
)
PENN13 = Layout(
    name="penn13",
    joints=PENN,
    bones=tuple((joint, 0) for joint in range(1, 13)),
    coordinates=("x", "y", "confidence"),
)


def made(source, target, joint):
    """The joints of the source that a joint is made of, by name."""
    return {source.joints[i] for i in halves(source, target)[target.joints.index(joint)]}


def test_a_layout_maps_to_itself_joint_by_joint():
    for layout in COMMON.values():
        assert halves(layout, layout).tolist() == [[i, i] for i in range(layout.n_joints)]


@pytest.mark.parametrize(
    ("source", "hip", "neck", "head"),
    [
        (NTU25, {"hip centre"}, {"spine shoulder"}, {"head"}),
        (OPENPOSE18, {"left hip", "right hip"}, {"neck"}, {"nose"}),
        (COCO17, {"left hip", "right hip"}, {"left shoulder", "right shoulder"}, {"nose"}),
        (PENN13, {"left hip", "right hip"}, {"left shoulder", "right shoulder"}, {"head"}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_each_layout_we_know_maps_to_the_common_one_of_its_dimensions(source, hip, neck, head):
    target = POSE15 if source.is_image else BODY19
    assert [made(source, target, joint) for joint in ("hip centre", "neck", "head")] == [hip, neck, head]
    for joint in target.joints[3:]:
        assert made(source, target, joint) == {joint}


def test_a_skeleton_that_ends_at_wrists_and_ankles_has_hands_and_feet_there():
    ends = replace(BODY19, joints=BODY19.joints[:15], bones=BODY19.bones[:14])
    assert [made(ends, BODY19, joint) for joint in BODY19.joints[15:]] == [
        {"left wrist"},
        {"right wrist"},
        {"left ankle"},
        {"right ankle"},
    ]
    toes = replace(BODY19, joints=(*BODY19.joints[:-1], "right toe base"))
    assert made(toes, BODY19, "right foot") == {"right toe base"}


def test_names_are_the_same_whatever_parts_their_words():
    spoken = replace(BODY19, joints=tuple(name.title().replace(" ", "_") for name in BODY19.joints))
    assert halves(spoken, BODY19).tolist() == halves(BODY19, BODY19).tolist()


def test_a_joint_that_cannot_be_made_is_named():
    with pytest.raises(
        ValueError, match=r"body19 needs hip centre, and stick has none: no hip centre, or .*left hip and"
    ):
        halves(STICK, BODY19)
    armless = replace(COCO17, joints=tuple("elbow" if name == "left elbow" else name for name in COCO17.joints))
    with pytest.raises(ValueError, match="pose15 needs left elbow, and coco17 has none: no left elbow; it has nose"):
        halves(armless, POSE15)


def test_nothing_3d_is_made_of_a_pose_in_an_image():
    with pytest.raises(ValueError, match="coco17 has x, y, confidence and body19 has x, y, z"):
        halves(COCO17, BODY19)


def test_every_way_makes_a_joint_of_the_common_layouts():
    assert set(WAYS) <= set(BODY19.joints)
    assert all(1 <= len(way) <= 2 for ways in WAYS.values() for way in ways)
