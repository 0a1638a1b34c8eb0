"""YOLO-pose text and JSON: fractions, lines written twice, joints at 0 0, tracks, frames without a file."""

import json

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.poses import NOTE_FOLLOWED, NOTE_TWICE
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of


def line(x=0.25, width=3, track=None, missing=()):
    joints = [([0, 0] if v in missing else [x + v / 100, 0.5]) + [0.8][: width - 2] for v in range(17)]
    numbers = [0, 0.5, 0.5, 0.2, 0.4, *(n for joint in joints for n in joint), *([track] if track is not None else [])]
    return " ".join(map(str, numbers)) + "\n"


def body(x=100.0, **more):
    points = {"x": [x + v for v in range(17)], "y": [50.0] * 17, "visible": [0.9] * 17}
    return {"name": "person", "class": 0, "confidence": 0.9, "box": {"x1": 1}, "keypoints": points} | more


def test_lines_are_bodies_in_fractions_of_the_image():
    clip = clip_of("yolo_txt", {"video_1.txt": line(), "video_2.txt": line(0.26)})
    assert (clip.frames, clip.joints_PVC[1, 0].tolist(), clip.notes) == (2, [pytest.approx(0.26), 0.5], ())
    assert clip.scores_PV[0, 0] == np.float32(0.8)
    assert form_of(line()) == form_of(line(width=2)) == form_of(line(track=3)) == "yolo_txt"


def test_a_frame_without_a_file_or_with_an_empty_one_shows_nobody():
    clip = clip_of("yolo_txt", {"v_9.txt": line(), "v_10.txt": "", "v_12.txt": line()})
    assert (clip.frames, clip.frame_index.tolist()) == (4, [0, 3])


def test_lines_that_a_second_run_appended_are_one_body():
    clip = clip_of("yolo_txt", {"image0.txt": line() * 2})
    assert (clip.ids.tolist(), clip.notes) == ([0], (NOTE_TWICE,))


def test_joints_at_0_0_were_not_found_whatever_their_confidence():
    clip = clip_of("yolo_txt", {"image0.txt": line(missing=(0, 3))})
    assert (clip.scores_PV[0] == 0).nonzero()[0].tolist() == [0, 3]


def test_models_without_confidences_and_tracks_at_the_end():
    clip = clip_of("yolo_txt", {"a_1.txt": line(width=2) + line(0.7, width=2), "a_2.txt": line(0.7, width=2)})
    assert (clip.lengths.tolist(), clip.notes) == ([1, 2], (NOTE_FOLLOWED,))
    tracked = clip_of("yolo_txt", {"a_1.txt": line(track=7) + line(0.7, track=2)})
    assert (tracked.ids.tolist(), tracked.notes) == ([7, 2], ())


def test_labels_of_0_1_and_2_are_not_labelled_hidden_and_visible():
    text = line().replace("0.8", "2").replace(" 2 ", " 1 ", 1)
    clip = clip_of("yolo_txt", {"a_1.txt": text})
    assert sorted(set(clip.scores_PV[0].tolist())) == [0.5, 1.0]
    assert form_of(line().replace("0.8", "nan")) == "yolo_txt"


@pytest.mark.parametrize(("n_joints", "name"), [(26, "halpe26"), (133, "wholebody133")])
def test_more_joints_are_known_by_their_number(n_joints, name):
    text = " ".join(map(str, [0, 0.5, 0.5, 0.2, 0.4, *[0.25, 0.5, 0.8] * n_joints])) + "\n"
    assert poses_of("yolo_txt", {"a_1.txt": text}).layout.name == name
    assert form_of(text) == "yolo_txt"


def test_a_thing_without_joints_is_no_body():
    nothing = [{"name": "dog", "class": 16, "box": {"x1": 1}}, body(keypoints={"x": [], "y": [], "visible": []})]
    files = {"a_1.json": [*nothing, body()], "a_2.json": nothing}
    clip = clip_of("yolo_json", files)
    assert (clip.frames, clip.frame_index.tolist()) == (2, [0])


@pytest.mark.parametrize("lines", [False, True])
def test_all_frames_may_be_in_one_file(lines):
    frames = [[body()], [], [body(101.0)]]
    text = "\n".join(map(json.dumps, frames)) if lines else json.dumps(frames)
    clip = clip_of("yolo_json", {"video.json": text}, image_size=(1, 1))
    assert (clip.frames, clip.frame_index.tolist(), clip.joints_PVC[1, 0, 0]) == (3, [0, 2], 101)
    assert form_of({"video.json": text}) == "yolo_json"


def test_json_is_in_pixels_with_a_box():
    files = {"a_1.json": [body(), body(400.0, track_id=2)], "a_2.json": []}
    clip = clip_of("yolo_json", files, image_size=(1, 1))
    assert (clip.frames, clip.joints_PVC[0, 3].tolist()) == (2, [103, 50])
    assert form_of([body()]) == "yolo_json"
    tracked = clip_of("yolo_json", {"a_1.json": [body(track_id=4)]}, image_size=(1, 1))
    assert tracked.ids.tolist() == [4]


@pytest.mark.parametrize(
    ("text", "reason", "at"),
    [
        ("0 0.5 0.5 0.2\n", r"a\.txt: 4 numbers, expected 5 and 2 or 3 for each of 17 or 21 or 26 or 133", 1),
        (line() + "0 a\n", r"a\.txt: 'a' is not a number", 2),
        ("", "no body in any of 1 frames", None),
    ],
)
def test_a_line_that_is_no_pose_is_refused_with_file_and_line(text, reason, at):
    with pytest.raises(RefusedError, match=reason) as caught:
        clip_of("yolo_txt", {"a.txt": text})
    assert caught.value.line == at


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, r"a\.json: the file: expected a list, found an empty object"),
        ([{"keypoints": 3}], r"a\.json: body 0: 'keypoints': expected an object"),
        ([{}], "no body in any of 1 frames"),
        ([body(keypoints={"x": [1], "y": [1, 2]})], "without as many x as y"),
        ([body(keypoints={"x": [1]})], "without as many x as y"),
        ([body(), body(keypoints={"x": [1], "y": [1]})], "bodies of 1 and of 17 joints"),
    ],
)
def test_json_that_is_no_pose_is_refused_with_its_place(document, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("yolo_json", {"a.json": document})


@pytest.mark.parametrize(
    ("rest", "ids"),
    [("", [0, 1]), (" 0.87", [0, 1]), (" 7", [7, 9]), (" 0.87 7", [7, 9])],
    ids=["nothing", "confidence", "track", "both"],
)
def test_behind_the_joints_stand_a_confidence_a_track_or_both(rest, ids):
    def line(x):
        other = rest.replace("7", "9") if x > 0.5 and rest[-1:] == "7" and " 7" in rest else rest
        return " ".join(map(str, [0, 0.5, 0.5, 0.2, 0.2, *[x, 0.5, 0.9] * 17])) + other + "\n"

    clip = clip_of("yolo_txt", {f"a_{t}.txt": line(0.1) + line(0.8) for t in range(3)})
    assert (clip.ids.tolist(), clip.lengths.tolist()) == (ids, [3, 3])


def test_21_joints_are_a_hands():
    line = " ".join(map(str, [0, 0.5, 0.5, 0.2, 0.2, *[0.4, 0.5, 0.9] * 21]))
    assert poses_of("yolo_txt", {"a_1.txt": line}).layout.name == "hands21"
