"""`dastm-data show`, `stats` and `audit --report` as a user types them."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.command_line import done, failed, misused
from tests.pipeline.array_files import write_arrays
from tests.pipeline.raw_files import write_ntu, zip_folder
from tests.pipeline.shard_damage import change_manifest
from tests.pipeline.test_cli import MINE, NAMES

pytestmark = pytest.mark.slow

KEY = "S001C001P001R001A001"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A user's own data set of six clips, raw in a folder and in a zip, parsed, split."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        Path("mine.yaml").write_text(yaml.safe_dump(MINE), encoding="utf-8")
        write_ntu(Path("data/raw/mine"), NAMES)
        zip_folder(Path("data/raw/mine"), Path("clips.zip"))
        done("dastm-data", "parse", "--dataset", "mine.yaml", "--workers", 1)
        done("dastm-data", "split", "--dataset", "mine.yaml")
    return folder


@pytest.fixture(autouse=True)
def workplace(project, monkeypatch):
    monkeypatch.chdir(project)


def test_a_clip_by_its_key():
    said = done("dastm-data", "show", KEY, "--dataset", "mine.yaml").splitlines()
    assert said[0] == f"{KEY}: class 0, train"
    assert said[1] == f"  source: {KEY}.skeleton"
    assert said[3] == "  body 72057594037944738  █·█  seen in 2 frames, spread 50.06: kept"
    assert said[4] == "  body 72057594037944739  ··█  seen in 1 frames, spread 4.50: kept"
    assert "  1 frames without a body" in said
    assert "  normalised: 2 bodies x 2 frames (train/000-000.tar)" in said


@pytest.mark.parametrize("clip", [f"data/raw/mine/{KEY}.skeleton", f"clips.zip/{KEY}.skeleton", f"{KEY}.skeleton"])
def test_a_clip_by_its_file(clip):
    said = done("dastm-data", "show", clip, "--dataset", "mine.yaml")
    assert said.startswith(f"{KEY}: class 0, train\n")
    assert "(train/000-000.tar)" in said


def test_folders_that_are_named_are_the_only_ones_looked_in():
    parsed = done("dastm-data", "show", KEY, "--dataset", "mine.yaml", "--parsed", "data/parsed/mine")
    assert "(prepared as mine says)" in parsed
    shards = done("dastm-data", "show", KEY, "--shards", "data/shards/mine")
    assert "seen in" not in shards
    assert "  kept: body 72057594037944738\n" in shards
    assert "(train/000-000.tar)" in shards
    settings = ("--parsed", "data/parsed/mine", "--set", "split.bodies=1")
    assert "normalised: 1 body x 2 frames" in done("dastm-data", "show", KEY, "--dataset", "mine.yaml", *settings)


def test_animations_are_written_beside_the_summary(tmp_path):
    for name, start in (("clip.html", b"<!doctype html>"), ("clip.gif", b"GIF89a")):
        said = done("dastm-data", "show", KEY, "--dataset", "mine.yaml", "--out", tmp_path / name)
        assert said.splitlines()[-1] == f"animation: {tmp_path / name}"
        assert (tmp_path / name).read_bytes().startswith(start)


def test_what_cannot_be_shown_is_one_line(tmp_path):
    assert "nobody: no raw file, and no key of data/parsed/mine, data/raw/mine, data/shards/mine" in failed(
        "dastm-data", "show", "nobody", "--dataset", "mine.yaml"
    )
    assert "needs --dataset, --parsed or --shards" in failed("dastm-data", "show", "nobody")
    assert failed("dastm-data", "show", KEY, "--parsed", "gone") == "gone: no such folder"
    assert "name its data set with --dataset" in failed("dastm-data", "show", KEY, "--parsed", "data/parsed/mine")
    assert "line 4: '2' joints, layout ntu25 has 25" in failed("dastm-data", "show", f"clips.zip/{KEY}.skeleton")
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "clip.html"
    assert "file" in failed("dastm-data", "show", KEY, "--dataset", "mine.yaml", "--out", out)


def test_wrong_usage_of_show():
    assert "name it .html or .gif" in misused("dastm-data", "show", KEY, "--dataset", "mine.yaml", "--out", "clip.mp4")
    assert "--set changes a definition" in misused("dastm-data", "show", KEY, "--set", "split.bodies=1")


def test_stats_of_table_and_shards(tmp_path):
    words = ("--csv", tmp_path / "s.csv", "--json", tmp_path / "s.json", "--out", tmp_path / "s.html")
    said = done("dastm-data", "stats", "--dataset", "mine.yaml", *words).splitlines()
    assert said[0] == "mine, parsed: 6 clips of 3 classes, 18 frames"
    assert said[1] == "  train: 2 clips of 1 classes (2 to 2 a class), 6 frames"
    assert "mine, shards: 6 clips of 3 classes, 18 frames" in said
    assert [one["of"] for one in json.loads((tmp_path / "s.json").read_text())] == ["parsed", "shards"]
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text().splitlines()))
    assert {"of": "parsed", "measure": "frames", "key": "", "value": "18"} in rows
    assert "Data set mine" in (tmp_path / "s.html").read_text(encoding="utf-8")


def test_stats_of_a_folder_alone():
    said = done("dastm-data", "stats", "--shards", "data/shards/mine").splitlines()
    assert said[0] == "mine, shards: 6 clips of 3 classes, 18 frames"
    assert done("dastm-data", "stats", "--parsed", "data/parsed/mine").startswith("mine, parsed: 6 clips")
    assert failed("dastm-data", "stats", "--shards", ".") == ".: no shards there; run `dastm-data split` first"


def test_stats_of_nothing():
    assert "give --dataset, --parsed or --shards" in misused("dastm-data", "stats")
    line = failed("dastm-data", "stats", "--dataset", "ntu-t")
    assert line == "ntu-t: neither a parsed table nor shards in data; run `dastm-data parse` first"


def test_an_audit_writes_its_page(tmp_path):
    page = tmp_path / "audit.html"
    line = done("dastm-data", "audit", "--dataset", "mine.yaml", "--report", page).splitlines()[-1]
    assert line.startswith("  warning: posture not checked: no joint of layout")  # two joints are no person
    text = page.read_text(encoding="utf-8")
    assert len(re.findall("source, metres</figcaption>", text)) == 3
    words = ("--shards", "data/shards/mine", "--report", page)
    done("dastm-data", "audit", *words)
    assert "source, metres" not in page.read_text(encoding="utf-8")
    done("dastm-data", "audit", *words, "--parsed", "data/parsed/mine")
    assert page.read_text(encoding="utf-8") == text


def test_an_audit_that_finds_problems_writes_its_page_before_it_fails(tmp_path):
    page = tmp_path / "audit.html"
    assert "problems" in failed("dastm-data", "audit", "--shards", tmp_path, "--report", page)
    assert "do not train on these shards" in page.read_text(encoding="utf-8")


def test_imported_arrays_are_shown_and_audited_as_well(tmp_path):
    write_arrays(tmp_path / "theirs")
    done("dastm-data", "import", tmp_path / "theirs", "--out", tmp_path / "shards", "--upright")
    said = done("dastm-data", "show", "train-000000", "--shards", tmp_path / "shards", "--out", tmp_path / "clip.gif")
    assert "(train/" in said
    done("dastm-data", "audit", "--shards", tmp_path / "shards", "--report", tmp_path / "audit.html")
    assert "Not shown" not in (tmp_path / "audit.html").read_text(encoding="utf-8")


def test_a_zip_or_a_folder_is_no_clip():
    for name in ("clips.zip", "data/raw/mine"):
        assert failed("dastm-data", "show", name).startswith(f"{name}: not the file of a clip; in a zip")


def test_outputs_of_stats_have_names_of_their_own(tmp_path):
    stats = ("dastm-data", "stats", "--parsed", "data/parsed/mine")
    assert "named for two outputs" in misused(*stats, "--csv", tmp_path / "a", "--json", tmp_path / "a")
    assert "name it .html" in misused(*stats, "--out", tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_whose_name_is_no_unicode_is_refused_and_audited_all_the_same(tmp_path):
    shutil.copytree("data/shards/mine", tmp_path / "shards")
    change_manifest(tmp_path / "shards", lambda document: document.update(dataset="\udcff"))
    assert "is not a plain name" in failed("dastm-data", "stats", "--shards", tmp_path / "shards")
    out = tmp_path / "a.json"
    assert "6 problems" in failed("dastm-data", "audit", "--shards", tmp_path / "shards", "--out", out)
    assert json.loads(out.read_bytes())["dataset"] == "\udcff"
