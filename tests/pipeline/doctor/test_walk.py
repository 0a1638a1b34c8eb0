"""Following paths: what is taken for what, and that nothing that cannot be followed stops the rest."""

import os
import zipfile

import pytest

from pipeline.doctor.walk import walk
from pipeline.parse.formats import FORMATS
from pipeline.parse.raw_files import read
from tests.pipeline.raw_files import write_ntu, zip_folder

NTU = ["ntu_skeleton"]
NAME = "S001C001P001R001A001.skeleton"

PUT_THERE = "; put the raw files there, or name their place with `dastm-data parse --raw`"


def found_in(*paths, formats=tuple(FORMATS)):
    found = walk(paths, formats)
    return [clip.shown for clip in found.clips], [(f.check, f.source, f.what) for f in found.findings]


def test_files_folders_and_zips_lead_to_clips_that_can_be_read(tmp_path):
    write_ntu(tmp_path / "raw", {f"deep/{NAME}": "1", "b.skeleton": "2"})
    archive = zip_folder(tmp_path / "raw", tmp_path / "all.zip").rename(tmp_path / "raw" / "all.zip")
    single = tmp_path / "raw" / "b.skeleton"
    clips, findings = found_in(tmp_path / "raw", formats=NTU)
    names = ["all.zip/b.skeleton", f"all.zip/deep/{NAME}", "b.skeleton", f"deep/{NAME}"]
    assert clips == [f"{tmp_path}/raw/{name}" for name in names]
    assert findings == []
    assert [read(clip.raw) for clip in walk([tmp_path / "raw"], NTU).clips] == [b"2", b"1", b"2", b"1"]
    assert found_in(archive) == ([f"{archive}/b.skeleton", f"{archive}/deep/{NAME}"], [])
    assert found_in(single) == ([str(single)], [])
    assert walk([tmp_path / "raw"], NTU).whole
    assert walk([archive], NTU).whole
    assert not walk([single], NTU).whole


def test_a_zip_goes_by_its_contents_where_its_name_does_not_say(tmp_path):
    write_ntu(tmp_path / "raw", ["a.skeleton"])
    archive = zip_folder(tmp_path / "raw", tmp_path / "download")
    assert found_in(archive) == ([f"{archive}/a.skeleton"], [])


def test_a_path_that_cannot_be_asked_about_does_not_stop_the_rest(tmp_path):
    write_ntu(tmp_path, [NAME])
    clips, ((check, source, what),) = found_in(tmp_path / ("a" * 300), tmp_path / NAME)
    assert (check, source, what) == ("path", str(tmp_path / ("a" * 300)), "cannot be looked at: File name too long")
    assert clips == [f"{tmp_path}/{NAME}"]


def test_a_member_whose_name_begins_with_a_slash_is_named_in_its_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("/etc/a.skeleton", "1")
    assert found_in(tmp_path / "a.zip") == ([f"{tmp_path}/a.zip//etc/a.skeleton"], [])


def test_tables_and_shard_folders_are_one_item_wherever_they_lie(tmp_path):
    for folder, name in (
        ("t", "clips-00000.parquet"),
        ("u/v", "plan.json"),
        ("s", "manifest.json"),
        ("w", "index.parquet"),
    ):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / name).touch()
    (tmp_path / "s" / "train").mkdir()
    (tmp_path / "s" / "train" / "000-000.tar").touch()
    found = walk([tmp_path], list(FORMATS))
    assert sorted(found.tables) == [tmp_path / "t", tmp_path / "u" / "v"]
    assert sorted(found.shards) == [tmp_path / "s", tmp_path / "w"]
    assert (found.clips, found.findings) == ([], [])


def test_what_is_named_twice_or_reached_again_through_a_link_is_one_item(tmp_path):
    for name in ("t", "raw"):
        (tmp_path / name).mkdir()
    (tmp_path / "t" / "clips-00000.parquet").touch()
    write_ntu(tmp_path / "raw", [NAME])
    (tmp_path / "again").symlink_to("t")
    paths = [tmp_path / "t", tmp_path / "raw", tmp_path / "again", tmp_path / "raw"]
    found = walk(paths, NTU)
    assert (len(found.tables), len(found.clips), found.findings) == (1, 1, [])
    assert len(walk([tmp_path], NTU).tables) == 1


def test_label_lists_are_no_clips(tmp_path):
    for name in ("kinetics_train_label.json", "a.json"):
        (tmp_path / name).write_text("{}")
    found = walk([tmp_path], list(FORMATS))
    assert [clip.shown for clip in found.label_lists] == [f"{tmp_path}/kinetics_train_label.json"]
    assert [clip.shown for clip in found.clips] == [f"{tmp_path}/a.json"]


def test_what_leads_to_nothing_is_a_finding(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("text.txt", "part.parquet"):
        (tmp_path / name).touch()
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with zipfile.ZipFile(tmp_path / "hidden.zip", "w") as archive:
        archive.writestr("__MACOSX/a.skeleton", "1")
    for name, check, what in (
        ("lost", "path", "not there"),
        ("empty", "path", "a folder without a single clip"),
        ("text.txt", "path", "neither .skeleton nor .json nor a zip"),
        (
            "part.parquet",
            "path",
            "neither .skeleton nor .json nor a zip; of a parsed table or shard folder give the folder",
        ),
        ("empty.zip", "archive", f"nothing in it{PUT_THERE}"),
        ("hidden.zip", "archive", f"nothing in it{PUT_THERE}"),
    ):
        assert found_in(tmp_path / name) == ([], [(check, f"{tmp_path}/{name}", what)])


def test_other_files_are_counted_and_a_few_named(tmp_path):
    write_ntu(tmp_path, [NAME, "1.txt", "2.txt", "3.txt", "x.skeleton.md5", ".hidden", "__MACOSX/y.skeleton"])
    clips, findings = found_in(tmp_path)
    assert clips == [f"{tmp_path}/{NAME}"]
    assert findings == [("other_files", str(tmp_path), "4 other files ignored: '1.txt', '2.txt', '3.txt', ..")]
    archive = zip_folder(tmp_path, tmp_path.with_suffix(".zip"))
    assert found_in(archive)[1] == [("other_files", str(archive), findings[0][2])]


@pytest.mark.parametrize(("name", "is_told"), [("wave.npy", True), ("joints.csv", True), ("notes.txt", False)])
def test_arrays_that_are_ignored_need_a_definition(tmp_path, name, is_told):
    write_ntu(tmp_path, [NAME, name])
    ((_, _, what),) = found_in(tmp_path)[1]
    assert what.startswith(f"1 other file ignored: '{name}'")
    assert what.endswith("need a definition (--dataset), which `dastm-data init` writes") == is_told


def test_other_files_alone_are_no_data(tmp_path):
    write_ntu(tmp_path / "raw", ["1.txt"])
    archive = zip_folder(tmp_path / "raw", tmp_path / "a.zip")
    for path, what in ((tmp_path / "raw", "a folder without a single clip"), (archive, "a zip without a single clip")):
        found = walk([path], NTU).findings
        assert [f.check for f in found] == ["other_files", "path"]
        assert (found[1].severity, found[1].what) == ("unusable", what)


def test_a_damaged_zip_does_not_stop_the_rest(tmp_path):
    write_ntu(tmp_path, [NAME, "z.zip"])
    clips, ((check, source, what),) = found_in(tmp_path)
    assert clips == [f"{tmp_path}/{NAME}"]
    assert (check, source) == ("archive", f"{tmp_path}/z.zip")
    assert what.startswith("not a whole zip file")


def test_a_folder_with_the_name_of_a_clip_is_said_and_looked_into(tmp_path):
    write_ntu(tmp_path, [f"x.skeleton/{NAME}"])
    clips, findings = found_in(tmp_path)
    assert clips == [f"{tmp_path}/x.skeleton/{NAME}"]
    what = "a folder with the name of a clip; what is in it is looked at"
    assert findings == [("other_files", f"{tmp_path}/x.skeleton", what)]


def test_links_lead_on_but_not_round_in_a_circle(tmp_path):
    write_ntu(tmp_path / "elsewhere", ["a.skeleton"])
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    (folder / "lost.skeleton").symlink_to(tmp_path / "nowhere")
    assert found_in(folder) == ([f"{folder}/link/a.skeleton", f"{folder}/lost.skeleton"], [])


def test_a_folder_that_cannot_be_listed_is_a_finding(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(os, "scandir", refuse)
    assert found_in(tmp_path) == ([], [("path", str(tmp_path), "cannot be listed: Permission denied")])


def test_a_name_that_is_no_text_can_be_shown(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"\xff.skeleton")).write_text("1")
    except OSError:
        pytest.skip("this file system takes text only")
    assert found_in(tmp_path)[0] == [f"{tmp_path}/\\xff.skeleton"]
