"""Landmarks as JSON in the shapes in which users write them; joints by name or number; refusals with the frame."""

import json

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import COCO17, NTU25
from pipeline.parse.tools.openpose import NOTE_PARTS
from pipeline.parse.tools.poses import NOTE_DEPTH, NOTE_FOLLOWED, NOTE_SIZE
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of


def joints(x=0.25, n_joints=33, **more):
    return [{"x": x + v / 100, "y": 0.5, "z": -0.1, "visibility": 0.9, **more} for v in range(n_joints)]


def test_frames_of_33_landmarks_are_a_clip_in_the_image():
    clip = clip_of("landmark_json", [joints(), joints(0.5)])
    assert (clip.frames, clip.joints_PVC.shape, clip.notes) == (2, (2, 33, 2), (NOTE_DEPTH,))
    assert clip.joints_PVC[1, 1].tolist() == pytest.approx([0.51, 0.5])
    assert clip.scores_PV[0, 0] == np.float32(0.9)
    assert form_of([joints()]) == "landmark_json"


@pytest.mark.parametrize(
    "document",
    [
        [{"landmarks": joints()}, {"landmarks": joints(0.5)}],
        {"frames": [{"frame": 3, "pose_landmarks": joints()}, {"frame": 4, "pose_landmarks": joints(0.5)}]},
        {"frame_2": joints(0.5), "frame_1": joints()},
        [{"frame_1": joints()}, {"frame_2": joints(0.5)}],
        [{"pose_landmarks": [joints()]}, {"pose_landmarks": [joints(0.5)]}],
        "\n".join(json.dumps({"landmarks": joints(x)}) for x in (0.25, 0.5)),
        [[[j["x"], j["y"], j["z"], j["visibility"]] for j in joints(x)] for x in (0.25, 0.5)],
        [[{key: str(value) for key, value in joint.items()} for joint in joints(x)] for x in (0.25, 0.5)],
    ],
)
def test_the_shapes_that_users_write_are_the_same_clip(document):
    clip = clip_of("landmark_json", document)
    assert clip.frames == 2
    assert clip.joints_PVC[:, 0, 0].tolist() == [0.25, 0.5]
    assert clip.scores_PV[1, 7] == np.float32(0.9)
    assert clip.joints_PVC.shape[1] == 33


def test_an_empty_frame_shows_nobody_and_numbers_left_out_do_neither():
    clip = clip_of("landmark_json", [joints(), [], joints()])
    assert (clip.frames, clip.frame_index.tolist()) == (3, [0, 2])
    clip = clip_of("landmark_json", [{"frame": 5, "pose": joints()}, {"frame": 8, "pose": joints()}])
    assert (clip.frames, clip.frame_index.tolist()) == (4, [0, 3])
    again = clip_of("landmark_json", [{"frame": 5, "pose": joints()}, {"frame": 5, "pose": joints(0.3)}])
    assert again.frames == 2  # numbers that do not ascend are no frames


def test_world_landmarks_are_metres_with_y_up():
    world = [{"x": v / 10, "y": 0.4, "z": 0.2} for v in range(33)]
    world[23], world[24] = {"x": 0.1, "y": 0, "z": 0}, {"x": -0.1, "y": 0, "z": 0}
    clip = clip_of("landmark_json", [world, world])
    assert clip.joints_PVC.shape == (2, 33, 3)
    assert clip.joints_PVC[0, 1].tolist() == pytest.approx([0.1, -0.4, -0.2])
    both = [{"pose_landmarks": joints(), "pose_world_landmarks": world}]
    assert poses_of("landmark_json", both).layout.name == "blazepose33"
    assert poses_of("landmark_json", both, "blazepose33_world").places_PVC[0, 1].tolist() == [0.1, 0.4, 0.2]


def test_several_bodies_of_a_frame_are_followed():
    clip = clip_of("landmark_json", [{"pose_landmarks": [joints(0.1), joints(0.6)]}] * 3)
    assert (clip.lengths.tolist(), NOTE_FOLLOWED in clip.notes) == ([3, 3], True)


def test_joints_by_name_keep_their_names_and_may_be_left_out():
    frames = [{"leftEye": {"x": 300, "y": 20}, "nose": {"x": 310, "y": 30}}, {"nose": {"x": 311, "y": 30}}]
    poses = poses_of("landmark_json", frames)
    assert (poses.layout.joints, poses.named, poses.pixels) == (("left eye", "nose"), True, True)
    assert np.isnan(poses.places_PVC[1, 0]).all()
    clip = clip_of(
        "landmark_json", [{"keypoints": [{"position": {"y": 76, "x": 253}, "part": "nose", "score": 0.9}] * 1}]
    )
    assert (clip.joints_PVC[0, 0] * 253).tolist() == pytest.approx([253, 76])
    scored = [
        {"a": {"x": 3, "y": 4, "score": 1}, "b": {"x": 5, "y": 6, "score": 1}},
        {"b": {"x": 5, "y": 6, "score": 1}},
    ]
    assert poses_of("landmark_json", scored).scores_PV.tolist() == [[1, 1], [0, 1]]


def test_numbered_names_are_no_names_and_zeros_without_scores_were_not_seen():
    frames = [
        {f"frame_{n}": [{"keypoint": f"keypoint_{v}", "position": {"x": 9.0 * v, "y": 5.0 * v}} for v in range(17)]}
        for n in (1, 2)
    ]
    clip = clip_of("landmark_json", frames)
    assert poses_of("landmark_json", frames).layout.name == "coco17"
    assert (clip.scores_PV[0] == 0).tolist() == [True] + [False] * 16
    assert clip.notes == (NOTE_SIZE,)


def test_apples_joints_have_their_usual_names_and_y_down():
    apple = {
        "poses": [
            {
                "joints": {
                    "left_upLeg_joint": {"x": 0.5, "y": 0.2, "confidence": 0.5},
                    "head_joint": {"x": 0.5, "y": 0.9, "confidence": 1},
                    "root": {"x": 0.5, "y": 0.25, "confidence": 1},
                    "left_shoulder_1_joint": {"x": 0.5, "y": 0.7, "confidence": 1},
                },
                "frameNumber": 0,
            }
        ]
    }
    poses = poses_of("landmark_json", apple)
    assert poses.layout.joints == ("left hip", "nose", "root", "left shoulder")
    assert poses.places_PVC[0, :2, 1].tolist() == pytest.approx([0.8, 0.1])


def test_20_joints_with_texts_for_numbers_are_a_kinects():
    frames = [[{"x": "0.1", "y": "-0.2", "z": "2.5"}] * 20]
    clip = clip_of("landmark_json", frames)
    assert clip.joints_PVC[0, 3].tolist() == pytest.approx([0.1, -0.2, 2.5])
    assert poses_of("landmark_json", frames).layout.name == "kinect20"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"3", "expected frames, found 3"),
        ([[{"x": 1, "y": 2}], "a"], 'frame 2: expected landmarks, found "a"'),
        ([[{"x": 1}] * 2], "frame 1: a joint without 'y'"),
        ([[1, 2, 3, 4, 5]], "frame 1: 5 numbers, expected joints with x and y"),
        ([{"pose": {"a": 1}}], "frame 1: no landmarks among 'a'"),
        ([joints(), joints(n_joints=21)], "bodies of different joints in one clip"),
        ([joints(), [{"x": 1, "y": 2, "z": 3}] * 33], r"\(33, 3\) and \(33, 3\) without scores"),
        ([[{"x": [1], "y": 2}, {"x": 1, "y": 2}]], "frame 1: no landmarks among 'x', 'y'"),
        ([[{"x": 1, "y": 2}, [1, 2]]], "frame 1: joints as objects and as lists in one body"),
        ([[], []], "no body in any of 2 frames"),
        ([{"frame": "a", "pose": joints()}], "frame 1: 'frame': expected numbers"),
    ],
)
def test_what_is_no_landmarks_is_refused_with_its_frame(document, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("landmark_json", document)


def test_a_frame_whose_landmarks_are_null_shows_nobody():
    clip = clip_of("landmark_json", [{"landmarks": joints()}, {"landmarks": None}, {"landmarks": joints()}])
    assert (clip.frames, clip.frame_index.tolist()) == (3, [0, 2])


def test_hands_and_face_beside_a_body_are_noted():
    frame = {"poseLandmarks": joints(), "leftHandLandmarks": joints()[:21], "faceLandmarks": None}
    assert "hands_and_face_left_out" in clip_of("landmark_json", [frame, {**frame, "leftHandLandmarks": None}]).notes
    assert "hands_and_face_left_out" not in clip_of("landmark_json", [{**frame, "leftHandLandmarks": []}]).notes


def test_hands_of_the_older_api_are_bodies():
    frame = {"multiHandLandmarks": [joints()[:21]], "multiHandedness": [{"label": "Right", "score": 0.9}]}
    assert poses_of("landmark_json", [frame] * 2).layout.name == "hands21"


def test_a_kinects_joints_by_name_are_in_space():
    joint = {"x": 0.1, "y": 0.2, "z": 2.5, "state": 2}
    frame = {"bodies": [{"trackingId": "7", "joints": {"SpineBase": joint, "ShoulderLeft": joint}}]}
    poses = poses_of("landmark_json", [frame, frame])
    assert (poses.layout.joints, poses.layout.is_image) == (("hip centre", "left shoulder"), False)


def test_the_third_number_of_joints_in_pixels_is_a_confidence_where_all_are_small():
    frame = {"keypoints": [[100.0 + v, 50.0, 0.1 + v / 20] for v in range(17)]}
    poses = poses_of("landmark_json", [frame] * 2)
    assert (poses.layout.name, poses.places_PVC.shape, poses.scores_PV[0, 1]) == (
        "coco17",
        (2, 17, 2),
        pytest.approx(0.15),
    )
    deep = {"keypoints": [[100.0 + v, 50.0, -152.0 + v] for v in range(17)]}
    assert poses_of("landmark_json", [deep] * 2).places_PVC.shape == (2, 17, 3)


def fractions(n_joints):
    """Joints that were not found may have a place all the same, or be null or -1, and others lie a little outside."""
    found = [[0.2 + v / 200, 0.5, 0.3 + v / 200] for v in range(n_joints)]
    return [*found[:3], [-0.1, 0.2, 0.0], None, [-1, -1, -1], [1.02, 0.5, 0.4], *found[7:]]


def test_the_third_number_of_fractions_is_a_confidence_or_a_depth_as_the_layout_says():
    frames = [{"joints": fractions(17)}] * 2
    with pytest.raises(RefusedError, match=r"confidence .coco17., or in space .h36m17.. say --layout coco17 or"):
        poses_of("landmark_json", frames)
    flat = poses_of("landmark_json", frames, layout="coco17")
    assert flat.layout.name == "coco17"
    assert flat.scores_PV[0, [0, 3, 5, 6]].tolist() == [pytest.approx(0.3), 0.0, 0.0, 0.4]
    far = [{"joints": [[3 * j[0], *j[1:]] if j and j[0] > 0 else j for j in fractions(17)]}]
    assert poses_of("landmark_json", far, layout="coco17").scores_PV is not None
    deep = poses_of("landmark_json", frames, layout="h36m17")
    assert (deep.layout.name, deep.places_PVC.shape) == ("h36m17", (2, 17, 3))


@pytest.mark.parametrize(("n_joints", "said"), [(18, None), (26, None), (133, None), (33, "blazepose33")])
def test_the_third_number_of_fractions_is_a_confidence_where_no_body_in_space_has_as_many_joints(n_joints, said):
    poses = poses_of("landmark_json", [{"joints": fractions(n_joints)}] * 2, layout=said)
    assert (poses.places_PVC.shape, poses.scores_PV[0, 0]) == ((2, n_joints, 2), pytest.approx(0.3))


def test_named_lists_have_a_confidence_if_a_camera_of_depth_sees_no_such_joints():
    frames = [dict(zip(COCO17.joints, fractions(17), strict=True))] * 2
    for layout in (None, "coco17"):
        assert poses_of("landmark_json", frames, layout=layout).scores_PV[0, 0] == pytest.approx(0.3)
    named = [dict(zip(NTU25.joints, fractions(25), strict=True))] * 2
    assert poses_of("landmark_json", named).places_PVC.shape[2] == 3


def test_feet_that_are_cut_off_leave_a_body_in_the_image():
    joints = [[0.2 + v / 200, 0.5, 0.8] for v in range(25)]
    cut = [*joints[:24], [0.5, 1.3, 0.1]]
    with pytest.raises(RefusedError, match=r"say --layout body25 or --layout ntu25"):
        poses_of("landmark_json", [{"joints": cut}] * 2)
    assert poses_of("landmark_json", [{"joints": [*cut, [0.5, 0.5, 0.5]]}] * 2).layout.name == "halpe26"


@pytest.mark.parametrize("shift", [[0, 0, 1.5], [-0.6, 0, 0], [0, 0, -0.6]], ids=["far", "left of it", "near the hips"])
def test_places_that_are_no_fractions_with_confidences_are_in_space(shift):
    frame = {"joints": [[0.2 + v / 40 + shift[0], 0.5, 0.3 + v / 40 + shift[2]] for v in range(17)]}
    assert poses_of("landmark_json", [frame] * 2).places_PVC.shape == (2, 17, 3)


@pytest.mark.parametrize("layout", [None, "ntu25"])
def test_a_third_number_that_is_called_z_is_no_confidence(layout):
    places = [[0.2 + v / 40, 0.5, 0.3 + v / 40] for v in range(25)]
    objects = [dict(zip("xyz", place, strict=True)) for place in places]
    columns = {axis: [place[at] for place in places] for at, axis in enumerate("xyz")}
    named = dict(zip(NTU25.joints, places, strict=True))
    for frame in ({"joints": objects}, columns, {"joints": named}):
        assert poses_of("landmark_json", [frame] * 2, layout=layout).places_PVC.shape == (2, 25, 3)


def test_mediapipes_joints_by_name_are_in_the_image_unless_their_hips_are_the_origin():
    def frame(x):
        named = {"LEFT_HIP": x - 0.1, "RIGHT_HIP": x + 0.1, "NOSE": x}
        return {
            name: {"x": at, "y": at if name == "NOSE" else 0.0 if x == 0 else 0.5, "z": 0.01}
            for name, at in named.items()
        }

    assert poses_of("landmark_json", [frame(0.5)] * 2).layout.is_image
    assert not poses_of("landmark_json", [frame(0)] * 2).layout.is_image


def test_node_kinect2s_joints_are_its_places_in_space():
    joint = {"depthX": 0.5, "colorX": 0.6, "cameraX": 0.1, "cameraY": 0.2, "cameraZ": 2.5, "trackingState": 2}
    frame = {"bodies": [{"bodyIndex": 0, "tracked": True, "joints": [joint] * 25}, {"bodyIndex": 1, "tracked": False}]}
    poses = poses_of("landmark_json", [frame, frame])
    assert (poses.layout.name, poses.places_PVC[1, 24].tolist()) == ("ntu25", [0.1, 0.2, 2.5])
    assert form_of([frame]) == "landmark_json"


@pytest.mark.parametrize(
    "document",
    [
        [{"x": [0.1, 0.2], "y": [0.5, 0.6]}] * 2,
        [{"Joints": [{"X": 0.1, "Y": 0.5}, {"X": 0.2, "Y": 0.6}]}] * 2,
        [[{"id": 1, "x": 0.2, "y": 0.6}, {"id": 0, "x": 0.1, "y": 0.5}]] * 2,
        [[{"position": {"x": 0.1, "y": 0.5}}, {"position": {"x": 0.2, "y": 0.6}}]] * 2,
        [[{"Location": {"X": "0.1", "Y": 0.5}}, {"Location": {"X": 0.2, "Y": 0.6}}]] * 2,
        [[[0.1, 0.5], [0.2, 0.6]]] * 2,
        {"fps": 30, "frames": [{"0": [0.1, 0.5], "1": [0.2, 0.6]}] * 2},
    ],
    ids=["columns", "capitals", "numbers of joints", "positions", "locations", "lists", "named lists"],
)
def test_more_shapes_are_the_same_clip(document):
    poses = poses_of("landmark_json", document)
    assert poses.places_PVC.tolist() == [[[0.1, 0.5], [0.2, 0.6]]] * 2


@pytest.mark.parametrize(
    "columns",
    [{"x": [1, 2], "y": [1]}, {"x": [], "y": []}, {"x": [[1], [2]], "y": [1, 2]}, {"x": ["a"], "y": [1]}],
    ids=["not as many", "empty", "nested", "no numbers"],
)
def test_columns_that_are_no_joints_are_refused(columns):
    with pytest.raises(RefusedError, match=r"frame 1: .*(column|equally long|expected numbers)"):
        clip_of("landmark_json", [columns])


def test_a_row_of_mediapipes_numbers_is_a_frame():
    row = [n for v in range(33) for n in (0.25 + v / 100, 0.5, -0.1, 0.9)]
    for document in ([row] * 3, [{"frame": t, "pose": row} for t in range(3)]):
        clip = clip_of("landmark_json", document)
        assert np.array_equal(clip.joints_PVC, clip_of("landmark_json", [joints()] * 3).joints_PVC)
        assert clip.scores_PV[0, 0] == np.float32(0.9)


def test_what_some_joints_leave_out_was_not_measured():
    left_out = joints()
    del left_out[4]["visibility"], left_out[5]["z"]
    clip = clip_of("landmark_json", [left_out, joints()])
    assert (clip.scores_PV[0] == 0).nonzero()[0].tolist() == [4]
    assert clip.joints_PVC.shape == (2, 33, 2)


def test_frames_in_any_order_go_by_their_numbers():
    document = [{"frame": t, "landmarks": joints(t / 100)} for t in (5, 3, 4)]
    clip = clip_of("landmark_json", document)
    assert clip.frame_index.tolist() == [0, 1, 2]
    assert clip.joints_PVC[:, 0, 0].tolist() == pytest.approx([0.03, 0.04, 0.05])


def test_hands_are_bodies_where_no_frame_has_a_body():
    hand = joints(n_joints=21)
    without = {"pose": None, "left_hand_landmarks": hand, "right_hand_landmarks": hand}
    for frame in ({"left_hand": hand, "right_hand": hand}, {"Left": hand, "Right": hand}, without):
        clip = clip_of("landmark_json", [frame] * 2)
        assert (clip.ids.tolist(), clip.lengths.tolist(), clip.joints_PVC.shape[1]) == ([0, 1], [2, 2], 21)
    beside = clip_of("landmark_json", [{"pose": joints(), "left_hand": hand}] * 2)
    assert (beside.joints_PVC.shape[1], NOTE_PARTS in beside.notes) == (33, True)
    listed = [{"hands": [{"handedness": "Left", "landmarks": hand}]}] * 2
    assert clip_of("landmark_json", listed).joints_PVC.shape[1] == 21


def test_ids_of_bodies_are_kept_unless_they_are_below_0():
    def frame(*ids):
        return {"bodies": [{"trackingId": str(own), "joints": joints(0.1 + at)} for at, own in enumerate(ids)]}

    assert clip_of("landmark_json", [frame(9, 4), frame(9, 4)]).ids.tolist() == [9, 4]
    assert NOTE_FOLLOWED in clip_of("landmark_json", [frame(9, -1), frame(9, -1)]).notes


def test_an_id_of_a_frame_is_none_of_a_body_and_bodies_may_have_names():
    frames = [{"id": t, "joints": joints()} for t in range(3)]
    assert clip_of("landmark_json", frames).ids.tolist() == [0]
    named = [
        {"bodies": [{"id": who, "joints": joints()} for who in order]} for order in (("ann", "bob"), ("bob", "ann"))
    ]
    clip = clip_of("landmark_json", named)
    assert (len(set(clip.ids.tolist())), clip.lengths.tolist()) == (2, [2, 2])


def test_bodies_may_be_one_bodys_joints():
    for shape in (joints(), [[j["x"], j["y"], j["z"]] for j in joints()]):
        clip = clip_of("landmark_json", [{"bodies": shape}, {"bodies": shape}], "blazepose33")
        assert clip.lengths.tolist() == [2]
    odd = [{"bodies": [{"id": 1.5, "joints": joints()}]}] * 2
    assert clip_of("landmark_json", odd).lengths.tolist() == [2]


def test_frames_as_watch_reads_them_are_landmarks_also_where_a_body_has_no_pose():
    pose = [[v / 10, 1.0, 2.0] for v in range(25)]
    frames = [{"time": t / 30, "bodies": [{"id": 1, "joints": pose}, {"id": 2, "joints": []}]} for t in range(3)]
    frames[1]["bodies"][0]["joints"] = [None, *pose[1:]]
    assert form_of("\n".join(map(json.dumps, frames))) == "landmark_json"
    clip = clip_of("landmark_json", "\n".join(map(json.dumps, frames)), "ntu25")
    assert (clip.ids.tolist(), clip.lengths.tolist()) == ([1], [3])
    assert np.isnan(clip.joints_PVC[1, 0]).all()
    flat = [{"landmarks": [None, *joints()[1:]]}, {"landmarks": joints()}]
    assert clip_of("landmark_json", flat).scores_PV[0, :2].tolist() == [0, pytest.approx(0.9)]


def test_numbers_of_frames_go_before_times():
    frames = [{"frame": t, "time": t / 30 + (t > 4), "landmarks": joints()} for t in range(9)]
    assert clip_of("landmark_json", frames).frames == 9
    assert clip_of("landmark_json", [{**frame, "frame": t + 1} for t, frame in enumerate(frames)]).frames == 9
    for frame in frames:
        del frame["frame"]
    assert clip_of("landmark_json", frames).frames == 39


@pytest.mark.parametrize("numbers", [None, "once", "sent"])
def test_a_frame_that_was_sent_twice_is_one(numbers):
    sent = [0, 1, 1, 2, 3, 4, 4, 5]
    frames = [{"time": t / 30, "landmarks": joints(0.01 * t)} for t in sent]
    for at, frame in enumerate(frames):
        frame |= {} if numbers is None else {"frame": sent[at] if numbers == "once" else at}
    poses = poses_of("landmark_json", frames)
    assert (poses.frame_P.tolist(), poses.n_frames) == ([0, 1, 2, 3, 4, 5], 6)
    other = [{"time": t / 30, "landmarks": joints(0.01 * at)} for at, t in enumerate(sent)]
    assert len(poses_of("landmark_json", other).places_PVC) == 8


@pytest.mark.parametrize(
    "time", [lambda t: 0, lambda t: t // 30, lambda t: t // 4 / 8], ids=["one", "seconds", "bursts"]
)
def test_frames_of_a_clock_that_stands_still_all_count(time):
    frames = [{"time": time(t), "landmarks": [] if 30 <= t < 60 else joints()} for t in range(90)]
    assert poses_of("landmark_json", frames).n_frames == 90


def test_times_a_rate_and_the_size_of_the_image_are_read_where_they_are_said():
    frames = [{"timestamp_ms": 40 * t, "landmarks": joints()} for t in range(4)]
    assert poses_of("landmark_json", frames).fps == pytest.approx(25)
    said = {"fps": 50, "width": 200, "height": 100, "frames": [[{"x": 100, "y": 50}, {"x": 20, "y": 10}]]}
    assert (poses_of("landmark_json", said).fps, clip_of("landmark_json", said).joints_PVC[0, 0].tolist()) == (
        50,
        [0.5, 0.5],
    )


def test_a_file_a_frame_makes_a_clip_of_a_folder():
    files = {f"frame_{t}.json": {"pose_landmarks": joints(t / 100)} for t in (9, 10, 12)}
    clip = clip_of("landmark_images", {**files, "frame_13.json": b""})
    assert (clip.frames, clip.frame_index.tolist()) == (5, [0, 1, 3])
    for document in (files["frame_9.json"], joints(), {"x": [0.1, 0.2], "y": [0.3, 0.4]}):
        assert form_of({"frame_9.json": document}) == "landmark_images"
        assert form_of({"frame.json": document}) == "landmark_json"
    assert form_of({"frame_9.json": [joints(), joints()]}) == "landmark_json"
    with pytest.raises(RefusedError, match=r"byte 1: frame_9\.json: not JSON"):
        clip_of("landmark_images", {"frame_8.json": joints(), "frame_9.json": b"["})
    with pytest.raises(RefusedError, match=r"frame_9\.json: no landmarks among 'a'"):
        clip_of("landmark_images", {"frame_8.json": joints(), "frame_9.json": {"pose": {"a": 1}}})
