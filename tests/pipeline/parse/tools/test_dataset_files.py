"""NW-UCLA, UTD-MHAD, Azure Kinect and NTU's dictionaries: values, bodies, and what each refuses."""

import io
import json

import numpy as np
import pytest
from scipy.io import savemat

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.dataset_files import penn_action
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of


def mat(**arrays):
    file = io.BytesIO()
    savemat(file, arrays)
    return file.getvalue()


def npy(value):
    file = io.BytesIO()
    np.save(file, np.array(value, object), allow_pickle=True)
    return file.getvalue()


def azure(*frames, start=0):
    return {
        "frames": [
            {
                "frame_id": at,
                "bodies": [{"body_id": i, "joint_positions": [[100.0 * i, -500.0, 2000.0]] * 32} for i in ids],
            }
            for at, ids in enumerate(frames, start)
        ]
    }


def test_nw_uclas_frames_of_20_joints():
    document = {"file_name": "a01", "skeletons": [[[0.1, 0.2, 3.0]] * 20] * 5}
    clip = clip_of("ucla_json", document)
    assert (clip.frames, clip.joints_PVC[4, 0].tolist()) == (5, pytest.approx([0.1, 0.2, 3.0]))
    assert form_of(document) == "ucla_json"
    for wrong in ({"skeletons": [[1, 2]]}, {"file_name": "a"}, []):
        with pytest.raises(RefusedError, match=r"'skeletons' of shape|expected an object"):
            clip_of("ucla_json", wrong)


def test_utd_mhads_array_of_joints_coordinates_and_frames():
    array = np.random.default_rng(0).normal(size=(20, 3, 7))
    data = mat(d_skel=array)
    clip = clip_of("utd_mat", data)
    assert np.array_equal(clip.joints_PVC, array.transpose(2, 0, 1).astype(np.float32))
    assert form_of(data) == "utd_mat"
    for wrong, reason in ((mat(other=array), "no array d_skel"), (b"MATLAB 5.0", "not a MATLAB 5 file")):
        with pytest.raises(RefusedError, match=reason):
            clip_of("utd_mat", wrong)


def test_a_matlab_file_that_is_no_clip_by_its_size_is_not_read(monkeypatch):
    monkeypatch.setattr("pipeline.parse.tools.dataset_files.MAX_MAT_BYTES", 3)
    with pytest.raises(RefusedError, match="4 bytes, more than the 3"):
        clip_of("utd_mat", b"1234")


def test_azure_kinects_bodies_have_ids_and_are_in_millimetres_with_y_down():
    clip = clip_of("azure_json", azure([1, 2], [], [2], start=7))
    assert (clip.frames, clip.ids.tolist(), clip.lengths.tolist()) == (3, [1, 2], [1, 2])
    assert clip.joints_PVC[0, 0].tolist() == pytest.approx([0.1, 0.5, -2.0])
    assert poses_of("azure_json", azure([1])).layout.name == "kinect32"
    assert form_of(azure([1])) == "azure_json"


@pytest.mark.parametrize("shape", ["list", "lines"])
def test_azure_kinects_frames_may_stand_alone_in_any_order_with_times_and_nobody(shape):
    frames = [one | {"timestamp_usec": 40_000 * one["frame_id"]} for one in azure([1], [1], [1], start=3)["frames"]]
    frames[1] |= {"bodies": None, "num_bodies": 0}
    turned = frames[::-1]
    text = json.dumps(turned) if shape == "list" else "\n".join(map(json.dumps, turned))
    poses = poses_of("azure_json", text)
    assert (poses.frame_P.tolist(), poses.n_frames, poses.fps) == ([0, 2], 3, pytest.approx(25))
    assert form_of(text) == "azure_json"


def test_azure_kinects_invalid_id_is_none():
    clip = clip_of("azure_json", azure([2**32 - 1], [2**32 - 1]))
    assert (clip.ids.tolist(), clip.lengths.tolist()) == ([0], [2])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "'frames': expected a list"),
        ({"frames": [{"bodies": 3}]}, "frame 0: 'bodies': expected a list"),
        ({"frames": [{"bodies": [{"joint_positions": [[1, 2, 3]]}]}]}, "frame 0, body 0: 1 joint_positions"),
        ({"frames": [{"frame_id": 2, "bodies": []}, {"frame_id": 2, "bodies": []}]}, "a number of a frame twice"),
        ({"frames": [{"bodies": []}]}, "no body in any of 1 frames"),
    ],
)
def test_what_is_not_azure_kinects_is_refused(document, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("azure_json", document)


def test_ntus_dictionaries_are_read_without_running_anything():
    one, other = np.full((4, 25, 3), 0.5), np.zeros((4, 25, 3))
    other[2] = 1.5
    data = npy({"file_name": "S001", "nbodys": [1, 1, 2, 1], "skel_body0": one, "skel_body1": other})
    clip = clip_of("ntu_npy", data)
    assert (clip.frames, clip.ids.tolist(), clip.lengths.tolist()) == (4, [0, 1], [4, 1])
    assert clip.joints_PVC[4, 0].tolist() == [1.5, 1.5, 1.5]
    assert form_of(data) == "ntu_npy"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hello", "not a .npy file"),
        (npy({"skel_body0": 3}), "skel_body0 is not an array"),
        (npy([1, 2]), "no dictionary with skel_body0"),
        (npy({"skel_body0": np.ones((2, 25, 3)), "skel_body1": np.ones((2, 20, 3))}), "different numbers of joints"),
        (npy({}), "no body in any of 0 frames"),
        (npy({"a": print}), "print"),
    ],
)
def test_what_is_no_dictionary_of_bodies_is_refused(data, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("ntu_npy", data)


PENN = {"x": np.full((4, 13), 48.0), "y": np.full((4, 13), 27.0), "visibility": np.ones((4, 13), np.uint8)}
PENN |= {"dimensions": [[270.0, 480.0, 4.0]], "action": "squat"}


def test_penn_actions_hidden_joints_were_not_measured():
    hidden = PENN["visibility"].copy()
    hidden[1, 12] = 0
    clip = clip_of("penn_mat", mat(**{**PENN, "visibility": hidden}))
    assert clip.joints_PVC[0, 0].tolist() == pytest.approx([0.1, 0.1])
    assert clip.scores_PV[:, 12].tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("form", "arrays", "reason"),
    [
        ("penn_mat", {**PENN, "x": np.ones((3, 13))}, "x of shape"),
        ("penn_mat", {**PENN, "dimensions": [[1.0]]}, "and 3 dimensions"),
        ("penn_mat", {"x": PENN["x"]}, "no array y of numbers"),
        ("jhmdb_mat", {"pos_img": np.ones((2, 14, 3))}, "pos_img of shape"),
        ("jhmdb_mat", {"pos_img": "a"}, "no array pos_img of numbers"),
    ],
)
def test_what_is_no_clip_of_penn_or_jhmdb_is_refused(form, arrays, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of(form, mat(**arrays))


def test_penn_actions_files_say_their_class_or_are_refused():
    assert penn_action(mat(**PENN)) == "squat"
    for wrong in (mat(x=PENN["x"]), mat(action=3.0)):
        with pytest.raises(RefusedError, match="no text 'action'"):
            penn_action(wrong)


@pytest.mark.parametrize("compressed", [True, False])
def test_a_part_that_claims_more_bytes_than_there_are_is_refused_before_there_is_room_for_it(compressed):
    file = io.BytesIO()
    savemat(file, PENN, do_compression=compressed)
    data = bytearray(file.getvalue())
    if compressed:
        data[140:150] = bytes(10)
    else:
        at = data.index((416).to_bytes(4, "little"))  # of 4 x 13 numbers
        data[at : at + 4] = (2**30).to_bytes(4, "little")
    with pytest.raises(RefusedError, match=r"not a MATLAB 5 file: a (damaged variable|part of 1073741824 bytes)"):
        clip_of("penn_mat", bytes(data))


@pytest.mark.parametrize("joints", [19, 25])
def test_nw_uclas_clips_of_other_joints_are_refused(joints):
    with pytest.raises(RefusedError, match=f"{joints} joints, and layout kinect20 has 20"):
        clip_of("ucla_json", {"file_name": "a01", "skeletons": [[[0.1, 0.2, 3.0]] * joints] * 5})


@pytest.mark.parametrize("skeletons", [[], [[[0.1, 0.2, 3.0]] * 20, [[0.1, 0.2, 3.0]] * 19], [[["a", 0, 0]] * 20]])
def test_nw_uclas_frames_that_are_none_or_unlike_each_other_are_refused(skeletons):
    with pytest.raises(RefusedError, match="'skeletons'"):
        clip_of("ucla_json", {"file_name": "a01", "skeletons": skeletons})


def test_nw_uclas_joints_that_are_nan_or_null_were_not_measured_and_numbers_may_be_texts():
    lost = [[[None, None, None]] + [["0.1", 0.2, 3]] * 19, [[float("nan")] * 3] + [[0.1, 0.2, 3]] * 19]
    clip = clip_of("ucla_json", {"file_name": "a01", "skeletons": lost})
    assert np.isnan(clip.joints_PVC[:, 0]).all()
    assert clip.joints_PVC[0, 1].tolist() == pytest.approx([0.1, 0.2, 3])


@pytest.mark.parametrize(
    ("form", "name", "shape"), [("utd_mat", "d_skel", (20, 3, 1)), ("jhmdb_mat", "pos_img", (2, 15, 1))]
)
def test_a_clip_of_one_frame_has_no_third_axis_in_matlab(form, name, shape):
    array = np.random.default_rng(0).uniform(1, 9, shape)
    whole, cut = (clip_of(form, mat(**{name: own}), image_size=(9, 9)) for own in (array, array[..., 0]))
    assert np.array_equal(whole.joints_PVC, cut.joints_PVC)
    assert cut.frames == 1


@pytest.mark.parametrize(
    ("form", "arrays", "reason"),
    [
        ("utd_mat", {"d_skel": np.ones((3, 20, 7))}, "d_skel of shape"),
        ("utd_mat", {"d_skel": np.ones((25, 3, 7))}, "25 joints, and layout utd20 has 20"),
        ("utd_mat", {"d_skel": np.array(["a"])}, "no array d_skel of numbers"),
        ("utd_mat", {"d_skel": np.zeros((20, 3, 0))}, "no body in any of 0 frames"),
        ("jhmdb_mat", {"pos_img": np.ones((15, 2, 7))}, "pos_img of shape"),
        ("jhmdb_mat", {"pos_img": np.ones((2, 13, 7))}, "pos_img of shape"),
        ("jhmdb_mat", {"pos_world": np.ones((2, 15, 7))}, "no array pos_img"),
    ],
)
def test_arrays_of_another_shape_are_refused(form, arrays, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of(form, mat(**arrays))


def test_j_hmdbs_joints_beyond_the_image_are_kept_and_nan_was_not_seen():
    array = np.full((2, 15, 3), 120.0)
    array[0, 4, 1], array[:, 7, 2] = -30.0, np.nan
    clip = clip_of("jhmdb_mat", mat(pos_img=array, pos_world=array, scale=np.ones(3)), image_size=(240, 240))
    assert clip.joints_PVC[1, 4].tolist() == [-0.125, 0.5]
    assert (clip.scores_PV[2, 7], clip.scores_PV[1, 4]) == (0, 1)
