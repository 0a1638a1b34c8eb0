"""OpenPose's output: numbers as they stand, oddities as users report them, refusals that name the file."""

import json

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.openpose import NOTE_EMPTY_FILE, NOTE_PARTS
from pipeline.parse.tools.poses import NOTE_FOLLOWED, NOTE_SIZE
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of


def person(*at, n_joints=25, **more):
    """Joint v at (x + v, y + 2 v), c = 0.5."""
    x, y = at or (100.0, 50.0)
    return {
        "person_id": [-1],
        "pose_keypoints_2d": [n for v in range(n_joints) for n in (x + v, y + 2 * v, 0.5)],
    } | more


def frames(*people, start=0):
    return {
        f"video_{start + number:012d}_keypoints.json": {"version": 1.3, "people": list(here)}
        for number, here in enumerate(people)
    }


def test_a_folder_of_frames_is_a_clip_in_pixels_of_the_image():
    clip = clip_of("openpose_json", frames([person()], [person(101.0, 50.0)]), image_size=(640, 480))
    assert (clip.frames, clip.ids.tolist(), clip.frame_index.tolist()) == (2, [0], [0, 1])
    assert clip.joints_PVC[1, 3] == pytest.approx([104 / 640, 56 / 480])
    assert clip.scores_PV[0, 0] == np.float32(0.5)
    assert clip.notes == ()
    assert form_of(frames([person()])) == "openpose_json"


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_coordinate_that_is_not_a_number_leaves_the_others_in_pixels(nothing):
    found = person()
    found["pose_keypoints_2d"][6:9] = [nothing, nothing, 0]
    clip = clip_of("openpose_json", frames([person()], [found]), image_size=(640, 480))
    assert clip.joints_PVC[0, 3] == pytest.approx([103 / 640, 56 / 480])


def test_an_image_of_unknown_size_keeps_its_proportions_and_is_noted():
    clip = clip_of("openpose_json", frames([person(200.0, 50.0)]))
    assert clip.joints_PVC[0, 0] == pytest.approx([200 / 224, 50 / 224])  # 224: the largest coordinate
    assert clip.notes == (NOTE_SIZE,)


def test_numbers_left_out_are_frames_without_a_body_and_the_order_is_that_of_numbers():
    files = {f"v_{number}_keypoints.json": {"people": [person(float(number) + 100, 5.0)]} for number in (10, 9, 12)}
    clip = clip_of("openpose_json", files, image_size=(1, 1))
    assert (clip.frames, clip.frame_index.tolist()) == (4, [0, 1, 3])
    assert clip.joints_PVC[:, 0, 0].tolist() == [109, 110, 112]


def test_a_joint_of_zeros_was_not_found():
    found = person()
    found["pose_keypoints_2d"][6:9] = [0, 0, 0]
    clip = clip_of("openpose_json", frames([found]), image_size=(640, 480))
    assert clip.scores_PV[0, 2] == 0
    assert (clip.scores_PV[0] > 0).sum() == 24


def test_frames_without_people_and_files_of_no_bytes_show_nobody():
    files = frames([person()], [], [person()])
    files["video_000000000003_keypoints.json"] = b""
    clip = clip_of("openpose_json", files, image_size=(640, 480))
    assert (clip.frames, clip.frame_index.tolist(), clip.notes) == (4, [0, 2], (NOTE_EMPTY_FILE,))
    with pytest.raises(RefusedError, match=r"no body in any of 2 frames \(2 of the files are empty\)"):
        clip_of("openpose_json", {"a_1_keypoints.json": b"", "a_2_keypoints.json": b"\n"})


def test_people_who_change_places_in_the_list_are_followed():
    one, other = person(100.0, 50.0), person(400.0, 50.0)
    clip = clip_of("openpose_json", frames([one, other], [other, one], [other]), image_size=(640, 480))
    assert clip.lengths.tolist() == [2, 3]
    assert clip.joints_PVC[:2, 0, 0] == pytest.approx(100 / 640)
    assert clip.notes == (NOTE_FOLLOWED,)


def test_ids_of_the_tracking_flag_are_kept():
    files = frames([person(person_id=[4]), person(400.0, 5.0, person_id=[2])], [person(person_id=[2])])
    clip = clip_of("openpose_json", files, image_size=(640, 480))
    assert (clip.ids.tolist(), clip.lengths.tolist(), clip.notes) == ([4, 2], [1, 2], ())


def test_hands_and_face_are_left_out_and_a_person_without_a_body_too():
    hands = person(hand_left_keypoints_2d=[1, 2, 0.5] * 21, face_keypoints_2d=[])
    clip = clip_of("openpose_json", frames([hands], [{"pose_keypoints_2d": []}]), image_size=(640, 480))
    assert (clip.frames, clip.lengths.tolist(), clip.notes) == (2, [1], (NOTE_PARTS,))


def test_the_name_of_older_versions_and_coco_joints_are_read():
    old = {"version": 1.0, "people": [{"pose_keypoints": person(n_joints=18)["pose_keypoints_2d"]}]}
    assert poses_of("openpose_json", {"a_1_keypoints.json": old}).layout.name == "openpose18"
    odd = poses_of("openpose_json", frames([person(n_joints=15)])).layout
    assert (odd.name, odd.n_joints) == ("openpose15", 15)


def test_fractions_of_the_image_are_known_by_their_size():
    scaled = [{"pose_keypoints_2d": [0.25, 0.5, 0.9] * 25}]
    clip = clip_of("openpose_json", frames(scaled))
    assert clip.joints_PVC[0, 0].tolist() == [0.25, 0.5]
    assert clip.notes == ()


def test_three_dimensions_alone_make_a_clip_in_space():
    space = [{"pose_keypoints_2d": [], "pose_keypoints_3d": [1, 2, 3, 0.5] * 25}]
    poses = poses_of("openpose_json", frames(space))
    assert (poses.layout.is_image, poses.places_PVC.shape) == (False, (1, 25, 3))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", r"v_1_keypoints\.json: not JSON: Expecting property name"),
        (b"[]", "the file: expected an object, found an empty list"),
        ({"version": 1.3}, "'people': expected a list, found null"),
        ({"people": None}, "no body in any of 1 frames$"),
        ({"people": {"0": 1}}, "'people': expected a list, found an object of 1"),
        ({"people": [{"pose_keypoints_2d": [], "face_keypoints_2d": [1, 2, 3]}]}, "hands or faces alone"),
        ({"people": [3]}, "person 0: expected an object, found 3"),
        ({"people": [{}]}, "a person without 'pose_keypoints_2d'"),
        ({"people": [{"pose_keypoints_2d": [1, 2]}]}, "2 numbers, expected 3 for each joint"),
        ({"people": [{"pose_keypoints_2d": ["a", 2, 3]}]}, "expected numbers, found a list of 3"),
        ({"people": [person(), person(n_joints=18)]}, "bodies of 18 and of 25 joints in one clip"),
        ({"people": [person(person_id=[1.5])]}, "'person_id': a list of 1 is not a whole number"),
    ],
)
def test_what_is_not_openposes_is_refused_with_its_place(content, reason):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(RefusedError, match=reason):
        clip_of("openpose_json", {"v_1_keypoints.json": data})


@pytest.mark.parametrize(("n_joints", "name"), [(17, "coco17"), (26, "halpe26"), (133, "wholebody133")])
def test_other_tools_write_their_joints_in_its_form(n_joints, name):
    assert poses_of("openpose_json", {"cam_000001.json": {"people": [person(n_joints=n_joints)]}}).layout.name == name


def test_a_frame_whose_people_are_null_shows_nobody():
    files = {"v_1_keypoints.json": {"people": None}, "v_2_keypoints.json": {"people": [person()]}}
    assert clip_of("openpose_json", files).frame_index.tolist() == [1]


def test_another_layout_is_refused_with_the_one_that_fits():
    with pytest.raises(RefusedError, match=r"25 joints, and layout coco17 has 17; say parse.layout: body25"):
        clip_of("openpose_json", frames([person()]), "coco17")


def test_files_without_a_number_are_frames_in_the_order_of_their_names():
    files = {"b.json": {"people": [person(7.0, 0.0)]}, "a.json": {"people": [person(5.0, 0.0)]}}
    assert poses_of("openpose_json", files).places_PVC[:, 0, 0].tolist() == [5, 7]


FLAT18 = [n for v in range(18) for n in (10.0 + v, 20.0 + v, 0.9)]
PERSON18 = {"pose_keypoints_2d": FLAT18}


@pytest.mark.parametrize(
    "document",
    [
        [{"people": [PERSON18]}, {"people": []}, {"people": [PERSON18]}],
        {"7.jpg": {"people": []}, "8.jpg": {"bodies": [{"joints": FLAT18}]}, "6.jpg": {"people": [PERSON18]}},
        "\n".join(json.dumps({"people": people}) for people in ([PERSON18], [], [PERSON18])),
    ],
    ids=["a list", "AlphaPose's by picture", "JSON lines"],
)
def test_frames_in_one_file_are_a_clip(document):
    clip = clip_of("openpose_video", {"a.json": document})
    assert (clip.frames, clip.frame_index.tolist()) == (3, [0, 2])
    assert poses_of("openpose_video", {"a.json": document}).layout.name == "openpose18"


def test_the_canvas_is_the_size_of_the_image():
    frame = {"people": [PERSON18], "canvas_width": 100, "canvas_height": 200}
    assert clip_of("openpose_video", {"a.json": [frame]}).joints_PVC[0, 0].tolist() == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([{"people": []}], "no body in any of 1 frames"),
        ([{"people": [PERSON18]}, 3], "frame 1: expected an object, found 3"),
        ([{"people": [{}]}], "frame 0: a person without 'pose_keypoints_2d'"),
    ],
)
def test_what_are_no_frames_of_openpose_is_refused(document, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("openpose_video", {"a.json": document})


def test_bodies_in_the_image_and_bodies_in_space_are_no_clip():
    solid = {"pose_keypoints_3d": [1.0, 2.0, 3.0, 0.9] * 18}
    with pytest.raises(RefusedError, match="bodies with pose_keypoints_3d and bodies with 2-D keypoints in one clip"):
        clip_of("openpose_video", {"a.json": [{"people": [PERSON18]}, {"people": [solid]}]})


def test_its_15_joints_have_their_names():
    joints = poses_of("openpose_json", {"a_1.json": {"people": [{"pose_keypoints_2d": FLAT18[:45]}]}}).layout.joints
    assert (joints[0], joints[14], len(joints)) == ("head", "spine chest", 15)
