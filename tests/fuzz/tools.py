"""Readers of other people's tools: every form of `pipeline.parse.tools`, and what recognises them."""

import io
import json
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import c3d
import numpy as np
from hypothesis import strategies as st
from scipy.io import savemat

from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools import TOOLS
from pipeline.parse.tools.poses import NamedBytes, tracks_of
from pipeline.parse.tools.recognise import recognise
from pipeline.parse.tools.tables import lines_of, text_of
from pipeline.parse.tools.takes import SETS
from tests.fuzz.reader import Reader

PIECES = (
    *(b"null", b"true", b"NaN", b"1e999", b"[]", b"{}", b'"x":', b"[" * 3000, b'"a"', b"-1", b"9" * 400, b"0.5", b","),
    *(b"nan", b"Infinity", b"1_0", b"\t", b'"', b"\r\n", b"x,y,z", b"99999999999", b"\xff", b'"frame": 99999999,'),
)
JOINTS = [{"x": 0.1 + v / 50, "y": 0.5, "z": 0.1, "visibility": 0.9} for v in range(33)]
FLAT = [n for v in range(17) for n in (100.0 + v, 50.0 + v, 0.9)]
INSTANCE = {"keypoints": [[100.0 + v, 50.0] for v in range(17)], "keypoint_scores": [0.9] * 17}
MVNX = (
    '<?xml version="1.0"?>\n<mvnx><subject frameRate="60"><segments><segment label="Pelvis"/><segment label="L5"/>'
    '</segments><frames><frame type="tpose"><position>0 0 1 0 0 2</position></frame>\n<frame index="0" type="normal">'
    "<position>0.1 0 1 0 0 2</position></frame>\n<frame><position>0.2 0 1 0 0 2</position></frame></frames>"
    "</subject></mvnx>"
)
BVH = (
    "HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\n"
    "JOINT Leg\n{\nOFFSET 1 0 0\nCHANNELS 3 Zrotation Xrotation Yrotation\nEnd Site\n{\nOFFSET 0 -1 0\n}\n}\n}\n"
    "MOTION\nFrames: 2\nFrame Time: 0.04\n0 1 0 0 0 0 0 0 0\n0 1 0 90 0 0 90 0 0\n"
)
TRC = (
    "PathFileType\t4\t(X/Y/Z)\ta.trc\nDataRate\tUnits\n60.00\tmm\nFrame#\tTime\tA\t\t\tB\t\t\n\t\tX1\tY1\tZ1\n\n"
    "3\t0.1\t1\t2\t3\t4\t5\t6\n5\t0.2\t1\t2\t3\tnan\t\t\n"
)


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _mat(**arrays: Any) -> bytes:
    file = io.BytesIO()
    savemat(file, arrays)
    return file.getvalue()


MOTIVE = (
    "Format Version,1.23,Export Frame Rate,120.0,Length Units,Meters,Coordinate Space,Global\n\n"
    ",Type,Bone,Bone,Bone,Bone,Bone,Bone\n,Name,A:Hip,A:Hip,A:Hip,A:Ab,A:Ab,A:Ab\n,ID,1,1,1,2,2,2\n"
    ",,Position,Position,Position,Position,Position,Position\nFrame,Time (Seconds),X,Y,Z,X,Y,Z\n"
    "0,0.0,1,2,3,4,5,6\n1,0.1,1,2,3,,,\n"
)
VICON = (
    "Trajectories\n100\n,,A:B,,,A:C,,\nFrame,Sub Frame,X,Y,Z,X,Y,Z\n,,mm,mm,mm,mm,mm,mm\n"
    "1,0,1,2,3,4,5,6\n2,0,1,2,3,,,\n"
)
PENN = {"x": np.ones((4, 13)), "y": np.ones((4, 13)), "visibility": np.ones((4, 13)), "dimensions": np.ones(3)}


def _lines(numbers: list[Any], mark: str = " ", times: int = 2) -> str:
    return "".join(mark.join(map(str, numbers)) + "\n" for _ in range(times))


def _hdf5(write: Callable[[Any], None]) -> bytes:
    import h5py

    held = io.BytesIO()
    with h5py.File(held, "w", libver="earliest") as file:
        write(file)
    return held.getvalue()


def deeplabcut_h5() -> bytes:
    """A table as pandas keeps it: three frames of two parts."""

    def write(file: Any) -> None:
        group = file.create_group("df_with_missing")
        columns = [("DLC", part, coordinate) for part in ("a", "b") for coordinate in ("x", "y", "likelihood")]
        group.attrs["non_index_axes"] = np.bytes_(pickle.dumps([(1, columns)], 0))
        group["table"] = np.array(
            [(t, [t + 1.0] * 6) for t in range(3)], [("index", "i8"), ("values_block_0", "f8", 6)]
        )

    return _hdf5(write)


def sleap_h5() -> bytes:
    """Two tracks of two joints in three frames."""

    def write(file: Any) -> None:
        file["tracks"], file["point_scores"] = np.arange(24.0).reshape(2, 2, 2, 3), np.full((2, 2, 3), 0.5)
        file["node_names"], file["track_occupancy"] = np.array(["head", "tail"], "S4"), np.ones((3, 2), np.uint8)

    return _hdf5(write)


def c3d_file() -> bytes:
    """Three frames of two points."""
    held = io.BytesIO()
    writer = c3d.Writer(point_rate=60.0)
    writer.set_point_labels(["a", "b"])
    writer.add_frames([(np.full((2, 5), t + 1.0, np.float32), np.zeros((0, 0))) for t in range(3)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there are no analog data
        writer.write(held)
    return held.getvalue()


VIDEO = np.array({"a.mp4": {"custom": [np.full((3, 17, 2), 99.0)]}}, object)
SEEDS: dict[str, list[Any]] = {
    "openpose_json": [{"people": [{"person_id": [-1], "pose_keypoints_2d": FLAT[:3] * 25}]}],
    "openpose_video": [
        [{"people": [{"pose_keypoints_2d": FLAT[:3] * 18}], "canvas_width": 9, "canvas_height": 9}],
        {"1.jpg": {"bodies": [{"joints": FLAT[:3] * 18}]}},
    ],
    "landmark_json": [
        [JOINTS, JOINTS],
        {"frames": [{"frame": 1, "landmarks": JOINTS}]},
        [{"nose": JOINTS[0]}],
        [{"time": 0.1, "joints": [{"id": 1 - v, "Position": {"X": 0.5, "Y": 0.5}} for v in range(2)]}],
        [{"x": [0.1, 0.2], "y": [0.3, 0.4], "visibility": [0.5, 0.6]}],
        [[0.5] * 99],
        [[[0.1, 0.2, 0.3]] * 33],
    ],
    "landmark_images": [{"pose_landmarks": JOINTS}, {"left_hand": JOINTS[:21], "right_hand": None}],
    "landmark_csv": [
        "frame," + ",".join(f"L{v}_{c}" for v in range(4) for c in "xyz") + "\n" + _lines([1, *[0.5] * 12], ",", 1),
        "Landmark,X,Y\n" + "".join(f"Landmark_{v},0.5,0.5\n" for _ in range(2) for v in range(4)),
        "time,hand,jointType,x,y\n" + "".join(f"0.{t},{h},{v},0.5,0.5\n" for t in (1, 2) for h in "lr" for v in (0, 1)),
        "time;x11;y11;x13;y13\n0:01,5;0,5;None;0,5;0,5\n0:01,6;0,5;0,5;0,5;0,5\n",
    ],
    "landmark_arrays": [_npy(np.full(34, 0.5)), _npy(np.full((21, 3), 0.5))],
    "landmark_stack": [_npy(np.full((3, 34), 0.5)), _npy(np.full((2, 553, 3), 0.5))],
    "mmpose_json": [{"meta_info": {}, "instance_info": [{"frame_id": 1, "instances": [INSTANCE]}]}],
    "mmpose_images": [[INSTANCE], {"instance_info": [INSTANCE]}, {"predictions": [[INSTANCE]]}],
    "alphapose_json": [
        [{"image_id": "1.jpg", "keypoints": FLAT, "idx": [[0.0]]}],
        {"1.jpg": [{"keypoints": FLAT}]},
        {"1": {"01": {"keypoints": FLAT}}},
    ],
    "coco_keypoints": [
        [{"image_id": 3, "keypoints": FLAT, "score": 0.5}],
        {"images": [{"id": 1, "width": 9, "height": 9}], "annotations": [{"image_id": 1, "keypoints": [1, 2, 2]}]},
        {"annotations": [{"image_id": 1, "keypoints": [1, 2, 2], "attributes": {"track_id": 3}}]},
    ],
    "yolo_txt": [_lines([0, 0.5, 0.5, 0.2, 0.2, *[0.5] * 51])],
    "yolo_json": [[{"class": 0, "box": {}, "keypoints": {"x": [1.0] * 17, "y": [2.0] * 17, "visible": [0.5] * 17}}]],
    "deeplabcut_csv": [
        "scorer,a,a,a\nbodyparts,s,s,s\ncoords,x,y,likelihood\n0,1,2,0.5\n2,1,2,\n",
        "scorer,a,a,a,a\nindividuals,i,i,j,j\nbodyparts,s,s,s,s\ncoords,x,y,x,y\nimg1.png,1,2,3,4\nimg2.png,,,,\n",
    ],
    "sleap_csv": ["track,frame_idx,instance.score,A.x,A.y,A.score\na,0,1,1,2,0.5\n,1,,1,2,\n"],
    "deeplabcut_h5": [deeplabcut_h5()],
    "sleap_h5": [sleap_h5()],
    "bvh": [BVH, BVH.replace("0.04", "0,04").replace("HIERARCHY", "Hierarchy")],
    "mvnx": [MVNX],
    "trc": [TRC, TRC.replace("\t", " ").replace("A   B  ", "A B")],
    "named_csv": [
        "frame,nose_x,nose_y,nose_z,hip_x,hip_y,hip_z\n1,0,1.7,0,0,0.9,0\n2,0,1.7,0,0,,0\n",
        "a,b,j_a,j_a,j_a,j_b,j_b,j_b\ns,seq,x,y,z,x,y,z\n\n1,2,3,4,5,6,7,8\n",
        "sec,nsec,body,h_position_x,h_position_y,h_rotation_x,h_rotation_y\n1,5,2,0.5,0.5,9,9\n1,9,2,0.5,0.5,9,9\n",
        "SpineBase;;;HandLeft;;;\nX;Y;Z;X;Y;Z;\n0,5;1,5;2,5;0,5;1,5;2,5;\n\n",
    ],
    "number_lines": [
        _lines([0.1 + i / 99 for i in range(75)]),
        _lines([7, *[0.5] * 90], ","),
        _lines([1, *[9.5] * 170]),
        "# remark\n" + _lines(["0,5"] * 75, ";"),
    ],
    "joint_lines": [_lines([0.5, 0.2, 2.5], times=30)],
    "azure_json": [
        [{"frame_id": 0, "timestamp_usec": 9, "num_bodies": 0}, {"bodies": [{"joint_positions": [[1, 2, 3]] * 32}]}],
        {"frames": [{"frame_id": 1, "bodies": [{"body_id": 1, "joint_positions": [[1, 2, 3]] * 32}]}]},
    ],
    "ucla_json": [{"file_name": "a", "skeletons": [[[0.1, 0.2, 3.0]] * 20] * 2}],
    "utd_mat": [_mat(d_skel=np.full((20, 3, 4), 0.5))],
    "penn_mat": [_mat(**PENN)],
    "jhmdb_mat": [_mat(pos_img=np.ones((2, 15, 4)))],
    "c3d": [c3d_file()],
    "motive_csv": [MOTIVE],
    "vicon_csv": [VICON],
    "ntu_npy": [_npy(np.array({"skel_body0": np.full((3, 25, 3), 0.5)}, object))],
    "videopose_npz": [_npz(positions_2d=VIDEO), _npz(reconstruction=np.ones((1, 3, 17, 2)))],
}
LAYOUTS: dict[str, str] = {"joint_lines": "kard15"}
LEAST_READ = {
    **dict.fromkeys(("utd_mat", "penn_mat", "jhmdb_mat", "videopose_npz", "ntu_npy", "bvh"), 2),
    "openpose_json": 5,
}


def _bytes(document: Any) -> list[bytes]:
    if isinstance(document, bytes):
        return [document]
    if isinstance(document, str):
        return [document.encode(), document.replace("\n", "\r\n").encode()]
    return [json.dumps(document, **form).encode() for form in ({}, {"indent": 1})]


def _reading(form: str) -> Callable[[bytes], object]:
    layout: Layout | None = KNOWN_LAYOUTS[LAYOUTS[form]] if form in LAYOUTS else None

    def read(data: bytes) -> object:
        recognise("clip", data[: 2**16])
        poses = TOOLS[form].read([NamedBytes("clip_1.json", data)], SourceSpec(), layout)
        return tracks_of(poses, layout or poses.layout, SourceSpec(), zero_is_missing=poses.layout.is_image)

    return read


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                ["x", "y", "z", "keypoints", "frames", "people", "instances", "frame_id", "image_id", "nose"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())

TOOL_READERS: dict[str, Reader] = {
    f"tool {form}": Reader(
        read=_reading(form),
        seeds=[data for seed in seeds for data in _bytes(seed)],
        pieces=PIECES,
        allowance=64_000_000,
        least_read=LEAST_READ.get(form, 10),
        least_refused=10,
        documents=documents | st.binary(max_size=200),
    )
    for form, seeds in SEEDS.items()
}


def _take(name: str, first: int, last: int) -> Callable[[bytes], object]:
    """The action from one line (or frame) to another of a take of one of the sets."""

    def read(data: bytes) -> object:
        poses = SETS[name].poses(lines_of(text_of(data)), first, last)
        return tracks_of(poses, poses.layout, SourceSpec())

    return read


TAKE_READERS: dict[str, Reader] = {
    f"take {name}": Reader(
        read=_take(name, first, last),
        seeds=[data for seed in seeds for data in _bytes(seed)],
        pieces=PIECES,
        allowance=64_000_000,
        least_read=5,
        least_refused=10,
        documents=st.binary(max_size=200),
    )
    for name, first, last, seeds in (
        ("pku_mmd", 1, 2, [_lines([0.5] * 150, times=3)]),
        ("utkinect", 10, 16, ["".join(_lines([t, *[0.5] * 60], times=1) for t in (8, 10, 12, 12, 16))]),
        ("florence3d", 1, 2, [_lines([1, 1, 1, *[0.5] * 45], times=2)]),
    )
}
