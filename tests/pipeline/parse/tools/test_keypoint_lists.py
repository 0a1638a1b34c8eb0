"""MMPose, AlphaPose and COCO results: frames, scores, ids and names as each tool writes them, and users find them."""

import json

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import KNOWN_LAYOUTS
from pipeline.parse.tools.poses import NOTE_FOLLOWED, NOTE_IDS, NOTE_ORDER
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of

PIXELS = {"image_size": (1, 1)}


def instance(x=100.0, n_joints=17, **more):
    points = [[x + v, 50.0 + v] for v in range(n_joints)]
    return {"keypoints": points, "keypoint_scores": [1.04] * n_joints, "bbox": [[1, 2, 3, 4]], "bbox_score": 0.9} | more


def detection(image_id, x=100.0, n_joints=17, **more):
    flat = [n for v in range(n_joints) for n in (x + v, 50.0 + v, 1.3)]
    return {"image_id": image_id, "category_id": 1, "keypoints": flat, "score": 2.9} | more


def mmpose(*frames, start=1, **meta):
    info = [{"frame_id": at, "instances": list(people)} for at, people in enumerate(frames, start)]
    return {"meta_info": meta, "instance_info": info}


class TestMMPose:
    def test_frames_begin_at_1_or_0_and_scores_may_exceed_1(self):
        for document in (
            mmpose([instance()], [instance(101.0)]),
            mmpose([instance()], [instance(101.0)], start=0)["instance_info"],
        ):
            clip = clip_of("mmpose_json", document, **PIXELS)
            assert (clip.frames, clip.joints_PVC[1, 2].tolist(), clip.scores_PV[0, 0]) == (
                2,
                [103, 52],
                np.float32(1.04),
            )
            assert form_of(document) == "mmpose_json"

    def test_frames_without_instances_are_empty_and_people_are_followed(self):
        clip = clip_of(
            "mmpose_json", mmpose([instance(), instance(400.0)], [], [instance(400.0), instance()]), **PIXELS
        )
        assert (clip.frames, clip.lengths.tolist(), clip.notes) == (3, [2, 2], (NOTE_FOLLOWED,))
        assert clip.joints_PVC[:2, 0, 0].tolist() == [100, 100]

    def test_track_ids_are_kept(self):
        clip = clip_of(
            "mmpose_json", mmpose([instance(track_id=3)], [instance(300.0, track_id=5), instance(track_id=3)]), **PIXELS
        )
        assert (clip.ids.tolist(), clip.notes) == ([3, 5], ())

    def test_the_names_of_meta_info_make_the_layout_unless_it_is_the_usual_one(self):
        halpe = {str(v): name.replace(" ", "_") for v, name in enumerate(KNOWN_LAYOUTS["halpe26"].joints)} | {
            "19": "hip"
        }
        poses = poses_of("mmpose_json", mmpose([instance(n_joints=26)], keypoint_id2name=halpe))
        assert (poses.layout.name, poses.named) == ("halpe26", False)
        own = poses_of("mmpose_json", mmpose([instance(n_joints=2)], keypoint_id2name={"0": "tail", "1": "nose"}))
        assert (own.layout.joints, own.named) == (("tail", "nose"), True)
        odd = poses_of("mmpose_json", mmpose([instance(n_joints=2)], keypoint_id2name={"0": "a", "7": "b"}))
        assert odd.layout.name == "joints2"

    def test_133_points_and_points_in_space(self):
        assert poses_of("mmpose_json", mmpose([instance(n_joints=133)])).layout.name == "wholebody133"
        space = {"keypoints": [[0.1, 0.2, 0.3]] * 17, "keypoint_scores": [1] * 17}
        assert poses_of("mmpose_json", mmpose([space])).layout.name == "h36m17"

    def test_a_file_an_image_is_a_frame(self):
        files = {f"{number}.json": [instance(float(number))] for number in (9, 10, 12)}
        clip = clip_of("mmpose_images", files, **PIXELS)
        assert (clip.frames, clip.joints_PVC[:, 0, 0].tolist()) == (4, [9, 10, 12])
        assert form_of([instance()]) == "mmpose_images"
        with pytest.raises(RefusedError, match=r"a\.json: instance 0: 'keypoints' are null"):
            clip_of("mmpose_images", {"a.json": [{}]})

    def test_an_image_of_nobody_is_a_frame_and_people_change_places(self):
        files = {
            "v_1.json": [instance(9.0), instance(500.0)],
            "v_2.json": [],
            "v_3.json": [instance(501.0), instance(10.0)],
        }
        clip = clip_of("mmpose_images", files, **PIXELS)
        assert (clip.frames, clip.lengths.tolist(), clip.notes) == (3, [2, 2], (NOTE_FOLLOWED,))
        assert clip.joints_PVC[:2, 0, 0].tolist() == [9, 10]

    def test_images_may_have_track_ids_scores_beside_xy_and_other_points(self):
        tracked = clip_of("mmpose_images", {"1.json": [instance(track_id=7)]}, **PIXELS)
        assert (tracked.ids.tolist(), tracked.scores_PV[0, 0]) == ([7], pytest.approx(1.04))
        triples = {"keypoints": [[1.0, 2.0, 0.5]] * 17}
        assert clip_of("mmpose_images", {"1.json": [triples]}, **PIXELS).scores_PV[0, 0] == 0.5
        assert poses_of("mmpose_images", {"1.json": [instance(n_joints=26)]}).layout.name == "halpe26"

    @pytest.mark.parametrize("name", ["instance_info", "predictions"])
    def test_an_image_may_be_an_object_that_holds_its_instances(self, name):
        files = {f"v_{t}.json": {name: [instance()] * (t != 1), "meta_info": {"a": 1}} for t in range(3)}
        clip = clip_of("mmpose_images", files)
        assert (clip.frames, clip.frame_index.tolist()) == (3, [0, 2])
        if name == "instance_info":
            assert (
                form_of({"v_0.json": files["v_0.json"]}) == form_of({"v_1.json": files["v_1.json"]}) == "mmpose_images"
            )
        nested = {"1.json": {"predictions": [[instance()]], "visualization": []}}
        assert clip_of("mmpose_images", nested).frames == 1

    def test_json_lines_null_for_nobody_and_tags_behind_the_score(self):
        frames = [{"frame_id": 0, "instances": None}, {"frame_id": 1, "instances": [instance()]}]
        lines = "\n".join(json.dumps(frame) for frame in frames)
        assert clip_of("mmpose_json", lines).frame_index.tolist() == [1]
        tagged = {"keypoints": [[100.0 + v, 50.0, 0.9, 1, 1] for v in range(17)]}
        assert clip_of("mmpose_json", [{"frame_id": 0, "preds": [tagged]}]).scores_PV[0, 3] == np.float32(0.9)

    def test_an_id_below_0_is_none(self):
        frames = [[instance(track_id=4)], [instance(101.0, track_id=-1)], [instance(102.0, track_id=4)]]
        clip = clip_of("mmpose_json", mmpose(*frames), **PIXELS)
        assert (clip.ids.tolist(), clip.lengths.tolist()) == ([0], [3])

    @pytest.mark.parametrize(
        ("files", "reason"),
        [
            ({"1.json": [instance()], "2.json": b"[{"}, r"byte 2: 2\.json: not JSON"),
            ({"1.json": [instance()], "2.json": {"instances": []}}, r"2\.json: 'instance_info': expected a list"),
            ({"1.json": [instance()], "2.json": [instance(n_joints=26)]}, "bodies of different joints in one clip"),
            ({"1.json": [instance(keypoint_scores=[1, 2])]}, r"1\.json: instance 0: 2 keypoint_scores for 17"),
            ({"1.json": [instance(), 3]}, r"1\.json: instance 1: expected an object, found 3"),
            ({"1.json": []}, "no body in any of 1 frames"),
        ],
    )
    def test_an_image_that_is_no_list_of_instances_is_refused_by_name(self, files, reason):
        with pytest.raises(RefusedError, match=reason):
            clip_of("mmpose_images", files)

    @pytest.mark.parametrize(
        ("document", "reason"),
        [
            ({"meta_info": {}}, "the frames: expected a list, found null"),
            ([3], "item 0 of 'instance_info': expected an object"),
            ([{"frame_id": "a"}], "item 0: 'frame_id': expected numbers"),
            ([{"frame_id": 1}], "frame_id 1: 'instances': expected a list"),
            (mmpose([{"keypoints": [1, 2]}]), "frame_id 1, instance 0: 'keypoints' are a list of 2, expected"),
            (mmpose([instance(keypoint_scores=[1])]), "1 keypoint_scores for 17 keypoints"),
            (mmpose([instance(), instance(n_joints=26)]), "bodies of different joints in one clip"),
            (mmpose([], []), "no body in any of 2 frames"),
        ],
    )
    def test_what_is_no_result_is_refused_with_its_place(self, document, reason):
        with pytest.raises(RefusedError, match=reason):
            clip_of("mmpose_json", document)


class TestAlphaPose:
    def test_pictures_are_in_the_order_of_their_numbers_and_may_leave_some_out(self):
        document = [detection("10.jpg", 110.0), detection("9.jpg", 109.0), detection("12.jpg", 112.0)]
        clip = clip_of("alphapose_json", document, **PIXELS)
        assert (clip.frames, clip.joints_PVC[:, 0, 0].tolist(), clip.scores_PV[0, 0]) == (
            4,
            [109, 110, 112],
            np.float32(1.3),
        )
        assert form_of(document) == "alphapose_json"

    def test_ids_of_the_tracker_may_be_lists_of_lists(self):
        document = [
            detection("1.jpg", idx=[0.0]),
            detection("2.jpg", idx=[[0.0], [0.0]]),
            detection("2.jpg", 400.0, idx=4),
        ]
        clip = clip_of("alphapose_json", document, **PIXELS)
        assert (clip.ids.tolist(), clip.lengths.tolist()) == ([0, 4], [2, 1])

    def test_ids_that_repeat_within_a_picture_are_not_believed(self):
        document = [detection("1.jpg", idx=0), detection("1.jpg", 400.0, idx=0), detection("2.jpg", idx=0)]
        clip = clip_of("alphapose_json", document, **PIXELS)
        assert (clip.lengths.tolist(), set(clip.notes)) == ([2, 1], {NOTE_IDS, NOTE_FOLLOWED})

    def test_poseflow_lists_persons_by_picture(self):
        document = {
            "images/a/00000103.jpg": [{"score": 1, "keypoints": detection("")["keypoints"]}],
            "images/a/00000105.jpg": [],
        }
        clip = clip_of("alphapose_json", document, **PIXELS)
        assert (clip.frames, clip.frame_index.tolist()) == (3, [0])
        assert form_of(document) == "alphapose_json"

    def test_persons_may_hold_their_pictures(self):
        flat = detection("0")["keypoints"]
        document = {
            "1": {f"{t:04}": {"keypoints": flat, "scores": 2.9} for t in (3, 4)},
            "7": {"0004": {"keypoints": flat}},
        }
        clip = clip_of("alphapose_json", document, **PIXELS)
        assert (clip.ids.tolist(), clip.lengths.tolist(), clip.frames) == ([1, 7], [2, 1], 2)
        assert form_of(json.dumps(document)) == "alphapose_json"

    def test_a_detection_without_keypoints_shows_nobody(self):
        document = [detection("1.jpg", keypoints=None), detection("2.jpg", keypoints=[]), detection("3.jpg")]
        assert clip_of("alphapose_json", document).frame_index.tolist() == [2]

    def test_pictures_without_numbers_are_in_the_order_of_their_names(self):
        clip = clip_of("alphapose_json", [detection("b.jpg", 102.0), detection("a.jpg", 101.0)], **PIXELS)
        assert clip.joints_PVC[:, 0, 0].tolist() == [101, 102]

    def test_halpes_26_and_136_joints(self):
        assert poses_of("alphapose_json", [detection("1.jpg", n_joints=26)]).layout.name == "halpe26"
        assert poses_of("alphapose_json", [detection("1.jpg", n_joints=136)]).layout.name == "halpe26"

    @pytest.mark.parametrize(
        ("document", "reason"),
        [
            ([{"keypoints": [1, 2, 3]}], "a detection without 'image_id'"),
            ([detection("1.jpg", keypoints=[1, 2])], "detection 0: 'keypoints': 2 numbers, expected 3"),
            ([detection("1.jpg", keypoints=None)], "no body in any of 1 frames"),
            ({"1": {"2": {"keypoints": [1, 2]}}}, "detection 0: 'keypoints': 2 numbers, expected 3"),
            ({"1": {"2": 3}}, "person 1, picture 2: expected an object"),
            ([detection("1.jpg", idx="a")], "detection 0: 'idx': expected numbers"),
            ({"a.jpg": 3}, r"picture a\.jpg: expected a list, found 3"),
            ("...", "not JSON"),
            ([], "no body in any of 0 frames"),
        ],
    )
    def test_what_is_no_result_is_refused_with_its_place(self, document, reason):
        with pytest.raises(RefusedError, match=reason):
            clip_of("alphapose_json", document if document != "..." else b"...")


class TestCoco:
    def test_results_of_images_far_apart_are_in_their_order(self):
        document = [detection(43, 1.0), detection(581, 2.0), detection(139, 3.0), detection(43, 200.0)]
        clip = clip_of("coco_keypoints", document, **PIXELS)
        assert (clip.frames, set(clip.notes)) == (3, {NOTE_ORDER, NOTE_FOLLOWED})
        assert form_of(document) == "coco_keypoints"

    def test_annotations_tell_the_size_of_their_images_and_what_is_hidden(self):
        flat = [96.0, 48.0, 2, 10.0, 10.0, 1, 110.0, 145.0, 0]
        document = {
            "images": [{"id": i, "width": 192, "height": 96, "file_name": f"{i}.jpg"} for i in (1, 2, 3)],
            "annotations": [{"image_id": i, "keypoints": flat, "track_id": 7} for i in (1, 3)]
            + [{"image_id": 2, "keypoints": []}],
            "categories": [{"keypoints": ["snout", "ear", "tail"]}],
        }
        clip = clip_of("coco_keypoints", document)
        assert (clip.frames, clip.frame_index.tolist(), clip.ids.tolist(), clip.notes) == (3, [0, 2], [7], ())
        assert clip.joints_PVC[0, 0].tolist() == [0.5, 0.5]
        assert clip.scores_PV[0].tolist() == [1, 0.5, 0]
        assert poses_of("coco_keypoints", document).layout.joints == ("snout", "ear", "tail")
        assert form_of(document) == "coco_keypoints"

    @pytest.mark.parametrize(
        ("names", "first"),
        [
            (("cam_02.jpg", "cam_01.jpg"), 200.0),
            (("a/cam_2.jpg", "b/cam_1.jpg"), 200.0),
            (("a1.jpg", "b2.jpg"), 100.0),
            (("cam_1.jpg", "cam_1.jpg"), 100.0),
            ((None, "cam_1.jpg"), 100.0),
        ],
        ids=["by name", "in folders", "two videos", "twice", "no name"],
    )
    def test_frames_count_by_their_names_where_all_are_of_one_video_or_else_by_their_ids(self, names, first):
        document = {
            "images": [{"id": at, "file_name": name} for at, name in enumerate(names)],
            "annotations": [detection(0), detection(1, 200.0)],
        }
        poses = poses_of("coco_keypoints", document)
        assert poses.places_PVC[poses.frame_P.argmin(), 0, 0] == first

    def test_annotations_without_their_images_and_with_the_track_among_their_attributes(self):
        document = {"annotations": [detection(t, attributes={"track_id": 7, "occluded": False}) for t in (3, 5)]}
        clip = clip_of("coco_keypoints", document)
        assert (clip.frames, clip.ids.tolist()) == (3, [7])

    @pytest.mark.parametrize(
        ("document", "reason"),
        [
            ({"images": [], "annotations": [{"image_id": 4, "keypoints": [1, 2, 2]}]}, "an image that is not listed"),
            ({"images": [{}], "annotations": []}, "image 0: 'id': null is not a whole number"),
            ({"images": [{"id": 1}], "annotations": []}, "no body in any of 1 frames"),
            ({"annotations": []}, "no body in any of 0 frames"),
            ({"images": None, "annotations": []}, "'images': expected a list, found null"),
            ({"images": [], "annotations": [3]}, "annotation 0: expected an object"),
        ],
    )
    def test_what_is_no_annotation_is_refused_with_its_place(self, document, reason):
        with pytest.raises(RefusedError, match=reason):
            clip_of("coco_keypoints", document)


OLD = {"bbox": [1, 2, 3, 4, 0.9], "keypoints": [[100.0 + v, 50.0, 0.9] for v in range(17)]}


PREDS = [{"frame_id": t, "preds": [OLD] * (t != 1)} for t in range(3)]


@pytest.mark.parametrize("document", [[[OLD], [], [OLD]], PREDS], ids=["lists", "preds"])
def test_mmposes_version_0_has_the_score_behind_each_joint(document):
    clip = clip_of("mmpose_json", document)
    assert (clip.frames, clip.frame_index.tolist()) == (3, [0, 2])
    assert clip.scores_PV[0, 0] == pytest.approx(0.9)
    assert poses_of("mmpose_json", document).layout.name == "coco17"


def test_mmposes_lifted_joints_may_lie_in_one_list_more():
    instance = {"keypoints": [[[0.1 * v, 0.5, 1.0] for v in range(17)]], "keypoint_scores": [[0.9] * 17]}
    poses = poses_of("mmpose_json", [{"frame_id": 1, "instances": [instance]}])
    assert (poses.layout.name, poses.places_PVC.shape) == ("h36m17", (1, 17, 3))
