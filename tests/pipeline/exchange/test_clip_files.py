"""What is exported as a file a clip is read back equal by our own parse, with the definition that lies in the zip."""

import json
import zipfile

import click
import numpy as np
import pytest
import yaml

from dastm.contract.errors import DataError
from pipeline.cli.exchange import export
from pipeline.definitions.definition import load_definition
from pipeline.exchange.clip_files import DEFINITION, export_clips
from pipeline.parse.run import parse
from pipeline.storage.table import read_clips

NAMES = ["wave", "eat meal/snack", "001"]
SPLIT = {"class_split": {"train": [0], "val": [1], "test": [2]}}


def table(folder, layout, channels):
    """Clips of two bodies, of which one comes later and loses a joint; three classes."""
    document = {
        "name": "mine",
        "parse": {"format": "folder_arrays", "layout": layout, "class_names": NAMES},
        "split": SPLIT,
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(document))
    draw = np.random.default_rng(0)
    for class_id in range(3):
        n_joints = {"ntu25": 25, "coco17": 17}[layout]
        bodies = draw.uniform(0.1, 0.9, (2, 7, n_joints, channels)).astype(np.float32)
        bodies[1, :3] = 0
        bodies[1, 5, 4] = 0 if layout == "coco17" else np.nan
        (folder / "raw" / str(class_id)).mkdir(parents=True)
        np.save(folder / "raw" / str(class_id) / f"clip{class_id}.npy", bodies)
    definition = load_definition(folder / "mine.yaml")
    parse(definition, [folder / "raw"], folder / "parsed")
    return definition


def read_back(folder):
    with zipfile.ZipFile(folder / "out.zip") as archive:
        (folder / DEFINITION).write_bytes(archive.read(DEFINITION))
    definition = load_definition(folder / DEFINITION)
    parse(definition, [folder / "out.zip"], folder / "again")
    return definition


@pytest.mark.parametrize(
    ("form", "layout", "channels"),
    [("csv", "ntu25", 3), ("csv", "ntu25", 4), ("csv", "coco17", 3), ("coco", "coco17", 3)],
)
def test_what_is_written_is_read_back_equal(tmp_path, form, layout, channels):
    own = table(tmp_path, layout, channels)
    told = export_clips(tmp_path / "parsed", tmp_path / "out.zip", form, own)
    assert told[0].startswith(f"3 clips of 3 classes as {form}, ")
    definition = read_back(tmp_path)
    assert (definition.parse.class_names, definition.split.class_split) == (tuple(NAMES), own.split.class_split)
    both = zip(read_clips(tmp_path / "parsed"), read_clips(tmp_path / "again"), strict=True)
    for before, after in both:
        assert (after.key, after.class_id, after.class_name) == (before.key, before.class_id, before.class_name)
        for name in ("ids", "lengths", "frame_index", "joints_PVC", "scores_PV"):
            one, other = getattr(before.tracks, name), getattr(after.tracks, name)
            assert (one is None) == (other is None)
            assert one is None or np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def test_other_programs_find_usual_columns_and_keys(tmp_path):
    table(tmp_path, "coco17", 3)
    for form in ("csv", "coco"):
        export_clips(tmp_path / "parsed", tmp_path / f"{form}.zip", form)
    with zipfile.ZipFile(tmp_path / "csv.zip") as archive:
        assert archive.namelist()[:3] == [DEFINITION, "000 wave/0_clip0.csv", "001 eat meal-snack/1_clip1.csv"]
        assert archive.read("000 wave/0_clip0.csv").decode().startswith("frame,body,x_0,y_0,score_0,x_1,y_1,score_1,")
    with zipfile.ZipFile(tmp_path / "coco.zip") as archive:
        (first, *_) = json.loads(archive.read("000 wave/0_clip0.json"))
        assert (first["image_id"], first["category_id"], len(first["keypoints"])) == (0, 1, 17 * 3)


def test_the_same_table_gives_the_same_bytes_and_another_file_is_left_alone(tmp_path, monkeypatch):
    table(tmp_path, "coco17", 3)
    monkeypatch.chdir(tmp_path)
    command = ["--to", "csv", "--parsed", "parsed", "--out"]
    for name in ("one.zip", "two.zip", "two.zip"):
        export([*command, name], standalone_mode=False)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "three.zip", "w") as archive:
        archive.writestr("mine.txt", "mine")
    with pytest.raises(click.ClickException, match=r"three\.zip: is not an export of DASTM"):
        export([*command, "three.zip"], standalone_mode=False)


def test_what_a_form_cannot_hold_is_refused(tmp_path, monkeypatch):
    table(tmp_path, "ntu25", 3)
    with pytest.raises(DataError, match="COCO's keypoints lie in an image, layout ntu25 is 3-D; export it --to csv"):
        export_clips(tmp_path / "parsed", tmp_path / "out.zip", "coco")
    monkeypatch.chdir(tmp_path)
    for arguments, why in (
        (["--shards", "parsed"], "--to csv is of a parsed table: give --parsed"),
        (["--parsed", "parsed", "--img-shape", "8", "8"], "--img-shape goes with --to pyskl"),
    ):
        with pytest.raises(click.UsageError, match=why):
            export(["--to", "csv", *arguments, "--out", "out.zip"], standalone_mode=False)
    assert not (tmp_path / "out.zip").exists()
