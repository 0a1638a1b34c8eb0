"""The layouts of other tools: order and landmarks as their documentation has them, and the way to the common ones."""

import pytest

from dastm.contract.layouts import KNOWN_LAYOUTS, in_image, layout_of, plain
from dastm.contract.mapping import halves
from dastm.contract.skeleton import BODY19, LAYOUTS, NTU25, POSE15, Layout

HANDS = ("hands21", "hands21_world", "hands42", "fpha21")
WHOLE = [layout for layout in KNOWN_LAYOUTS.values() if layout.name not in HANDS]
NEW = [layout for name, layout in KNOWN_LAYOUTS.items() if name not in LAYOUTS]

PLACES = {
    "body25": {0: "nose", 1: "neck", 2: "right shoulder", 7: "left wrist", 8: "mid hip", 14: "left ankle"}
    | {15: "right eye", 18: "left ear", 19: "left big toe", 21: "left heel", 24: "right heel"},
    "halpe26": {4: "right ear", 17: "head", 18: "neck", 19: "hip centre", 20: "left big toe", 25: "right heel"},
    "wholebody133": {
        17: "left big toe",
        22: "right heel",
        23: "face 0",
        91: "left hand wrist",
        132: "right hand pinky tip",
    },
    "blazepose33": {1: "left eye inner", 8: "right ear", 10: "mouth right", 15: "left wrist", 22: "right thumb"}
    | {24: "right hip", 28: "right ankle", 29: "left heel", 32: "right foot index"},
    "hands21": {0: "wrist", 4: "thumb tip", 5: "index finger mcp", 20: "pinky tip"},
    "fpha21": {1: "thumb cmc", 2: "index finger mcp", 5: "pinky mcp", 6: "thumb mcp", 8: "thumb tip"}
    | {9: "index finger pip", 11: "index finger tip", 20: "pinky tip"},
    "kinect20": {
        0: "hip centre",
        2: "shoulder centre",
        4: "left shoulder",
        7: "left hand",
        12: "left hip",
        19: "right foot",
    },
    "msr20": {0: "left shoulder", 6: "hip centre", 8: "right elbow", 12: "right hand", 18: "right foot", 19: "head"},
    "utd20": {0: "head", 3: "hip centre", 11: "right hand", 19: "right foot"},
    "kinect32": {0: "pelvis", 4: "left clavicle", 10: "left thumb", 18: "left hip", 26: "head", 31: "right ear"},
    "openni15": {2: "torso", 5: "left hand", 14: "right foot"},
    "kard15": {2: "right shoulder", 8: "torso", 14: "left foot"},
    "florence15": {2: "spine", 3: "left shoulder", 14: "right ankle"},
    "h36m17": {1: "right hip", 6: "left ankle", 8: "thorax", 10: "head", 11: "left shoulder", 16: "right wrist"},
    "smpl24": {1: "left hip", 12: "neck", 15: "head", 22: "left hand", 23: "right hand"},
    "penn13": {0: "head", 1: "left shoulder", 12: "right ankle"},
    "jhmdb15": {2: "face", 3: "right shoulder", 6: "left hip", 14: "left ankle"},
}


@pytest.mark.parametrize("name", PLACES)
def test_a_layout_has_its_joints_where_its_tool_writes_them(name):
    layout = KNOWN_LAYOUTS[name]
    assert {at: layout.joints[at] for at in PLACES[name]} == PLACES[name]
    assert name.endswith(str(layout.n_joints))


@pytest.mark.parametrize("name", ["wholebody133", "holistic75"])
def test_hands_hang_on_the_wrists_of_their_body(name):
    layout = KNOWN_LAYOUTS[name]
    hangs = {layout.joints[a]: layout.joints[b] for a, b in layout.bones}
    assert (hangs["left hand wrist"], hangs["right hand wrist"]) == ("left wrist", "right wrist")


@pytest.mark.parametrize("layout", [one for one in NEW if one.name != "hands42"], ids=lambda layout: layout.name)
def test_bones_make_a_tree_that_joins_no_left_with_a_right(layout):
    assert len(layout.bones) == layout.n_joints - 1
    sides = [{layout.joints[i].split()[0] for i in bone} & {"left", "right"} for bone in layout.bones]
    assert all(len(side) < 2 for side in sides)
    assert Layout.from_dict(layout.to_dict()) == layout


@pytest.mark.parametrize("layout", WHOLE, ids=lambda layout: layout.name)
def test_every_layout_of_a_whole_body_maps_to_the_common_one(layout):
    target = POSE15 if layout.is_image else BODY19
    made = {
        name: {layout.joints[i] for i in pair} for name, pair in zip(target.joints, halves(layout, target), strict=True)
    }
    for joint in ("left elbow", "right knee"):
        assert made[joint] == {joint}
    assert all("right" not in " ".join(made[joint]) for joint in target.joints if joint.startswith("left"))
    assert layout.shoulders is not None
    assert [layout.joints[i] for i in layout.shoulders] == ["left shoulder", "right shoulder"]
    assert layout.torso is not None


@pytest.mark.parametrize("name", HANDS)
def test_a_hand_has_no_way_to_a_body_and_the_missing_joint_is_named(name):
    hand = KNOWN_LAYOUTS[name]
    with pytest.raises(ValueError, match=f"needs hip centre, and {name} has none"):
        halves(hand, POSE15 if hand.is_image else BODY19)


def test_landmarks_follow_from_the_names_of_joints():
    azure = KNOWN_LAYOUTS["kinect32"]
    assert [azure.joints[i] for i in (azure.centre, azure.hub)] == ["pelvis", "neck"]
    bones = {azure.joints[a]: azure.joints[b] for a, b in azure.bones}
    assert bones["pelvis"] == "spine navel"
    assert bones["left clavicle"] == "spine chest"
    hand = KNOWN_LAYOUTS["hands21"]
    assert {hand.joints[a]: hand.joints[b] for a, b in hand.bones}["thumb mcp"] == "thumb cmc"
    whole = KNOWN_LAYOUTS["wholebody133"]
    assert {whole.joints[a]: whole.joints[b] for a, b in whole.bones}["left hand pinky mcp"] == "left hand wrist"


def test_joints_of_no_body_make_a_star_and_repeated_ones_are_refused():
    mouse = layout_of("mouse", ["snout", "leftear", "tail"], image=True)
    assert (mouse.bones, mouse.hub, mouse.torso, mouse.is_image) == (((1, 0), (2, 0)), 0, None, True)
    with pytest.raises(ValueError, match="distinct names"):
        layout_of("mouse", ["snout", "snout"], image=True)


def test_joints_by_a_kinects_own_names_have_the_bones_of_its_skeleton():
    """The names of its SDK, in the order of NTU25, which says otherwise where hand tips and thumbs hang."""
    arm, leg = ("Shoulder", "Elbow", "Wrist", "Hand"), ("Hip", "Knee", "Ankle", "Foot")
    trunk = ["SpineBase", "SpineMid", "Neck", "Head"]
    joints = [*trunk, *(part + side for parts in (arm, leg) for side in ("Left", "Right") for part in parts)]
    made = layout_of("kinect", [*joints, "SpineShoulder"], image=False)
    assert {frozenset(bone) for bone in made.bones} == {frozenset(bone) for bone in NTU25.bones if max(bone) <= 20}
    assert (made.hub, made.centre, made.spine) == (NTU25.hub, 0, NTU25.spine)
    assert (made.shoulders, made.torso) == (NTU25.shoulders, NTU25.torso)


@pytest.mark.parametrize("names", [["Hip Center", "Spine", "Shoulder Center"], ["hip centre", "mid spine", "neck"]])
def test_a_trunk_by_other_names_is_a_trunk(names):
    made = layout_of("trunk", names, image=False)
    assert (made.centre, made.spine, made.torso) == (0, (0, 1), ((0,), (2,)))


def test_joints_that_would_hang_in_a_circle_hang_on_the_hub():
    odd = layout_of("odd", ["tip", "nose", "head"], image=True)
    assert dict(odd.bones) == {0: 2, 1: 2}


@pytest.mark.parametrize("name", ["Left_Elbow", "leftElbow", "LEFT-ELBOW", "left.elbow", " left  elbow"])
def test_names_are_compared_by_their_words(name):
    assert plain(name) == "left elbow"


def test_a_layout_in_space_has_one_in_images():
    flat = in_image(KNOWN_LAYOUTS["blazepose33_world"])
    assert (flat.name, flat.is_image, flat.spine) == ("blazepose33_2d", True, None)
    assert in_image(flat) is flat


@pytest.mark.parametrize("name", ["HipLeft", "hip_left", "LeftHip", "left-hip", "LEFT HIP", "Hip.Left"])
def test_a_joint_is_the_same_however_its_words_are_written(name):
    assert plain(name) == "left hip"
