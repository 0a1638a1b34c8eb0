"""What files are, by their contents: each form by a beginning of its own; what cannot be told names its candidates."""

import io
import pickle
import re

import numpy as np
import pytest
from scipy.io import savemat

from pipeline.parse.tools.recognise import recognise


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def mat(**arrays):
    file = io.BytesIO()
    savemat(file, arrays, do_compression=True)
    return file.getvalue()


BODY = "1 0 1 1 1 1 0 0 0 2"
FORMS = [
    ("kinetics_json", '{"data": [{"frame_index": 1, "skeleton": []}], "label": "x"}'),
    ("kinetics_json", '{"data": [], "label": "x"}'),
    ("openpose_json", '{"version": 1.3, "people": []}'),
    ("mmpose_json", '{"meta_info": {}, "instance_info": [{"frame_id": 1, "instances": []}]}'),
    ("mmpose_images", '{"meta_info": {}, "instance_info": []}'),
    ("mmpose_json", '[{"frame_id": 0, "instances": []}]'),
    ("mmpose_images", '[{"keypoints": [[1, 2]], "keypoint_scores": [1]}]'),
    ("azure_json", '{"frames": [{"bodies": [{"joint_positions": []}]}]}'),
    ("coco_keypoints", '{"images": [], "annotations": []}'),
    ("coco_keypoints", '[{"category_id": 1, "image_id": 43, "keypoints": [1]}]'),
    ("alphapose_json", '[{"image_id": "0.jpg", "keypoints": [1]}]'),
    ("alphapose_json", '{"a/1.jpg": [{"score": 1, "keypoints": []}]}'),
    ("yolo_json", '[{"name": "person", "class": 0, "box": {"x1": 1}, "keypoints": {"x": []}}]'),
    ("ucla_json", '{"file_name": "a", "skeletons": [[[1, 2, 3]]]}'),
    ("landmark_json", '[[{"x": 0.5, "y": 0.5, "z": 0, "visibility": 1}]]'),
    ("landmark_json", "[[[360.1, 238.0, -152.4]]]"),
    ("landmark_json", f"[[{', '.join(['0.5'] * 132)}]]"),
    ("landmark_json", '[{"NOSE": [0.5, 0.5]}]'),
    ("landmark_json", '[{"left_hand": [], "right_hand": []}]'),
    ("bvh", "HIERARCHY\nROOT hip\n"),
    ("trc", "PathFileType\t4\t(X/Y/Z)\ta.trc\n"),
    ("deeplabcut_csv", "scorer,me,me\nbodyparts,a,a\n"),
    ("sleap_csv", "track,frame_idx,instance.score,A.x,A.y,A.score\n"),
    ("landmark_csv", "Pose,Landmark,X,Y,Z,Visibility\nup,Landmark_0,1,2,3,4\n"),
    ("landmark_csv", "frame," + ",".join(f"L{v}_{c}" for v in range(5) for c in "xyz") + "\n"),
    ("folder_arrays", "frame," + ",".join(f"{c}_{v}" for v in range(5) for c in "xyz") + "\n"),
    ("folder_arrays", "frame,joint,x,y,z\n"),
    ("named_csv", ",".join(f"{j}_{c}" for j in ("wrist", "elbow", "thumb") for c in "xyz") + "\n"),
    ("named_csv", "Timestamp,Header," + ",".join(["joint_head"] * 3 + ["joint_neck"] * 3 + ["joint_torso"] * 3) + "\n"),
    ("yolo_txt", " ".join(["0", *["0.5"] * 55]) + "\n"),
    ("number_lines", " ".join(["0.1"] * 175) + "\n"),
    ("number_lines", "1," + ",".join(["0.5"] * 90) + "\n"),
    ("joint_lines", "1.0 2.0 3.0\n"),
    ("joint_lines", "1.0 2.0\n"),
    ("ntu_skeleton", f"1\n1\n{BODY}\n25\n"),
    ("ntu_skeleton", f"2\n0\n1\n{BODY}\n25\n"),
    ("amass_npz", b"PK\x03\x04" + b"..poses.npy..trans.npy"),
    ("videopose_npz", b"PK\x03\x04" + b"..positions_2d.npy"),
    ("array_stack", b"PK\x03\x04" + b"..x_train.npy"),
    ("utd_mat", mat(d_skel=np.zeros((20, 3, 2)))),
    ("penn_mat", mat(action="squat", x=np.zeros((2, 13)), visibility=np.ones((2, 13)))),
    ("jhmdb_mat", mat(viewpoint=1.0, pos_img=np.zeros((2, 15, 4)))),
    ("motive_csv", "Format Version,1.23,Take Name,a\n"),
    ("vicon_csv", "Trajectories,,\r\n100,,\r\n"),
    ("openpose_video", '[{"people": [{"pose_keypoints_2d": [1, 2, 0.9]}], "canvas_width": 9}]'),
    ("openpose_video", '{"0.jpg": {"version": "AlphaPose v0.3", "bodies": [{"joints": [1.5, 2, 0.9]}]}}'),
    ("openpose_video", '{"people": [{"pose_keypoints_2d": [1, 2, 0.9]}]}\n{"people": []}\n'),
    ("openpose_json", '{"version": "AlphaPose v0.3", "bodies": [{"joints": [1.5, 2, 0.9]}]}'),
    ("landmark_json", '[{"bodies": [{"joints": {"Head": {"x": 1, "y": 2, "z": 2.5}}}]}]'),
    ("mmpose_json", '[[{"bbox": [1, 2, 3, 4, 0.9], "keypoints": [[1, 2, 0.9]]}]]'),
    ("mmpose_json", '[{"frame_id": 0, "preds": [{"track_id": 1, "keypoints": [[1, 2, 0.9]]}]}]'),
    ("yolo_txt", "0 " + "0.5 " * 57 + "\n"),
    ("yolo_txt", "0 " + "0.5 " * 67 + "\n"),
    ("number_lines", "0.5 " * 150),
    ("number_lines", "1 " + "0.5 " * 60 + "\n2 " + "0.5 " * 60),
    ("landmark_csv", "frame,landmark_name,x,y,z\n0,NOSE,0.5,0.5,0\n"),
    ("landmark_csv", ",".join(f"hand_{v}_{c}" for v in range(21) for c in "xyz") + "\n"),
    ("named_csv", "frame,x_nose,y_nose,x_hip,y_hip,x_knee,y_knee\n"),
    ("named_csv", "Time,HeadX,HeadY,HeadZ,NeckX,NeckY,NeckZ,HipX,HipY,HipZ\n"),
    ("c3d", b"\x02\x50" + b"\0\x01" * 300),
    ("deeplabcut_h5", b"\x89HDF\r\n\x1a\n..df_with_missing"),
    ("mvnx", b'<?xml version="1.0"?>\n<!-- a -->\n<mvnx version="4">'),
    ("sleap_h5", b"\x89HDF\r\n\x1a\n..track_occupancy"),
    ("pyskl_pickle", pickle.dumps([{"frame_dir": "a"}], 4)),
    ("landmark_arrays", npy(np.zeros(1662))),
    ("landmark_arrays", npy(np.zeros((33, 4)))),
    ("folder_arrays", npy(np.zeros((9, 25, 3)))),
    ("landmark_stack", npy(np.zeros((30, 1662)))),
    ("landmark_stack", npy(np.zeros((9, 553, 3)))),
    ("array_stack", npy(np.zeros((1, 3, 9, 25, 2)))),
    ("ntu_npy", npy(np.array({"skel_body0": 1}, object))),
]


@pytest.mark.parametrize(("form", "head"), FORMS)
def test_a_form_is_recognised_by_its_beginning(form, head):
    data = head if isinstance(head, bytes) else head.encode()
    found = recognise("clip.json", data)
    assert found.form == form, found
    assert found.why
    if data[:1] in b"[{":
        spaced = data.replace(b",", b",\r\n  ").replace(b":", b" : ")
        assert recognise("clip", b"\xef\xbb\xbf" + spaced).form == form


@pytest.mark.parametrize(
    ("name", "head", "why"),
    [
        ("a.json", b"", "the file is empty"),
        ("a.json", b" [ ]\n", "no frame"),
        ("a.json", b'{"hello": 1}', "JSON of no form that is known here"),
        ("a.json", b'{"data": [{"pose": [1, 2], "name": "A"}]}', "no motion"),
        ("a.txt", b"hello\n", "of no form"),
        ("a.csv", "x,y\n".encode("utf-16"), "save it as UTF-8"),
        ("a.txt", b"1 2 3 4 5 6 7\n", "of no form"),
        ("a.csv", b"a,b,c\n1,2,3\n", "of no form"),
        ("a.mat", mat(hello=np.zeros(3)), "without d_skel, pos_img or visibility"),
        ("a.mat", b"MATLAB 7.3 MAT-file, Platform: PCWIN64", "save it with -v7"),
        ("a.txt", b"#Kinovea Trajectory data export\n#T X Y\n0:00:00:00 -1.00 2.00\n", "export a table"),
        ("a.pkl", b"\x80\x04}\x8c\nsmpl_poses", "make joints of them with smplx"),
        ("a.txt", b"1 2 3 " + b"0.5 " * 45, "--dataset florence3d"),
        ("a.SLP", b"\x89HDF\r\n\x1a\n..tracks", "sleap-convert --format analysis.csv"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "export poses as CSV"),
        ("a.slp", b"\x89HDF\r\n\x1a\n", "sleap-convert"),
        ("a.zip", b"PK\x03\x04 hello", "without arrays that are known here"),
        ("a.npy", b"\x93NUMPY\x09\x09", "not a .npy array|of a version"),
        ("a.npy", npy(np.array([None, 1], object)), "of Python objects"),
    ],
)
def test_what_is_none_of_them_says_so(name, head, why):
    found = recognise(name, head)
    assert found.form is None
    assert re.search(why, found.refusal())
    assert not found.candidates


@pytest.mark.parametrize(
    ("name", "head", "candidates"),
    [
        ("a.pkl", pickle.dumps([1, 2], 4), ("pyskl_pickle", "array_stack")),
        ("a.npy", npy(np.zeros((5, 75))), ("folder_arrays", "landmark_arrays")),
    ],
)
def test_what_may_be_several_names_them(name, head, candidates):
    found = recognise(name, head)
    assert (found.form, found.candidates) == (None, candidates)
    assert f"may be {' or '.join(candidates)}; say which as parse.format" in found.refusal()


def test_an_empty_frame_is_openposes_by_its_name_alone():
    assert recognise("a_000000000001_keypoints.json", b"").form == "openpose_json"


@pytest.mark.parametrize("field", ["0.5.5", "0..5"])
def test_what_only_looks_like_a_number_is_no_line_of_numbers(field):
    head = f"0 {field} {' '.join(['0.5'] * 54)}\n".encode()
    assert recognise("clip_1.txt", head).form is None


@pytest.mark.parametrize("sign", ["\u2028", "\x85", "\x0b"])
def test_a_sign_that_ends_no_line_in_an_editor_ends_none_in_a_head(sign):
    named = ",".join(f"{j}_{c}" for j in (f"left{sign}wrist", "elbow", "thumb") for c in "xyz") + "\n"
    assert recognise("a.csv", named.encode()).form == "named_csv"
