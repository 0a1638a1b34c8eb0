"""The data sets of others by name: a file as their authors write it is a clip of the right class, joint for joint."""

import io
import json

import numpy as np
import pytest
from scipy.io import savemat

from pipeline.definitions.definition import load_definition
from pipeline.doctor.census import expected_clips
from pipeline.parse.run import parse
from pipeline.storage.table import read_clips

FRAMES = np.random.default_rng(0).uniform(0.5, 2.0, (9, 21, 3)).astype(np.float32)


def joint_lines(n_joints, scale, last=""):
    return "".join(f"{x} {y} {z}{last}\n" for x, y, z in (FRAMES[:, :n_joints] * scale).reshape(-1, 3))


def mat(**arrays):
    """As MATLAB writes them, compressed."""
    file = io.BytesIO()
    savemat(file, arrays, do_compression=True)
    return file.getvalue()


def lines(n_joints, scale, before=lambda t: ()):
    rows = ((*before(t), *(frame[:n_joints] * scale).ravel()) for t, frame in enumerate(FRAMES))
    return "".join(f" {'  '.join(map(str, row))}\n" for row in rows)


X_TV, Y_TV, _ = FRAMES[:, :13].transpose(2, 0, 1) * 100
PENN = {"x": X_TV, "y": Y_TV, "visibility": np.ones((9, 13), np.uint8), "dimensions": [[270.0, 480.0, 9.0]]}


FILES = {
    "kard": ("kard/a18_s10_e03_realworld.txt", joint_lines(15, 1000)),
    "msr-action3d": ("a20_s07_e02_skeleton3D.txt", joint_lines(20, 1, " 0.0")),
    "utd-mhad": ("Skeleton/a27_s8_t3_skeleton.mat", mat(d_skel=FRAMES[:, :20].transpose(1, 2, 0).astype(np.float64))),
    "nw-ucla": ("all_sqe/a12_s09_e04_v03.json", json.dumps({"file_name": "a12", "skeletons": FRAMES[:, :20].tolist()})),
    "penn-action": ("Penn_Action/labels/0042.mat", mat(**PENN, action="strum_guitar", train=1)),
    "jhmdb": (
        "joint_positions/wave/A_b(c)@d_wave_u_nm_np1_fr_goo_0/joint_positions.mat",
        mat(pos_img=FRAMES[:, :15, :2].transpose(2, 1, 0) * 100, scale=np.ones((1, 9))),
    ),
    "florence3d": ("Florence_dataset_WorldCoordinates.txt", lines(15, 1000, lambda t: (215, 10, 9))),
    "fpha": (
        "Hand_pose_annotation_v1/Subject_6/write/3/skeleton.txt",
        "".join(f"{t:04d} {' '.join(map(str, (frame * 1000).ravel()))}\n" for t, frame in enumerate(FRAMES)),
    ),
}
CLIPS = {
    "penn-action": ("0042", 12, "strum_guitar", None, None, None),
    "jhmdb": ("A_b(c)@d_wave_u_nm_np1_fr_goo_0", 20, "wave", None, None, None),
    "florence3d": ("v215", 8, "bow", 10, None, None),
    "kard": ("a18_s10_e03", 17, "stand up", 10, None, 3),
    "msr-action3d": ("a20_s07_e02", 19, "pick up and throw", 7, None, 2),
    "utd-mhad": ("a27_s8_t3", 26, "squat", 8, None, 3),
    "nw-ucla": ("a12_s09_e04_v03", 9, "carry", 9, 3, 4),
    "fpha": ("Subject_6_write_3", 44, "write", 6, None, 3),
}
TURNED = {"kard": (-1, 1, 1), "fpha": (1, -1, -1)}
"""OpenNI's x runs the other way round; in FPHA's camera y points down."""
IN_IMAGE = {"penn-action": (4.8, 2.7), "jhmdb": (3.2, 2.4)}
"""Width and height in hundreds of pixels."""


@pytest.mark.parametrize("name", FILES)
def test_a_file_as_its_authors_write_it_is_a_clip_of_its_class(tmp_path, name):
    path, content = FILES[name]
    file = tmp_path / "raw" / path
    file.parent.mkdir(parents=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    definition = load_definition(name)
    parse(definition, [tmp_path / "raw"], tmp_path / "parsed")
    (clip,) = read_clips(tmp_path / "parsed")
    assert (clip.key, clip.class_id, clip.class_name, clip.subject, clip.camera, clip.replication) == CLIPS[name]
    expected = FRAMES[:, : definition.parse.layout.n_joints] * TURNED.get(name, (1, 1, 1))
    expected = expected[..., :2] / IN_IMAGE[name] if name in IN_IMAGE else expected
    assert np.allclose(clip.tracks.joints_PVC, expected, atol=1e-6)


COUNTED = ("kard", "msr-action3d", "utd-mhad", "ntu60", "utkinect", "penn-action")


def test_what_is_recorded_adds_up_to_what_their_authors_say():
    counts = {name: expected_clips(load_definition(name)) for name in COUNTED}
    assert {name: (len(clips), sum(clips.values())) for name, clips in counts.items()} == {
        "kard": (18, 540),
        "msr-action3d": (20, 566),
        "utd-mhad": (27, 861),
        "ntu60": (60, 56880 - 302),
        "utkinect": (10, 199),
        "penn-action": (15, 2326),
    }
