"""Archives of arrays: poses for VideoPose3D, and the refusal of AMASS."""

import io

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def custom(*clips, size=True, n_joints=17):
    video = {"a.mp4": {"custom": [np.full((n, n_joints, 2), 96.0 + n, np.float32) for n in clips]}}
    meta = (
        {"layout_name": "coco", "video_metadata": {"a.mp4": {"w": 960, "h": 544}}} if size else {"layout_name": "coco"}
    )
    return npz(positions_2d=np.array(video, object), metadata=np.array(meta, object))


def test_a_video_of_videopose3d_has_pixels_and_a_size():
    clip = clip_of("videopose_npz", custom(4))
    assert (clip.frames, clip.joints_PVC[0, 0].tolist()) == (4, pytest.approx([100 / 960, 100 / 544]))
    assert poses_of("videopose_npz", custom(4)).layout.name == "coco17"
    assert poses_of("videopose_npz", custom(4, size=False)).size is None
    assert form_of(custom(4)) == "videopose_npz"


def test_a_reconstruction_has_bodies_first_and_the_order_of_human36m():
    clip = clip_of(
        "videopose_npz", npz(reconstruction=np.full((1, 5, 17, 2), 300.0, np.float32)), image_size=(600, 600)
    )
    assert (clip.frames, clip.joints_PVC[0, 0].tolist()) == (5, [0.5, 0.5])
    poses = poses_of("videopose_npz", npz(reconstruction=np.ones((2, 3, 17, 2))))
    assert (poses.layout.name, poses.frame_P.tolist()) == ("h36m17_2d", [0, 0, 1, 1, 2, 2])
    assert poses_of("videopose_npz", npz(reconstruction=np.ones((1, 3, 17, 3)))).layout.name == "h36m17"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK\x03\x04", "not a whole archive"),
        (npz(other=np.ones(3)), "neither positions_2d nor reconstruction"),
        (npz(reconstruction=np.ones(3)), r"'reconstruction' of shape \(3,\)"),
        (npz(positions_2d=np.ones(3)), "no pickled dictionary"),
        (custom(3, 4), r"2 clips in one file \(a.mp4 custom 0, a.mp4 custom 1\)"),
        (npz(positions_2d=np.array({"a": {"b": [3]}}, object)), "not frames x joints x 2"),
        (npz(positions_2d=np.array(3, object)), "0 clips in one file"),
        (npz(positions_2d=np.array({"a": [[[[[[[[[[1]]]]]]]]]]}, object)), "nested too deeply"),
    ],
)
def test_what_is_no_archive_of_poses_is_refused(data, reason):
    with pytest.raises(RefusedError, match=reason):
        clip_of("videopose_npz", data)


def test_an_archive_that_swells_is_not_unpacked(monkeypatch):
    monkeypatch.setattr("pipeline.parse.tools.archives.MAX_BYTES", 10)
    with pytest.raises(RefusedError, match="an archive of more than 10 bytes"):
        clip_of("videopose_npz", custom(3))


@pytest.mark.parametrize(
    "arrays",
    [
        {"poses": np.ones((3, 156)), "trans": np.ones((3, 3))},
        {
            "trans": np.ones((3, 3)),
            "gender": "female",
            "mocap_framerate": 120.0,
            "betas": np.ones(16),
            "poses": np.ones(1),
        },
        {"pose": np.ones((4, 72)), "shape": np.ones((4, 10))},
        {"poses": np.ones((3, 165)), "surface_model_type": "smplx", "root_orient": np.ones((3, 3))},
        {"pose": np.ones((4, 72)), "betas": np.ones(10)},
        {"root_orient": np.ones((3, 3)), "pose_body": np.ones((3, 63)), "mocap_frame_rate": 120.0},
        {"global_orient": np.ones((3, 3)), "body_pose": np.ones((3, 69))},
        {"poses": np.ones((0, 156)), "markers": np.ones((0, 53, 3)), "labels": np.array(["A"])},
    ],
    ids=[
        "SMPL-H",
        "with gender and rate",
        "MoSh",
        "SMPL-X",
        "without trans",
        "parts",
        "smplx's names",
        "markers and no frame",
    ],
)
def test_amass_is_refused_with_what_makes_joints_of_it(arrays):
    data = npz(**arrays)
    assert form_of(data) == "amass_npz"
    with pytest.raises(RefusedError, match=r"smplx .*layout smpl24"):
        clip_of("amass_npz", data)
