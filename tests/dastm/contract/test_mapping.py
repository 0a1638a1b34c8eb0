"""Joints of one layout made of those of another: by name, by another name, or in the middle of two."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.mapping import WAYS, halves, mapping_to
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


def test_names_are_the_same_whatever_parts_their_words():
    spoken = replace(BODY19, joints=tuple(name.title().replace(" ", "_") for name in BODY19.joints))
    assert halves(spoken, BODY19).tolist() == halves(BODY19, BODY19).tolist()
    turned = (re.sub(r"(left|right) (.*)", r"\2 \1", name).title().replace(" ", "") for name in BODY19.joints)
    assert halves(replace(BODY19, joints=tuple(turned)), BODY19).tolist() == halves(BODY19, BODY19).tolist()


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
    """At most of two, for an encoder knows a joint as the middle of two."""
    assert set(WAYS) <= {*BODY19.joints, "spine"}
    assert all(1 <= len(way) <= 2 for joint, ways in WAYS.items() if joint != "spine" for way in ways)


def mapped(source, target, places, scores=None):
    """What a mapping makes of one body whose joints lie at (i, 0, ..), i their place in `places`, by name."""
    source, target = KNOWN_LAYOUTS[source], {**COMMON, **KNOWN_LAYOUTS}[target]
    joints_PUC = np.zeros((1, source.n_joints, source.n_space), np.float32)
    for joint, x in places.items():
        joints_PUC[0, source.joints.index(joint), 0] = x
    scores_PU = None if scores is None else np.array([[scores.get(joint, 1) for joint in source.joints]], np.float32)
    joints_PVC, scores_PV = mapping_to(source, target).joints(joints_PUC, scores_PU)
    named = dict(zip(target.joints, joints_PVC[0, :, 0].tolist(), strict=True))
    return named, None if scores_PV is None else dict(zip(target.joints, scores_PV[0].tolist(), strict=True))


def test_joints_are_taken_by_name_by_place_and_from_the_middle_of_the_trunk():
    trunk = {"left hip": 1, "right hip": 3, "left shoulder": 5, "right shoulder": 7}
    joints, _ = mapped("blazepose33_world", "ntu25", {**trunk, "nose": 9, "left elbow": 2, "left thumb": 4})
    assert [joints[name] for name in ("hip centre", "spine shoulder", "spine", "head")] == [2, 6, 4, 9]
    assert [joints[name] for name in ("left elbow", "left thumb")] == [2, 4]
    joints, _ = mapped(
        "ntu25", "openni15", {"neck": 1, "spine shoulder": 2, "left hand": 3, "left wrist": 4, "spine": 5}
    )
    assert [joints[name] for name in ("neck", "left hand", "torso")] == [2, 3, 5]


def test_joints_that_a_3d_source_lacks_lie_where_they_hang_on():
    joints, _ = mapped("florence15", "ntu25", {"left wrist": 1, "right ankle": 2, "neck": 3})
    assert [joints[f"left {name}"] for name in ("wrist", "hand", "hand tip", "thumb")] == [1, 1, 1, 1]
    assert (joints["right foot"], joints["spine shoulder"], joints["neck"]) == (2, 3, 3)


def test_confidences_follow_the_joints_and_what_an_image_lacks_is_not_measured():
    places = {"left shoulder": 2, "right shoulder": 4, "head": 1}
    joints, scores = mapped(
        "penn13", "openpose18", places, {"left shoulder": 0.5, "right shoulder": 0.25, "head": 0.75}
    )
    assert (joints["neck"], scores["neck"], joints["nose"], scores["nose"]) == (3, 0.25, 1, 0.75)
    assert scores["left eye"] == 0


def test_a_joint_in_the_middle_of_one_that_was_not_measured_is_not_measured():
    joints, _ = mapped("blazepose33_world", "body19", {"left hip": np.nan, "right hip": 1, "left knee": 2})
    assert np.isnan(joints["hip centre"])
    assert joints["right hip"] == 1


def test_a_mapping_says_what_it_did():
    told = mapping_to(KNOWN_LAYOUTS["penn13"], OPENPOSE18).lines()
    assert told == [
        "joints of penn13 as openpose18: made: nose of head, neck of left shoulder and right shoulder",
        "joints of penn13 as openpose18: not measured, as penn13 lacks them: right eye, left eye, right ear, left ear",
    ]
    assert (
        mapping_to(NTU25, KNOWN_LAYOUTS["kinect20"])
        .lines()[1]
        .startswith("joints of ntu25 as kinect20: left out: neck")
    )
    assert mapping_to(NTU25, NTU25).lines() == ["joints of ntu25 as ntu25: by name"]


@pytest.mark.parametrize("facing", [1, -1])
def test_a_3d_clip_is_seen_from_the_front_whichever_way_it_faces(facing):
    """Left on the right of the image, head above feet, what is not measured or not there with confidence 0."""
    joints_PUC = np.zeros((2, 25, 3), np.float32)
    for name, place in {"left shoulder": (0.2, 1.4, 3), "right shoulder": (-0.2, 1.4, 3), "head": (0, 1.8, 3)}.items():
        joints_PUC[:, NTU25.joints.index(name)] = np.array(place) * [facing, 1, 1]
    joints_PUC[1, NTU25.joints.index("left elbow")] = np.nan
    mapping = mapping_to(NTU25, COCO17)
    joints_PVC, scores_PV = mapping.joints(joints_PUC, None)
    left, right, nose, elbow = (
        COCO17.joints.index(n) for n in ("left shoulder", "right shoulder", "nose", "left elbow")
    )
    assert joints_PVC[0, left] == pytest.approx([0.5 + 0.8 * 0.2 / 1.8, 0.5 - 0.8 * 0.5 / 1.8])
    assert joints_PVC[0, right, 0] == pytest.approx(1 - joints_PVC[0, left, 0])
    assert joints_PVC[0, nose, 1] == pytest.approx(0.1)
    assert scores_PV[:, elbow].tolist() == [1, 0]
    assert joints_PVC[1, elbow].tolist() == [0, 0]
    assert scores_PV[0, COCO17.joints.index("left eye")] == 0
    assert mapping.lines()[0].startswith("joints of ntu25 as coco17, seen from the front: made: nose of head")


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("hands21", "body25", "body25 needs left shoulder, which hands21 has no joints for"),
        ("penn13", "wholebody133", "penn13 lacks 120 of the 133 joints of wholebody133"),
        ("coco17", "ntu25", "coco17 is of an image, from which the depth of ntu25 cannot be told"),
    ],
)
def test_a_layout_that_would_be_guesswork_is_refused(source, target, why):
    with pytest.raises(ValueError, match=why):
        mapping_to(KNOWN_LAYOUTS[source], KNOWN_LAYOUTS[target])
