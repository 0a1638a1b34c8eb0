"""NW-UCLA, UTD-MHAD, Azure Kinect and NTU's dictionaries: values, bodies, and what each refuses."""

import io

import numpy as np
import pytest
from scipy.io import savemat

from dastm.contract.errors import RefusedError
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


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "'frames': expected a list"),
        ({"frames": [{"bodies": 3}]}, "frame 0: 'bodies': expected a list"),
        ({"frames": [{"bodies": [{"joint_positions": [[1, 2, 3]]}]}]}, "frame 0, body 0: 1 joint_positions"),
        ({"frames": [{"frame_id": 2, "bodies": []}, {"frame_id": 1, "bodies": []}]}, "do not ascend"),
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
