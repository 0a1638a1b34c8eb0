"""One item -> its recordings, and a refusal for each that cannot be read."""

import json
import pickle

import numpy as np
import pytest
import yaml

from dastm.contract.skeleton import COCO17, NTU25, OPENPOSE18
from pipeline.definitions.definition import load_definition
from pipeline.recordings.arrays import Terms
from pipeline.recordings.reading import Taken, take
from pipeline.recordings.walk import Refused
from tests.pipeline.array_files import write_arrays
from tests.pipeline.raw_files import SKELETON, TWO, TWO_2D, clip, write_json, write_ntu
from tests.recorded import person, save, wide_csv
from tests.shard_folder import make_shard_folder


def told(path, **terms):
    found = list(take([path], Terms(**terms)))
    taken = [one for one in found if isinstance(one, Taken)]
    return taken, [f"{one.source}: {one.why}" for one in found if isinstance(one, Refused)]


def test_ntu_files_are_read_whatever_they_are_called_and_without_a_class(tmp_path):
    write_ntu(tmp_path, {"mine.skeleton": SKELETON, "S001C001P001R001A007.skeleton": SKELETON, "b.skeleton": "3\n1\n"})
    taken, refused = told(tmp_path, layout=TWO)
    assert [(one.key, one.action, one.layout) for one in taken] == [
        ("S001C001P001R001A007", "A007", TWO),
        ("mine", None, TWO),
    ]
    assert [body.number for body in taken[0].bodies] in ([0, 1], [1, 0])
    assert len(refused) == 1
    assert refused[0].startswith(f"{tmp_path}/b.skeleton: line 2")


def test_kinetics_files_say_their_label_but_the_folder_counts(tmp_path):
    write_json(tmp_path / "a.json", clip())
    write_json(tmp_path / "wave" / "b.json", clip(label=None, label_index=None))
    write_json(tmp_path / "kinetics_val_label.json", {})
    taken, refused = told(tmp_path, layout=TWO_2D)
    assert [(one.key, one.action) for one in taken] == [("a", "abseiling"), ("wave/b", "wave")]
    assert refused == []
    taken, refused = told(tmp_path, layout=NTU25)  # such a file cannot have it
    assert taken == []
    assert OPENPOSE18.n_joints == 18
    assert len(refused) == 2


def test_pickles_of_pyskl_give_a_recording_an_annotation(tmp_path):
    pixels = person(layout=COCO17)[None] * np.array([640, 640, 1], np.float32)
    good = {
        "frame_dir": "v1",
        "label": 4,
        "img_shape": (480, 640),
        "keypoint": pixels[..., :2],
        "keypoint_score": pixels[..., 2],
    }
    spatial = {"frame_dir": "v2", "total_frames": 12, "keypoint": person()[None]}
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps([good, {"frame_dir": "bad"}, spatial], 4))
    taken, refused = told(path)
    assert [(one.source, one.key, one.action, one.layout) for one in taken] == [
        (f"{path}[0]", "v1", "class 4", COCO17),
        (f"{path}[2]", "v2", None, NTU25),
    ]
    np.testing.assert_allclose(taken[0].bodies[0].joints_TVC[..., :2], pixels[0, ..., :2])
    assert refused == [f"{path}[1]: no 'keypoint' array of bodies, frames, joints and coordinates"]
    path.write_bytes(b"no pickle")
    (line,) = told(path)[1]
    assert line.count(str(path)) == 1


def test_stacks_give_a_recording_a_row(tmp_path):
    write_arrays(tmp_path)
    taken, refused = told(tmp_path, layout=NTU25)
    assert len(taken) == 14
    assert refused == []
    assert taken[0].source.endswith("test_data.npy[0]")
    assert {one.action for one in taken} == {f"class {n}" for n in (0, 2, 3, 4, 5, 7, 9)}


def test_the_layout_of_stacks_is_the_only_one_that_fits(tmp_path):
    one = np.stack([person(), person(1)]).transpose(0, 3, 1, 2)[..., None]
    save(tmp_path / "a" / "x_data.npy", one)
    save(tmp_path / "a" / "x_label.npy", np.array([0, 1]))
    by_frame = np.stack([person(), person(1)]).reshape(2, 12, 75)
    for name, array in (("b", by_frame), ("c", by_frame[..., :60])):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "all.npz", x_test=array, y_test=np.eye(2))
    for name in "ab":
        taken, refused = told(tmp_path / name)
        assert [one.layout for one in taken] == [NTU25, NTU25]
        assert refused == []
        np.testing.assert_allclose(taken[1].bodies[0].joints_TVC, person(1))
    assert all("the joints are not known" in line for line in told(tmp_path / "c")[1])


def test_a_stack_without_labels_is_read(tmp_path):
    path = save(tmp_path / "x_data.npy", np.stack([person(), person(1)]).transpose(0, 3, 1, 2)[..., None])
    taken, refused = told(tmp_path)
    assert refused == []
    assert [(one.source, one.key, one.action) for one in taken] == [
        (f"{path}[0]", "x_data-000000", None),
        (f"{path}[1]", "x_data-000001", None),
    ]
    save(path, person())
    assert told(path)[1] == [
        f"{path}: an array of shape (12, 25, 3), expected (clips, coordinates, frames, joints, bodies)"
    ]


def test_csv_and_npy_files_are_one_recording_each(tmp_path):
    (tmp_path / "wave").mkdir()
    (tmp_path / "wave" / "a.csv").write_text(wide_csv(person(), [f"{t / 15:.4f}" for t in range(12)]))
    save(tmp_path / "wave" / "b.npy", person())
    save(tmp_path / "wave" / "c.npy", np.full((3, 25, 3), np.nan, np.float32))
    taken, refused = told(tmp_path, fps=30.0)
    assert [(one.key, one.action, round(one.fps or 0, 2)) for one in taken] == [
        ("wave/a", "wave", 15.0),
        ("wave/b", "wave", 30.0),
    ]
    assert refused == [f"{tmp_path}/wave/c.npy: no body in any of 3 frames"]


def define(folder, parse):
    path = folder / "mine.yaml"
    split = {"class_split": {"train": [0, 1], "val": [], "test": []}, "n_frames": 8}
    path.write_text(yaml.safe_dump({"parse": parse, "split": split}))
    return load_definition(path)


def test_a_definition_says_how_its_arrays_are_read_and_what_they_show(tmp_path):
    raw = tmp_path / "raw"
    turned = person()[:, :, [0, 2, 1]] * np.array([1, -1, 1], np.float32) * 1000  # z up, millimetres
    save(raw / "x" / "P01_1.npy", turned)
    save(raw / "x" / "odd.npy", turned)
    definition = define(
        tmp_path,
        {
            "format": "folder_arrays",
            "layout": "ntu25",
            "class_names": ["sit", "wave"],
            "source": {"up": "z", "unit_m": 0.001, "pattern": r"x/(?P<key>P(?P<subject>\d+)_(?P<class>\d))\.npy"},
        },
    )
    taken, refused = told(raw, definition=definition)
    assert refused == []
    assert [(one.action, one.notes) for one in taken] == [
        ("wave", ()),
        ("x", ("the path does not match parse.source.pattern",)),
    ]
    np.testing.assert_allclose(taken[0].bodies[0].joints_TVC, person(), rtol=1e-5)


def test_a_labels_file_is_no_recording_and_listed_clips_are_refused(tmp_path):
    raw = tmp_path / "raw"
    for name in ("a", "b", "c"):
        save(raw / f"{name}.npy", person())
    for folder in (raw, tmp_path):
        (folder / "labels.csv").write_text("key,class\na,wave\nb,0\n")
    (tmp_path / "lost.txt").write_text("b\n")
    definition = define(
        tmp_path,
        {
            "format": "folder_arrays",
            "layout": "ntu25",
            "class_names": ["sit", "wave"],
            "missing": "lost.txt",
            "source": {"labels": "labels.csv"},
        },
    )
    taken, refused = told(raw, definition=definition)
    assert [(one.key, one.action) for one in taken] == [("a", "wave"), ("c", None)]
    assert refused == [f"{raw}/b.npy: on the data set's list of missing skeletons"]


def test_a_definition_of_ntu_files_names_their_classes(tmp_path):
    name = "S001C001P001R001A002"
    write_ntu(tmp_path / "raw" / "walk", [f"{name}.skeleton", "S001C001P001R001A001.skeleton"])
    (tmp_path / "lost.txt").write_text("S001C001P001R001A001\n")
    parse = {"format": "ntu_skeleton", "layout": TWO.to_dict(), "class_names": ["sit", "wave"], "missing": "lost.txt"}
    taken, refused = told(tmp_path / "raw", definition=define(tmp_path, parse))
    assert [(one.key, one.action) for one in taken] == [(f"walk/{name}", "wave")]
    assert len(refused) == 1


def test_who_acts_is_what_fields_say_else_the_name_else_nobody(tmp_path, rng):
    make_shard_folder(tmp_path / "shards", parts={"test": {0: 2}}, rng=rng, layout=NTU25, subjects=(7, 3))
    write_ntu(tmp_path, {"S001C001P004R001A007.skeleton": SKELETON})
    for name in ("wave/P05/a.npy", "wave/b.npy"):
        save(tmp_path / "arrays" / name, person())
    who = [[one.subject for one in told(tmp_path / path)[0]] for path in ("shards", "arrays")]
    assert who == [[7, 3], [None, 5]]
    assert [one.subject for one in told(tmp_path / "S001C001P004R001A007.skeleton", layout=TWO)[0]] == [4]


def test_shards_and_what_is_damaged_in_them(tmp_path, rng):
    make_shard_folder(tmp_path, parts={"train": {1: 2}}, rng=rng)
    assert [(one.source, one.action) for one in told(tmp_path)[0]] == [(str(tmp_path), "class 1")] * 2
    (tmp_path / "manifest.json").write_text("{}")
    (line,) = told(tmp_path)[1]
    assert "not a manifest of shards" in line


def test_memory_that_does_not_suffice_is_one_line(tmp_path, monkeypatch):
    save(tmp_path / "a.npy", person())

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("pipeline.recordings.reading.read_alone", fail)
    assert told(tmp_path)[1] == [f"{tmp_path}/a.npy: not enough memory to read it"]


def test_suffixes_may_be_in_capitals(tmp_path):
    save(tmp_path / "a.npy", person()).rename(tmp_path / "a.NPY")
    (tmp_path / "b.CSV").write_text(wide_csv(person()))
    (tmp_path / "c.Json").write_text(json.dumps(clip()))
    assert [one.key for one in told(tmp_path, layout=NTU25)[0]] == ["a", "b"]
    assert [one.key for one in told(tmp_path, layout=TWO_2D)[0]] == ["c"]


@pytest.mark.parametrize("name", ["a.skeleton", "a.json", "a.npy", "a.csv", "a.npz", "a.pkl", "x_data.npy"])
def test_bytes_of_no_kind_are_one_line_that_names_the_file_once(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x00\x01\x02\xff")
    taken, (line,) = told(tmp_path)
    assert taken == []
    assert line.count(name) == 1
    assert "\n" not in line
