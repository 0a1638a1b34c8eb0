"""Joints are known by the names that data sets and motion capture give them, and by what a layout says itself."""

import pytest

from dastm.contract.skeleton import COCO17, NTU25, OPENPOSE18
from pipeline.audit.landmarks import EXAMPLES, landmarks

PERSON = {
    "spaces": [
        "head",
        *(f"{s} {p}" for p in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot") for s in "lr"),
    ],
    "one letter": [
        "head",
        *(f"{s}{p}" for p in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot") for s in "lr"),
    ],
    "one word": [
        "nose",
        *(f"{s}{p}" for p in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe") for s in ("left", "right")),
    ],
    "capitals": [
        "HEAD",
        *(
            f"{p}_{s}"
            for p in ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE", "FOOT")
            for s in ("LEFT", "RIGHT")
        ),
    ],
    "mixamo": [
        "mixamorig:Head",
        *(
            f"mixamorig:{s}{p}"
            for p in ("Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot", "ToeBase")
            for s in ("Left", "Right")
        ),
        *("mixamorig:LeftShoulder", "mixamorig:RightShoulder", "mixamorig:Hips", "mixamorig:Spine1", "mixamorig:Neck"),
    ],
    "bandai": [
        "Head",
        *(f"{p}_{s}" for p in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot", "Toes") for s in "LR"),
        *("Shoulder_L", "Shoulder_R", "Hips", "Spine", "Chest"),
    ],
    "unreal": [
        "head",
        *(f"{p}_{s}" for p in ("upperarm", "lowerarm", "hand", "thigh", "calf", "foot", "ball") for s in "lr"),
        *("clavicle_l", "clavicle_r", "pelvis"),
    ],
}


@pytest.mark.parametrize("style", PERSON)
def test_a_person_is_known_in_every_usual_style_of_names(style):
    marks = landmarks(PERSON[style])
    assert (marks.head, marks.unknown, marks.is_enough) == (0, (), True)
    assert (marks.shoulders, marks.top, marks.hips) == ((1, 2), (1, 2), (7, 8))
    assert (marks.feet, marks.toes) == ((11, 12), (13, 14))
    assert marks.bones == {
        "upper arm": ((1, 3), (2, 4)),
        "forearm": ((3, 5), (4, 6)),
        "thigh": ((7, 9), (8, 10)),
        "shin": ((9, 11), (10, 12)),
    }


def test_the_shipped_layouts_are_known_whole():
    marks = landmarks(NTU25.joints)
    assert (marks.head, marks.hips, marks.shoulders, marks.feet, marks.toes) == (
        3,
        (12, 16),
        (4, 8),
        (14, 18),
        (15, 19),
    )
    assert marks.bones["hand"] == ((6, 7), (10, 11))
    assert landmarks(OPENPOSE18.joints).head == landmarks(COCO17.joints).head == 0
    assert all(landmarks(layout.joints).unknown == () for layout in (NTU25, OPENPOSE18, COCO17))


def test_styles_of_names_may_be_mixed_and_a_foot_without_an_ankle_is_one():
    marks = landmarks(["LHip", "r_hip", "Shoulder_L", "RightShoulder", "lfoot", "RFOOT"])
    assert marks[:6] == (None, (0, 1), (2, 3), (2, 3), (4, 5), None)
    assert marks.unknown == ("head", "elbows", "wrists", "knees")


def test_words_that_only_begin_with_an_l_or_r_have_no_side():
    assert landmarks(["leg", "rear", "lower leg", "rib", "left hip"]).hips == ()


def test_landmarks_of_the_layout_stand_in_for_names_and_shoulders_go_before_them():
    names = ["a", "b", "c", "d", "e"]
    assert not landmarks(names).is_enough
    assert landmarks(names).unknown == tuple(EXAMPLES)
    given = landmarks(names, shoulders=(1, 2), torso=((0, 4), (3,)))
    assert (given.hips, given.top, given.shoulders, given.is_enough) == ((0, 4), (1, 2), (1, 2), True)
    assert given.unknown == ("head", "elbows", "wrists", "knees", "feet")
    assert landmarks(names, torso=((0,), (3, 4))).top == (3, 4)
    assert landmarks(names, shoulders=(1, 2), spine=(4, 3)).hips == (4,)
    assert landmarks(["left shoulder", "right shoulder", "x", "y"], shoulders=(2, 3)).shoulders == (2, 3)


def test_the_middle_of_the_body_is_known_by_name_where_its_sides_are_not():
    marks = landmarks(["Hips", "Spine1", "Neck", "Head"])
    assert (marks.hips, marks.top, marks.head, marks.is_enough) == ((0,), (2,), 3, True)
    assert marks.unknown == ("shoulders", "elbows", "wrists", "knees", "feet")
