"""DeepLabCut's and SLEAP's HDF5, written by hand with h5py; each oddity is one that their users' files have."""

import io
import json
import pickle
import sys

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from tests.pipeline.parse.tools.tool_files import clip_of, form_of, poses_of

h5py = pytest.importorskip("h5py")
PARTS = [(part, coordinate) for part in ("snout", "tail") for coordinate in ("x", "y", "likelihood")]


def file_of(write):
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        write(file)
    return held.getvalue()


def deeplabcut(values, index=None, columns=None, name="df_with_missing", protocol=0, **more):
    """A table as pandas keeps it."""
    columns = columns if columns is not None else [("DLC", part, coordinate) for part, coordinate in PARTS]
    index = index if index is not None else list(range(len(values)))

    def write(file):
        group = file.create_group(name)
        group.attrs["non_index_axes"] = np.bytes_(pickle.dumps([(1, columns)], protocol))
        kind = "i8" if isinstance(index[0], int) else "S40"
        table = np.zeros(len(values), [("index", kind), ("values_block_0", "f8", (len(values[0]),)), *more.items()])
        table["index"], table["values_block_0"] = index, values
        group.create_dataset("table", data=table)
        group.create_group("_i_table")

    return {"a.h5": file_of(write)}


def sleap(tracks, dims=None, scores=None, names=(b"head", b"tail")):
    def write(file):
        file["tracks"], file["node_names"] = tracks, np.array(names)
        file["track_occupancy"] = [1]
        if scores is not None:
            file["point_scores"] = scores
        if dims is not None:
            file["tracks"].attrs["dims"] = json.dumps(dims)

    return {"a.h5": file_of(write)}


ROWS = [[10.0, 20, 0.9, 30, 40, 0.8], [11, 21, 0.9, np.nan, np.nan, np.nan], [12, 22, 0.9, 32, 42, 0.1]]


def test_a_table_of_deeplabcut_is_read_as_its_csv_is():
    files = deeplabcut(ROWS)
    assert form_of(files) == "deeplabcut_h5"
    clip = clip_of("deeplabcut_h5", files, image_size=(100, 100))
    lines = ["scorer" + ",DLC" * 6, "bodyparts," + ",".join(part for part, _ in PARTS)]
    lines += [
        "coords," + ",".join(c for _, c in PARTS),
        *(f"{t}," + ",".join(map(str, row)) for t, row in enumerate(ROWS)),
    ]
    same = clip_of("deeplabcut_csv", "\n".join(lines).replace("nan", ""), image_size=(100, 100))
    assert (clip.frames, clip.notes) == (same.frames, same.notes) == (3, ("nan_as_missing",))
    assert np.array_equal(clip.joints_PVC, same.joints_PVC)
    assert np.array_equal(clip.scores_PV, same.scores_PV)


def test_pictures_say_the_number_of_a_frame():
    paths = [b"labeled-data/m4s1/img0003.png", b"labeled-data/m4s1/img0005.png", b"labeled-data/m4s1/img0006.png"]
    assert clip_of("deeplabcut_h5", deeplabcut(ROWS, paths)).frame_index.tolist() == [0, 2, 3]


def test_individuals_are_bodies_and_single_is_none_of_them():
    columns = [("DLC", one, "snout", c) for one in ("mus1", "mus2", "single") for c in ("x", "y")]
    poses = poses_of("deeplabcut_h5", deeplabcut([[1.0, 2, 3, 4, 5, 6]], columns=columns))
    assert poses.id_P.tolist() == [0, 1]
    assert poses.notes == ("parts_of_no_individual_left_out",)


def test_tables_of_newer_pickles_and_of_other_names_are_the_same():
    clip = clip_of("deeplabcut_h5", deeplabcut(ROWS, name="keypoints", protocol=4))
    assert clip.frames == 3


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (deeplabcut(ROWS, columns=[("snout", "x")] * 6), "no names of scorer, bodyparts and coords"),
        (deeplabcut(ROWS, columns=[("DLC", "snout", "x")]), "6 columns, and names of 1"),
        (deeplabcut(ROWS, values_block_1=("f8")), "of other numbers than DeepLabCut's"),
        ({"a.h5": file_of(lambda file: file.create_group("a"))}, "0 tables of pandas"),
        ({"a.h5": b"\x89HDF\r\n\x1a\n damaged"}, "not a whole HDF5 file"),
    ],
)
def test_what_is_no_table_of_deeplabcut_is_refused(files, why):
    with pytest.raises(RefusedError, match=why):
        poses_of("deeplabcut_h5", files)


TRACKS = np.arange(2 * 2 * 2 * 3, dtype=np.float64).reshape(2, 2, 2, 3) + 1
"""Track, xy, node, frame."""


def test_the_order_of_sleaps_axes_is_what_its_dims_say():
    plain = clip_of("sleap_h5", sleap(TRACKS), image_size=(100, 100))
    assert form_of(sleap(TRACKS)) == "sleap_h5"
    assert (plain.frames, plain.ids.tolist()) == (3, [0, 1])
    assert plain.joints_PVC[0].tolist() == pytest.approx(np.array([[1, 7], [4, 10]]) / 100)
    dims = ["frame", "track", "node", "xy"]
    turned = clip_of("sleap_h5", sleap(TRACKS.transpose(3, 0, 2, 1), dims), image_size=(100, 100))
    assert np.array_equal(turned.joints_PVC, plain.joints_PVC)


def test_labels_without_a_score_are_sure_and_empty_tracks_are_nobody():
    scores = np.array([[[0.5, np.nan, 0.5]] * 2, [[np.nan] * 3] * 2])
    tracks = TRACKS.copy()
    tracks[1, ..., 1:] = np.nan
    poses = poses_of("sleap_h5", sleap(tracks, scores=scores))
    assert poses.scores_PV[:, 0].tolist() == [0.5, 1.0, 1.0, 0.5]
    assert poses.frame_P.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (sleap(TRACKS, dims=["frame", "track", "node", "z"]), "dims other than"),
        (sleap(TRACKS, dims={"a": 1}), "dims other than"),
        (sleap(TRACKS, names=[b"head"]), "2 joints, and 1 node_names"),
        (sleap(TRACKS, scores=np.zeros((1, 2, 3))), "point_scores of shape"),
        (sleap(TRACKS[0]), "expected the axes"),
        (sleap(np.full_like(TRACKS, np.nan)), "no body"),
        (sleap(TRACKS, names=np.array(["head", "tail"], h5py.string_dtype())), "items of any length"),
        ({"a.h5": file_of(lambda file: file.create_dataset("tracks", (2**40,), "f8", chunks=(1024,)))}, "more than a"),
        ({"a.h5": file_of(lambda file: file.create_group("tracks"))}, "no dataset 'tracks'"),
    ],
)
def test_what_is_no_analysis_of_sleap_is_refused(files, why):
    with pytest.raises(RefusedError, match=why):
        poses_of("sleap_h5", files)


def test_nothing_of_another_file_is_read(tmp_path):
    path = tmp_path / "other.h5"
    path.write_bytes(sleap(TRACKS)["a.h5"])
    raw = tmp_path / "raw.bin"
    raw.write_bytes(TRACKS.tobytes())

    def linked(file):
        file["tracks"] = h5py.ExternalLink(path, "/tracks")
        file["node_names"] = np.array([b"head", b"tail"])

    def stored(file):
        file.create_dataset("tracks", TRACKS.shape, "f8", external=[(str(raw), 0, TRACKS.nbytes)])
        file["node_names"] = np.array([b"head", b"tail"])

    for write, why in ((linked, "no dataset 'tracks'"), (stored, "lies in another file")):
        with pytest.raises(RefusedError, match=why):
            poses_of("sleap_h5", {"a.h5": file_of(write)})


def test_hdf5_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(RefusedError, match="pip install h5py"):
        clip_of("sleap_h5", {"a.h5": b"x"})
