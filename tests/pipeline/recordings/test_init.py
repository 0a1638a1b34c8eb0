"""A folder of recordings -> a definition that loads, parses and splits as it is."""

import json
import pickle

import numpy as np
import pytest
import yaml

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.skeleton import COCO17, NTU25
from pipeline.definitions.definition import load_definition
from pipeline.parse.run import parse
from pipeline.recordings.init import begin
from pipeline.split.run import split
from tests.pipeline.parse.sources.source_files import annotation
from tests.recorded import npy, person, save, wide_csv, zipped

pytestmark = pytest.mark.slow

NAMES = ("bow", "clap", "jump", "sit", "stand", "wave")


def begun(tmp_path, root, **options):
    """The definition that was begun; raw files are parsed and split with it."""
    made = begin(root, "mine", **options)
    path = tmp_path / "mine.yaml"
    path.write_text(made.text)
    definition = load_definition(path)
    summary = parse(definition, [root], tmp_path / "parsed")
    assert summary.refused == 0
    split(definition, tmp_path / "parsed", tmp_path / "shards")
    return made, definition, summary


def test_class_folders_of_npy_files(tmp_path):
    for number, name in enumerate(NAMES):
        for who in (1, 2):
            save(tmp_path / "raw" / name / f"P0{who}" / "a.npy", person(number, seed=who))
    made, definition, summary = begun(tmp_path, tmp_path / "raw")
    assert summary.clips == 12
    assert definition.parse.layout is NTU25
    assert definition.parse.class_names == NAMES
    assert definition.split.class_split == {"train": (0, 1, 2, 5), "val": (3,), "test": (4,)}
    assert (definition.split.n_frames, definition.split.rotate, definition.split.scale) == (30, "yaw", "torso")
    assert "subjects: 2, by names: 1, 2" in made.guessed
    assert made.text.startswith("# Written by `dastm-data init`. Guessed:\n#   format: folder_arrays, 12 files\n")


def test_zipped_csv_clips_in_millimetres(tmp_path):
    members = {
        f"set/{name}/{n}.csv": wide_csv(person(number, seed=n) * 4000).encode()
        for number, name in enumerate(NAMES)
        for n in range(2)
    }
    made, definition, summary = begun(tmp_path, zipped(tmp_path / "set.zip", members))
    assert (summary.clips, definition.parse.class_names) == (12, NAMES)
    assert definition.parse.source is not None
    assert definition.parse.source.unit_m == 0.001
    assert any("who acts" in line for line in made.unknown)


def test_long_csv_clips_with_other_delimiters(tmp_path):
    for number, name in enumerate(NAMES[:2]):
        clip = person(number)
        rows = [f"{t};{v};{x};{y};{z}" for t in range(3) for v, (x, y, z) in enumerate(clip[t].tolist())]
        (tmp_path / "raw" / name).mkdir(parents=True)
        (tmp_path / "raw" / name / "1.csv").write_text("\n".join(["frame;joint;x;y;z", *rows]))
    made, definition, _ = begun(tmp_path, tmp_path / "raw")
    assert definition.parse.source is not None
    assert (definition.parse.source.columns, definition.parse.source.delimiter) == ("long", ";")
    assert definition.split.class_split == {"train": (), "val": (), "test": (0, 1)}
    assert any("with fewer than 5 classes" in line for line in made.unknown)


def test_poses_in_pixels_named_by_their_files(tmp_path):
    for number, name in enumerate(("sit down", "wave")):
        for who in (1, 2):
            pixels = person(number, frames=70, layout=COCO17, seed=who) * np.array([600, 400, 1], np.float32)
            save(tmp_path / "raw" / f"{name}_s{who}.npy", pixels)
    _, definition, _ = begun(tmp_path, tmp_path / "raw")
    assert definition.parse.layout is COCO17
    assert definition.parse.source is not None
    assert definition.parse.source.image == "pixels"
    assert definition.split.n_frames == 60


def test_joints_that_no_layout_has(tmp_path):
    for number, name in enumerate(("sit", "wave")):
        save(tmp_path / "raw" / name / "1.npy", person(number)[:, :7])
        save(tmp_path / "raw" / name / "2.npy", person(number, seed=1)[:, :7])
    made, definition, _ = begun(tmp_path, tmp_path / "raw")
    assert definition.parse.layout.joints == tuple(f"joint {v}" for v in range(7))
    assert any(line.startswith("which joints these are: 7 joints of 3 numbers") for line in made.unknown)


def test_a_layout_that_is_named_is_taken(tmp_path):
    save(tmp_path / "raw" / "wave" / "1.npy", person()[:, ::-1])
    _, definition, _ = begun(tmp_path, tmp_path / "raw", layout=NTU25)
    assert definition.parse.layout is NTU25


def test_ntu_files_say_their_classes(tmp_path):
    joints = person(frames=4)
    lines = ["4"]
    for pose in joints.tolist():
        lines += ["1", "7 0 1 1 1 1 0 0 0 2", "25", *(f"{x} {y} {z} 0 0 0 0 0 0 0 0 2" for x, y, z in pose)]
    for action in range(1, 7):
        path = tmp_path / "raw" / f"S001C001P001R001A{action:03d}.skeleton"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    (tmp_path / "raw" / "notes.txt").write_text("x")
    (tmp_path / "raw" / "x.npy").write_bytes(npy(joints))
    made, definition, summary = begun(tmp_path, tmp_path / "raw")
    assert (summary.clips, definition.parse.format) == (6, "ntu_skeleton")
    assert "classes: 6, as the files say" in made.guessed
    assert any("what else there is: 2 files of other kinds" in line for line in made.unknown)


def test_pickles_of_pyskl_and_kinetics_files(tmp_path):
    pkl = tmp_path / "a" / "x.pkl"
    pkl.parent.mkdir()
    clips = [annotation(f"v{n}", n) | {"keypoint": person(n)[None]} for n in range(3)]
    pkl.write_bytes(pickle.dumps([{**clip, "total_frames": 12} for clip in clips], 4))
    _, definition, summary = begun(tmp_path, tmp_path / "a")
    assert (summary.clips, definition.parse.layout.name) == (3, "ntu25")
    pose = {"pose": [0.1 + 0.01 * i for i in range(36)], "score": [0.9] * 18}
    for n in range(2):
        document = {"data": [{"frame_index": 1, "skeleton": [pose]}], "label": f"c{n}", "label_index": n}
        path = tmp_path / "b" / f"k{n}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
    made = begin(tmp_path / "b", "k")
    assert made.document["parse"] == {"format": "kinetics_json"}
    assert made.document["split"]["class_split"]["test"] == [0, 1]


def test_files_of_a_tool_are_known_by_their_contents(tmp_path):
    people = [{"pose_keypoints_2d": [x for v in range(25) for x in (100.0 + v, 50.0 + 3 * v, 0.9)]}]
    for name in ("sit", "wave"):
        for frame in range(3):
            path = tmp_path / "raw" / name / "one" / f"{name}_{frame:012d}_keypoints.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"version": 1.3, "people": people}))
    made = begin(tmp_path / "raw", "tool")
    assert made.document["parse"]["format"] == "openpose_json"
    assert made.document["parse"]["class_names"] == ["sit", "wave"]
    assert made.document["parse"]["layout"] == "body25"
    assert any("image_size: [width, height]" in line for line in made.unknown)


def test_the_layout_of_named_body_parts_is_that_of_most_files(tmp_path):
    for number, parts in enumerate((("nose", "leftwrist"), ("nose", "leftwrist"), ("nose", "tail"))):
        rows = [["bodyparts", *(part for part in parts for _ in "xy")], ["coords", *"xyxy"], *("01234", "56789")]
        path = tmp_path / "raw" / ("sit", "wave")[number % 2] / f"{number}DLC_resnet50.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(",".join(row) + "\n" for row in rows))
    (tmp_path / "raw" / "0.csv").write_text("a first file of another kind, which changes nothing\n")
    made = begin(tmp_path / "raw", "tool")
    assert made.document["parse"]["format"] == "deeplabcut_csv"
    assert made.document["parse"]["layout"]["joints"] == ["nose", "left wrist"]
    assert any(line.startswith("why 1 of 3 clips have other joints") for line in made.unknown)


def test_a_flat_folder_of_a_tools_files_is_told_how_to_say_their_classes(tmp_path):
    for number in range(3):
        landmarks = [{"x": 0.2 + v / 50, "y": 0.5, "z": 0.0, "visibility": 1.0} for v in range(33)]
        (tmp_path / f"clip{number}.json").write_text(json.dumps([landmarks] * 4))
    with pytest.raises(DataError, match=r"clip\d\.json: no label_index.*put the recordings into a folder for"):
        begin(tmp_path, "mine")


def test_files_of_a_tool_that_cannot_be_read_are_no_data_set(tmp_path):
    (tmp_path / "wave").mkdir()
    (tmp_path / "wave" / "a.bvh").write_text("HIERARCHY\n")
    with pytest.raises(DataError, match=r"wave/a.bvh: .*MOTION"):
        begin(tmp_path, "mine")


def test_what_arrays_of_other_kinds_say_is_told(tmp_path):
    for number, name in enumerate(("sit", "wave")):
        for n in range(3):
            save(tmp_path / "a" / name / f"{n}.npy", person(number, seed=n))
    save(tmp_path / "a" / "sit" / "9.npy", person(layout=COCO17))
    (tmp_path / "a" / "sit" / "0.csv").write_bytes(b"\xff")
    made = begin(tmp_path / "a", "mine")
    assert any(line.startswith("why 1 of 7 recordings read have other joints") for line in made.unknown)
    assert any("such as sit/0.npy" in line or "such as sit/0.csv" in line for line in made.unknown)
    one = np.stack([person(), person(1)]).transpose(0, 3, 1, 2)[..., None]
    save(tmp_path / "b" / "x_data.npy", one)
    save(tmp_path / "b" / "x_label.npy", np.array([0, 1]))
    assert begin(tmp_path / "b", "mine").document["parse"] == {"format": "array_stack", "layout": "ntu25"}
    named = begin(tmp_path / "b", "mine", layout=NTU25).document["parse"]
    assert named == {"format": "array_stack", "layout": "ntu25"}


def test_a_clip_that_cannot_be_normalised_is_told(tmp_path, monkeypatch):
    for name in ("sit", "wave"):
        save(tmp_path / name / "1.npy", person())

    def refuse(*_):
        raise RefusedError("all joints in one point")

    monkeypatch.setattr("pipeline.recordings.init.normalise_clip", refuse)
    assert any("such as sit/1.npy: all joints in one point" in line for line in begin(tmp_path, "mine").unknown)


def test_ntu_files_of_other_names_are_no_data_set(tmp_path):
    (tmp_path / "a.skeleton").write_text("1\n0\n")
    with pytest.raises(DataError, match=r"a.skeleton: the file name is not SsssCcccPpppRrrrAaaa.skeleton"):
        begin(tmp_path, "mine")
    (tmp_path / "a.skeleton").rename(tmp_path / "S001C001P001R001A001.skeleton")
    with pytest.raises(DataError, match="no body in any frame"):
        begin(tmp_path, "mine")


def test_texts_of_no_tool_are_no_recordings(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="no recordings of a known form"):
        begin(tmp_path, "mine")


def test_a_csv_of_odd_names_is_refused_with_the_reason(tmp_path):
    (tmp_path / "wave").mkdir()
    (tmp_path / "wave" / "1.csv").write_text("frame,x_hip,x_head,y_hip\n0,1,2,3\n")
    with pytest.raises(DataError, match="no column"):
        begin(tmp_path, "mine")


@pytest.mark.parametrize("what", ["nothing", "shards", "unlabelled", "damaged", "alike", "odd"])
def test_what_cannot_be_defined_is_one_line(tmp_path, what):
    raw = tmp_path / "raw"
    raw.mkdir()
    if what == "shards":
        (raw / "manifest.json").write_text("{}")
    elif what == "unlabelled":
        save(raw / "a.npy", person())
    elif what == "damaged":
        (raw / "x.pkl").write_bytes(b"x")
    elif what == "alike":
        save(raw / "wave" / "a.npy", np.full((3, 7), np.nan))
    elif what == "odd":
        (raw / "wave").mkdir()
        (raw / "wave" / "a.csv").write_text("frame,joint,x,y\n0,hip,a,b\n")
    told = {
        "nothing": "a folder without a recording",
        "shards": "which are defined already",
        "unlabelled": "nobody says which action each recording shows",
        "damaged": "x.pkl",
        "alike": r"an array of shape \(3, 7\)",
        "odd": "is not a number",
    }
    with pytest.raises(DataError, match=told[what]) as refusal:
        begin(raw, "mine")
    assert "\n" not in str(refusal.value)


def test_recordings_that_parse_will_refuse_are_told(tmp_path):
    for number, name in enumerate(("sit", "wave")):
        for n in range(2):
            save(tmp_path / "raw" / name / f"{n}.npy", person(number, seed=n))
    save(tmp_path / "raw" / "wave" / "3.npy", np.zeros((4, 25, 3)))
    made = begin(tmp_path / "raw", "mine")
    assert any("such as wave/3.npy: no body in any of 4 frames" in line for line in made.unknown)
    assert yaml.safe_load(made.text)["name"] == "mine"
