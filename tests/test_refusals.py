"""What goes wrong with real files, each through the command line: a row of the refused table with place and reason

while every other file goes through, or one clear line and exit status 1. `pytest -v` of this file is the list.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.storage.table import read_facts, read_refused
from tests.command_line import call, done, failed
from tests.pipeline.raw_files import SKELETON, clip, write_json, write_ntu, zip_folder

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

TWO = {"name": "two", "joints": ["hip", "head"], "bones": [[1, 0]]}
SPLIT = {"class_split": {"train": [0, 1], "val": [2, 3], "test": [4, 5, 6]}, "n_frames": 3, "origin": "none"}
GOOD = [f"S001C001P001R{number:03d}A{action:03d}.skeleton" for action in range(1, 8) for number in range(1, 5)]
"""Four clips of each of seven classes."""
BAD = "S002C001P001R001A001"
NOISE = b"\x89" + np.random.default_rng(0).bytes(4096)
LINES = SKELETON.splitlines()

PUT_THERE = "; put the raw files there, or name their place with `dastm-data parse --raw`"


def person(n_joints=18):
    return {"pose": [0.25] * (2 * n_joints), "score": [0.5] * n_joints}


def frames(*people, first=1):
    return [{"frame_index": first + t, "skeleton": list(here)} for t, here in enumerate(people)]


FILM = clip(data=frames([person()], [person(), person()], []))
"""A whole clip of 18 joints labelled abseiling, 0."""
NAN_POSE = person() | {"pose": [float("nan")] * 36}


def changed(line, text):
    """SKELETON with another line `line`, counted from 1."""
    return "\n".join([*LINES[: line - 1], text, *LINES[line:]]).encode()


def as_json(document):
    return json.dumps(document).encode()


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ntu():
    Path("ntu.yaml").write_text(yaml.safe_dump({"parse": {"format": "ntu_skeleton", "layout": TWO}, "split": SPLIT}))
    write_ntu(Path("raw"), GOOD)


@pytest.fixture
def kinetics():
    Path("kinetics.yaml").write_text(yaml.safe_dump({"parse": {"format": "kinetics_json"}, "split": SPLIT}))
    for name in ("one", "two"):
        write_json(Path("raw/kinetics_train", f"{name}.json"), FILM)


@pytest.fixture
def shards(ntu):
    done("dastm-data", "parse", "--dataset", "ntu.yaml", "--raw", "raw", "--workers", 1)
    done("dastm-data", "split", "--dataset", "ntu.yaml")
    return Path("data/shards/ntu")


def the_refused_one(dataset, sound, **facts):
    """Parse ./raw: `sound` clips go through and one file is refused, for the reason and at the place given."""
    reason = facts.pop("reason")
    said = done("dastm-data", "parse", "--dataset", f"{dataset}.yaml", "--raw", "raw", "--out", "parsed")
    assert read_facts(Path("parsed")).num_rows == sound
    (row,) = read_refused(Path("parsed")).to_pylist()
    assert reason in row["reason"]
    assert "\n" not in row["reason"]
    assert {name: row[name] for name in facts} == facts
    place = f"line {row['line']}: " if row["line"] else f"byte {row['byte']}: " if row["byte"] is not None else ""
    assert f"  {row['source']}: {place}{row['reason']}" in said.splitlines()


NTU = {
    "empty file": (b"", 1, "the file is empty"),
    "truncated file": ("\n".join(LINES[:12]).encode(), 12, "the file ends in frame 3 of the 3 it claims"),
    "truncated inside a line": (
        SKELETON[: SKELETON.index("333333")].encode(),
        *(6, "a joint line of 3 columns, expected 12"),
    ),
    "wrong joint count": (changed(4, "25"), 4, "'25' joints, layout two has 2"),
    "text where a number belongs": (changed(5, "0.1 left 3 0 0 0 0 0 0 0 0 2"), 5, "'left' where a number belongs"),
    "NaN": (changed(5, "0.1 nan 3 0 0 0 0 0 0 0 0 2"), 5, "coordinate 'nan' is not finite"),
    "first line of 10^12": (changed(1, str(10**12)), 1, "frame count '1000000000000', expected 1 to 100000"),
    "10^12 bodies": (changed(2, str(10**12)), 2, "body count '1000000000000', expected 0 to 1000"),
    "10^12 joints": (changed(4, str(10**12)), 4, "'1000000000000' joints, layout two has 2"),
    "binary noise": (NOISE, 1, "not a text of numbers: byte 0x"),
    "all frames empty": (b"3\n0\n0\n0\n", 1, "no body in any frame"),
}


@pytest.mark.parametrize("what", NTU)
def test_ntu_file_is_refused(ntu, what):
    content, line, reason = NTU[what]
    Path("raw", f"{BAD}.skeleton").write_bytes(content)
    the_refused_one("ntu", len(GOOD), source=f"{BAD}.skeleton", key=BAD, line=line, reason=reason)


@pytest.mark.parametrize("name", ["clip.skeleton", "S1C1P1R1A1.skeleton", "S001C001P001R001A000.skeleton"])
def test_ntu_file_is_refused_for_a_name_without_the_pattern(ntu, name):
    Path("raw", name).write_text(SKELETON)
    the_refused_one("ntu", len(GOOD), source=name, key=None, line=None, reason="not SsssCcccPpppRrrrAaaa.skeleton")


KINETICS = {
    "empty file": (b"", 0, "not JSON: Expecting value"),
    "truncated file": (as_json(FILM)[:-40], len(as_json(FILM)[:-40]), "not JSON: "),
    "wrong joint count": (as_json(clip(data=frames([person(25)]))), None, "person 0: 'pose' has 50 numbers, expected"),
    "a pose of 35 numbers": (
        as_json(clip(data=frames([person() | {"pose": [0.5] * 35}]))),
        *(None, "frame_index 1, person 0: 'pose' has 35 numbers, expected 36"),
    ),
    "text where a number belongs": (
        as_json(clip(data=frames([person() | {"score": ["high"] * 18}]))),
        *(None, "frame_index 1, person 0: 'score': \"high\" is not a number"),
    ),
    "NaN": (
        as_json(clip(data=frames([NAN_POSE]))),
        as_json(clip(data=frames([NAN_POSE]))).index(b"NaN"),
        "NaN or Infinity where a number belongs",
    ),
    "frame 10^12": (as_json(clip(data=frames([person()], first=10**12))), None, "frame_index 1000000000000, expected"),
    "binary noise": (NOISE, 0, "not UTF-8 text"),
    "data is an empty list": (as_json(clip(data=[])), None, "'data' is an empty list"),
    "all frames empty": (as_json(clip(data=frames([], [], []))), None, "no body in any of 3 frames"),
}


@pytest.mark.parametrize("what", KINETICS)
def test_kinetics_file_is_refused(kinetics, what):
    content, byte, reason = KINETICS[what]
    Path("raw/kinetics_train/zzz.json").write_bytes(content)
    source = "kinetics_train/zzz.json"
    the_refused_one("kinetics", 2, source=source, key="zzz", line=None, byte=byte, reason=reason)


def test_kinetics_file_is_refused_for_a_label_that_contradicts_the_list(kinetics):
    listed = {"one": {"label": "abseiling", "label_index": 0}, "two": {"label": "zumba", "label_index": 399}}
    write_json(Path("raw/kinetics_train_label.json"), listed)
    reason = "label 'zumba' in the list kinetics_train_label.json, but 'abseiling' in the clip"
    the_refused_one("kinetics", 1, source="kinetics_train/two.json", key="two", reason=reason)


def test_the_same_clip_twice_is_refused_once(ntu):
    write_ntu(Path("raw/again"), GOOD[:1])
    reason = f"the same clip as '{GOOD[0]}'"
    the_refused_one("ntu", len(GOOD), source=f"again/{GOOD[0]}", reason=reason)


def test_a_member_damaged_in_its_zip_is_refused(ntu):
    zipped = zip_folder(Path("raw"), Path("raw.zip"))
    with zipfile.ZipFile(zipped) as archive:
        at = archive.getinfo(GOOD[3]).header_offset + 30 + len(GOOD[3]) + 20
    data = bytearray(zipped.read_bytes())
    data[at : at + 8] = b"\xff" * 8
    for path in Path("raw").iterdir():
        path.unlink()
    Path("raw/all.zip").write_bytes(bytes(data))
    the_refused_one("ntu", len(GOOD) - 1, source=f"all.zip/{GOOD[3]}", reason="zip: ")


def test_not_one_usable_clip_is_one_line():
    Path("ntu.yaml").write_text(yaml.safe_dump({"parse": {"format": "ntu_skeleton", "layout": TWO}, "split": SPLIT}))
    write_ntu(Path("raw"), {f"{BAD}.skeleton": "", "x.skeleton": SKELETON})
    line = failed("dastm-data", "parse", "--dataset", "ntu.yaml", "--raw", "raw")
    assert line.startswith("raw: not one usable clip, so there is no parsed table. 2 files: 0 clips")
    assert f"{BAD}.skeleton: line 1: the file is empty" in line


def test_a_raw_folder_that_does_not_exist_is_one_line(ntu):
    assert failed("dastm-data", "parse", "--dataset", "ntu.yaml", "--raw", "row") == f"row: not there{PUT_THERE}"
    line = failed("dastm-data", "parse", "--dataset", "kinetics", "--raw", "row")
    assert line.startswith("row: not there. Put this there, or name its place with --raw: kinetics-skeleton")


def test_a_raw_folder_without_raw_files_is_one_line(ntu):
    write_ntu(Path("notes"), ["readme.txt"])
    line = failed("dastm-data", "parse", "--dataset", "ntu.yaml", "--raw", "notes")
    assert line == f"notes: no .skeleton file in it{PUT_THERE}"


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_zip_that_is_cut_off_is_one_line(ntu, share):
    data = zip_folder(Path("raw"), Path("whole.zip")).read_bytes()
    Path("cut.zip").write_bytes(data[: int(share * len(data))])
    line = failed("dastm-data", "parse", "--dataset", "ntu.yaml", "--raw", "cut.zip")
    assert line.startswith("cut.zip: not a whole zip file (")
    assert line.endswith("; download it again")


def test_a_label_list_that_is_damaged_is_one_line(kinetics):
    Path("raw/kinetics_train_label.json").write_text('{"one": ')
    line = failed("dastm-data", "parse", "--dataset", "kinetics.yaml", "--raw", "raw")
    assert line.startswith("raw: label list kinetics_train_label.json: byte 8: not JSON")


def test_a_parsed_table_with_a_damaged_file_is_one_line(ntu):
    done("dastm-data", "parse", "--dataset", "ntu.yaml", "--raw", "raw", "--workers", 1)
    part = Path("data/parsed/ntu/clips-00000.parquet")
    part.write_bytes(part.read_bytes()[:-20])
    line = failed("dastm-data", "split", "--dataset", "ntu.yaml")
    assert line.startswith(f"{part}: damaged; remove it and run `dastm-data parse` again")
    part.unlink()
    done("dastm-data", "parse", "--dataset", "ntu.yaml", "--raw", "raw", "--workers", 1)
    done("dastm-data", "split", "--dataset", "ntu.yaml")


def test_a_shard_with_a_flipped_byte_is_found_by_audit_and_by_eval(shards):
    tar = shards / "test" / "004-000.tar"
    data = bytearray(tar.read_bytes())
    data[700] ^= 1
    tar.write_bytes(bytes(data))
    audited = call("dastm-data", "audit", "--shards", shards)
    assert audited.exit_code == 1
    assert audited.stderr == "dastm-data: data/shards/ntu: the audit found 2 problems\n"
    assert "problem: test/004-000.tar: S001C001P001R001A005: checksum differs from the index" in audited.stdout
    words = ("--baseline", "coordinates", "--n-way", 3, "--k-shot", 1, "--n-query", 3, "--episodes", 2)
    line = failed("dastm", "eval", "--shards", shards, *words)
    assert "test/004-000.tar" in line
    assert "checksum differs, the shard is damaged; run `dastm-data split` again" in line


def test_a_shard_that_is_cut_off_is_found_by_audit_and_by_eval(shards):
    tar = shards / "test" / "006-000.tar"
    tar.write_bytes(tar.read_bytes()[:1500])
    audited = call("dastm-data", "audit", "--shards", shards)
    assert audited.exit_code == 1
    assert "problem: test/006-000.tar: damaged tar" in audited.stdout
    words = ("--baseline", "coordinates", "--n-way", 3, "--k-shot", 1, "--n-query", 3, "--episodes", 2)
    assert "006-000.tar" in failed("dastm", "eval", "--shards", shards, *words)


COORDINATES = ("eval", "--baseline", "coordinates", "--episodes", 2, "--shards", "data/shards/ntu")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*COORDINATES, "--n-way", 4, "--n-query", 1), "has 3 classes, 4-way needs 4; lower n_way (--n-way)"),
        ((*COORDINATES, "--n-way", 3, "--subset", "val"), "has 2 classes, 3-way needs 3; lower n_way (--n-way)"),
        (("train", "--shards", "data/shards/ntu", "--set", "episode.n_way=3"), "has 2 classes, 3-way needs 3"),
    ],
)
def test_fewer_classes_than_ways_is_one_line(shards, words, message):
    assert message in failed("dastm", *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*COORDINATES, "--n-way", 2, "--k-shot", 2, "--n-query", 3), "2-shot with 3 queries needs 5 clips in every"),
        ((*COORDINATES, "--n-way", 2, "--k-shot", 2, "--n-query", 3), "class 4 has 4, class 5 has 4, class 6 has 4"),
        (
            ("train", "--shards", "data/shards/ntu", "--set", "episode.n_way=2", "--set", "episode.n_query=4"),
            "1-shot with 4 queries needs 5 clips in every class, but class 0 has 4",
        ),
    ],
)
def test_fewer_clips_than_shots_and_queries_is_one_line(shards, words, message):
    line = failed("dastm", *words)
    assert message in line
    assert "split with more clips a class" in line


def test_more_clips_a_class_asked_than_there_are_is_an_error_or_a_note(shards):
    Path("raw", GOOD[0]).unlink()
    done("dastm-data", "parse", "--dataset", "ntu.yaml", "--raw", "raw", "--workers", 1)
    asked = ("split", "--dataset", "ntu.yaml", "--set", "split.clips_per_class=4")
    line = failed("dastm-data", *asked)
    short = "class 0 (class 0): 3 of 4 clips"
    assert line == f"1 classes have too few usable clips (--set split.too_few=note takes what there is): {short}"
    said = done("dastm-data", *asked, "--set", "split.too_few=note")
    assert said.splitlines()[0] == "train: 7 clips of 2 classes"
    assert said.splitlines()[-1] == "class 0 (class 0): 3 of 4 clips"
