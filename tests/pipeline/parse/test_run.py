import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dastm.contract.errors import DataError
from dastm.contract.ownership import unfinished_name
from dastm.contract.skeleton import NTU25
from pipeline.parse import plan as jobs
from pipeline.parse import run as stage
from pipeline.parse.run import SUMMARY_NAME, find_raw, parse
from pipeline.storage.table import PLAN_NAME, RefusedFile, read_clips, read_facts, read_refused, table_file_path
from pipeline.work import resume as done
from pipeline.work.paths import path_of
from pipeline.work.workers import Workers
from tests.pipeline.raw_files import SKELETON, clip, definition, write_json, write_ntu, zip_folder
from tests.shard_folder import flip_byte

pytestmark = pytest.mark.slow

REAL_MOTION = Path(__file__).parents[4] / "shared" / "realmotion" / "realmotion.zip"
NTU = definition("demo-ntu")


def name(action, replication=1):
    return f"S001C001P001R{replication:03d}A{action:03d}.skeleton"


@pytest.fixture
def raw(tmp_path):
    """Seven clips of three classes, two files that cannot be used, and one that is none."""
    folder = tmp_path / "raw"
    write_ntu(folder / "top", [name(a, r) for a in (1, 2, 30) for r in (1, 2)])
    write_ntu(folder, {name(1, 3): SKELETON.replace("\n", "\r\n"), name(2, 3): "", name(2, 4): SKELETON[:-20]})
    (folder / "README.txt").write_text("x")
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_task_has_as_many_files_as_asked_for_but_no_more_bytes_than_memory_may_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "BYTES_PER_TASK", 3 * len(SKELETON))
    large = SKELETON + "\n" * 3 * len(SKELETON)
    write_ntu(tmp_path / "raw", {name(1, r): large if r in (6, 7) else SKELETON for r in range(1, 13)})
    for files_per_task, expected in ((2, [2, 2, 1, 1, 1, 2, 2, 1]), (9, [3, 2, 1, 1, 3, 2])):
        parse(NTU, [tmp_path / "raw"], tmp_path / "out", files_per_task=files_per_task)
        parts = sorted((tmp_path / "out").glob("clips-*.parquet"))
        assert [pq.read_metadata(path).num_rows for path in parts] == expected


@pytest.mark.parametrize("kind", ["clips", "refused"])
def test_a_table_file_that_was_damaged_anywhere_since_is_not_unchanged_and_is_made_again(
    raw, tmp_path, monkeypatch, kind
):
    monkeypatch.setattr(done, "_END", 64)  # of a part of genuine size, most lies before its end
    parse(NTU, [raw], tmp_path / "out", files_per_task=3)
    before, path, said = contents(tmp_path / "out"), table_file_path(tmp_path / "out", kind, 1), []
    flip_byte(path, path.stat().st_size // 2)
    parse(NTU, [raw], tmp_path / "out", files_per_task=3, log=said.append)
    assert said == ["2 of 3 table files are as they were, their raw files are not read again"]
    assert contents(tmp_path / "out") == before


def test_a_table_file_that_was_damaged_while_parse_was_at_work_is_named_in_one_line(raw, tmp_path, monkeypatch):
    parse(NTU, [raw], tmp_path / "out")
    monkeypatch.setattr(stage, "_done", lambda parts: {part.number for part in parts})
    path = table_file_path(tmp_path / "out", "clips", 0)
    row_group = pq.read_metadata(path).row_group(0)
    column = next(c for c in map(row_group.column, range(row_group.num_columns)) if c.path_in_schema == "class_id")
    at = column.dictionary_page_offset or column.data_page_offset
    data = path.read_bytes()
    path.write_bytes(data[:at] + b"\xff" * 4 + data[at + 4 :])
    with pytest.raises(DataError, match=r"^.*clips-00000.parquet: damaged; remove it and run .* \(.*\)$"):
        parse(NTU, [raw], tmp_path / "out")


def test_the_whole_table_of_a_small_folder(raw, tmp_path):
    summary = parse(NTU, [raw], tmp_path / "out")
    expected = ["clips-00000.parquet", "refused-00000.parquet", "refused.csv", "summary.json"]
    assert sorted(contents(tmp_path / "out")) == expected
    clips = list(read_clips(tmp_path / "out"))
    assert [c.source for c in clips] == [name(1, 3)] + [
        f"top/S001C001P001R{r:03d}A{a:03d}.skeleton" for r in (1, 2) for a in (1, 2, 30)
    ]
    assert {c.dataset for c in clips} == {"demo-ntu"}
    assert [c.class_id for c in clips] == [0, 0, 1, 29, 0, 1, 29]
    assert [c.tracks.notes for c in clips] == [("crlf",)] + [()] * 6
    assert clips[-1].tracks.joints_PVC[1].tolist() == [[7, 8, 9], [10, 11, 12]]
    assert clips[-1].tracks.ids.tolist() == [72057594037944738, 72057594037944739]
    assert [str(RefusedFile(**row)) for row in read_refused(tmp_path / "out").to_pylist()] == [
        f"{name(2, 3)}: line 1: the file is empty",
        f"{name(2, 4)}: line 16: a joint line of 3 columns, expected 12",
    ]
    assert summary.files == 9
    assert (summary.clips, summary.refused, summary.outside_split, summary.ignored) == (7, 2, 0, 1)
    assert (summary.classes, summary.frames, summary.notes) == (3, 21, {"crlf": 1})
    assert summary.lines()[0] == "9 files: 7 clips of 3 classes, 21 frames"
    assert f"  {name(2, 3)}: line 1: the file is empty" in summary.lines()
    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert written["refused_by_reason"] == {"a joint line of N columns, expected N": 1, "the file is empty": 1}
    assert written["clips"] == 7


def test_a_zip_gives_the_bytes_of_its_folder(raw, tmp_path):
    parse(NTU, [raw], tmp_path / "a")
    parse(NTU, [zip_folder(raw, tmp_path / "raw.zip")], tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_workers_do_not_change_a_byte(raw, tmp_path):
    for workers in (1, 2):
        parse(NTU, [raw], tmp_path / str(workers), workers=Workers(count=workers), files_per_task=2)
    assert len(contents(tmp_path / "1")) == 2 * 5 + len(("summary.json", "refused.csv"))
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_kinetics_clips_with_their_label_list(tmp_path):
    spec = definition("demo-kinetics", classes="split")
    write_json(tmp_path / "raw" / "kinetics_train_label.json", {"a": {"label": "x", "label_index": 99}})
    for key, own in (("a", 99), ("b", 3), ("c", 98)):
        write_json(tmp_path / "raw" / "kinetics_train" / f"{key}.json", clip(label=None, label_index=own))
    (tmp_path / "raw" / "kinetics_train" / "d.json").write_text('{"data": [}')
    summary = parse(spec, [tmp_path / "raw"], tmp_path / "out")
    (only,) = read_clips(tmp_path / "out")
    assert (only.key, only.class_id, only.class_name, only.tracks.notes) == ("b", 3, "class 3", ("not_on_list",))
    np.testing.assert_array_equal(only.tracks.scores_PV, np.array([[1, 0.5], [0, 1.29], [1, 0.5]], np.float32))
    assert (summary.files, summary.outside_split, summary.refused, summary.ignored) == (4, 2, 1, 0)
    assert summary.first_refused == ("kinetics_train/d.json: byte 10: not JSON: Expecting value",)


def parse_killed_at(number, monkeypatch, raw, out):
    """A run that dies while it writes part `number`: the refused part is there, the clips part half written."""
    write = stage.write_table_file

    def dying(table, path):
        if path == table_file_path(path.parent, "clips", number):
            unfinished_name(path).write_bytes(b"PAR1")
            raise KeyboardInterrupt
        write(table, path)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "write_table_file", dying)
        with pytest.raises(KeyboardInterrupt):
            parse(NTU, [raw], out, files_per_task=2)


def test_a_killed_run_goes_on_where_it_stopped(raw, tmp_path, monkeypatch):
    expected = parse(NTU, [raw], tmp_path / "never-killed", files_per_task=2)
    out = tmp_path / "out"
    parse_killed_at(2, monkeypatch, raw, out)
    assert (out / PLAN_NAME).exists()
    with pytest.raises(DataError, match="has not finished"):
        read_facts(out)
    read = []
    original = jobs.read
    monkeypatch.setattr(jobs, "read", lambda file: (read.append(file.source), original(file))[1])
    assert parse(NTU, [raw], out, files_per_task=2) == expected
    assert read == sorted(file.source for file in find_raw(NTU, [raw]))[4:]
    assert contents(out) == contents(tmp_path / "never-killed")


def test_finished_files_are_kept_when_workers_go_on(raw, tmp_path, monkeypatch):
    out = tmp_path / "out"
    parse_killed_at(3, monkeypatch, raw, out)
    before = {path.name: path.stat().st_ino for path in out.glob("clips-*")}
    parse(NTU, [raw], out, workers=Workers(count=2), files_per_task=2)
    assert {n: (out / n).stat().st_ino for n in before} == before
    assert len(before) == 3
    assert len(list(read_clips(out))) == 7


@pytest.fixture
def read(monkeypatch):
    """Sources of the raw files that are read."""
    sources, original = [], jobs.read
    monkeypatch.setattr(jobs, "read", lambda file: (sources.append(file.source), original(file))[1])
    return sources


def test_contents_of_the_same_size_whose_time_was_set_back_are_read_again(raw, tmp_path, read):
    path, before = raw / name(1, 3), (raw / name(1, 3)).stat()
    parse(NTU, [raw], tmp_path / "out")
    path.write_bytes(path.read_bytes().replace(b"7", b"8"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    read.clear()
    parse(NTU, [raw], tmp_path / "out")
    assert name(1, 3) in read


@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("change", ["touched", "added in front", "added behind", "removed", "part size", "definition"])
def test_only_tasks_of_which_something_has_changed_are_read_again(raw, tmp_path, monkeypatch, read, change, killed):
    out, spec, size = tmp_path / "out", NTU, 2
    if killed:
        parse_killed_at(4, monkeypatch, raw, out)
    else:
        parse(NTU, [raw], out, files_per_task=2)
    if change == "touched":
        os.utime(raw / name(1, 3), ns=(1, 1))
    elif change == "added in front":
        write_ntu(raw, [name(5)])
    elif change == "added behind":
        write_ntu(raw / "z", [name(5)])
    elif change == "removed":
        (raw / "top" / name(30, 2)).unlink()
    elif change == "part size":
        size = 4
    else:
        spec = replace(NTU, parse=replace(NTU.parse, missing=frozenset({name(1, 3)[:20]})))
    read.clear()
    parse(spec, [raw], out, files_per_task=size)
    concerned = {"touched": 2, "added in front": 10, "added behind": 2, "removed": 0, "part size": 9, "definition": 8}
    assert len(read) == concerned[change] + (killed and change == "touched")
    parse(spec, [raw], tmp_path / "fresh", files_per_task=size)
    assert contents(out) == contents(tmp_path / "fresh")


def test_what_is_unchanged_is_not_read_twice(raw, tmp_path, read):
    out, said = tmp_path / "out", []
    first = parse(NTU, [raw], out, files_per_task=4, log=said.append)
    before = {path: path.stat().st_mtime_ns for path in [out, *out.iterdir()]}
    read.clear()
    assert said == []
    assert parse(NTU, [raw], out, files_per_task=4, log=said.append) == first
    assert said == ["3 of 3 table files are as they were, their raw files are not read again"]
    assert read == []
    assert {path: path.stat().st_mtime_ns for path in [out, *out.iterdir()]} == before


def test_other_code_reads_everything_again(raw, tmp_path, read, monkeypatch):
    parse(NTU, [raw], tmp_path / "out")
    read.clear()
    monkeypatch.setattr(stage, "code_digest", lambda: "changed")
    parse(NTU, [raw], tmp_path / "out")
    assert len(read) == 9


@pytest.mark.parametrize("lost", ["clips-00001.parquet", "refused-00001.parquet"])
def test_a_table_file_that_was_removed_or_replaced_is_made_again(raw, tmp_path, lost):
    out = tmp_path / "out"
    parse(NTU, [raw], out, files_per_task=2)
    expected = contents(out)
    (out / lost).unlink()
    parse(NTU, [raw], out, files_per_task=2)
    assert contents(out) == expected
    (out / lost).write_bytes((out / lost.replace("1", "0")).read_bytes())
    parse(NTU, [raw], out, files_per_task=2)
    assert contents(out) == expected


def test_other_files_beside_the_raw_ones_change_the_summary_alone(raw, tmp_path, read):
    parse(NTU, [raw], tmp_path / "out")
    (raw / "LICENSE.txt").write_text("x")
    read.clear()
    assert parse(NTU, [raw], tmp_path / "out").ignored == 2
    assert json.loads((tmp_path / "out" / SUMMARY_NAME).read_text())["ignored"] == 2
    assert read == []


@pytest.mark.parametrize("kind", ["clips", "refused"])
def test_a_finished_table_file_that_was_damaged_is_made_again(raw, tmp_path, monkeypatch, kind):
    out = tmp_path / "out"
    parse(NTU, [raw], tmp_path / "fresh", files_per_task=2)
    parse_killed_at(2, monkeypatch, raw, out)
    table_file_path(out, kind, 1).write_bytes(b"PAR1")
    parse(NTU, [raw], out, files_per_task=2)
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_second_run_replaces_the_table_and_nothing_else(raw, tmp_path):
    out = tmp_path / "out"
    parse(NTU, [raw], out, files_per_task=1)
    (out / "mine.txt").write_text("keep")
    (raw / name(1, 3)).unlink()
    parse(NTU, [raw], out)
    expected = ["clips-00000.parquet", "mine.txt", "refused-00000.parquet", "refused.csv", "summary.json"]
    assert sorted(contents(out)) == expected
    assert len(list(read_clips(out))) == 6


def test_too_many_refused_files_stop_the_run(raw, tmp_path):
    assert parse(NTU, [raw], tmp_path / "a", max_refused=2).refused == 2
    with pytest.raises(DataError, match=r"2 files refused, more than max_refused = 1; one is S.*\.skeleton: line 16"):
        parse(NTU, [raw], tmp_path / "b", max_refused=1, files_per_task=2)
    assert len(list((tmp_path / "b").glob("clips-*"))) == 2
    with pytest.raises(DataError, match="1 files refused, more than max_refused = 0"):
        parse(NTU, [raw], tmp_path / "c", max_refused=0, files_per_task=2, workers=Workers(count=2))


def test_files_on_the_missing_list_are_refused_but_expected(raw, tmp_path):
    spec = definition("demo-ntu", missing=frozenset({name(1, 1)[:20]}))
    summary = parse(spec, [raw], tmp_path / "out", max_refused=2)
    assert (summary.clips, summary.refused) == (6, 3)
    row = read_refused(tmp_path / "out").to_pylist()[-1]
    assert row["key"] == name(1, 1)[:20]
    assert row["reason"] == "on the data set's list of missing skeletons"


def test_a_vanished_file_is_a_row_of_the_refused_table_until_it_is_back(raw, tmp_path, monkeypatch):
    original, gone = jobs.read, raw / name(1, 3)

    def vanishing(file):
        if file.name == gone.name:
            gone.rename(tmp_path / "away")
        return original(file)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "read", vanishing)
        parse(NTU, [raw], tmp_path / "out", files_per_task=4)
    assert read_refused(tmp_path / "out").to_pylist()[0]["reason"] == "the file is no longer there"
    (tmp_path / "away").rename(gone)
    said = []
    assert parse(NTU, [raw], tmp_path / "out", files_per_task=4, log=said.append).refused == 2
    assert said[0].startswith("2 of 3 table files are as they were")


def test_a_read_only_folder_is_one_clear_line(raw, tmp_path, monkeypatch):
    def refuse(path, *_words, **_options):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(
        DataError,
        match=r"out\.done: cannot be written: Read-only file system; nothing can be written there",
    ):
        parse(NTU, [raw], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_not_one_usable_clip_is_an_error(tmp_path):
    write_ntu(tmp_path / "raw", {name(1): "", "x.skeleton": SKELETON})
    with pytest.raises(
        DataError,
        match=r"not one usable clip, so there is no parsed table\. 2 files: 0 clips .*line 1: the file is empty",
    ):
        parse(NTU, [tmp_path / "raw"], tmp_path / "out")


def test_all_clips_outside_the_split_is_an_error(tmp_path):
    write_ntu(tmp_path / "raw", [name(99)])
    with pytest.raises(DataError, match=r"not one usable clip.*1 outside the class split"):
        parse(definition("demo-ntu", classes="split"), [tmp_path / "raw"], tmp_path / "out")


def test_a_missing_raw_folder_says_what_to_download(tmp_path):
    with pytest.raises(DataError, match=r"raw: not there.*nturgbd_skeletons_s001_to_s017\.zip.*ROSE Lab"):
        parse(definition("ntu-t"), [tmp_path / "raw"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_out_never_lies_in_a_raw_folder(raw):
    for out in (raw, raw / "parsed", path_of(f"file://{raw}/parsed")):
        with pytest.raises(DataError, match="lies in the raw folder"):
            parse(NTU, [raw], out)


def test_a_folder_of_other_files_is_left_alone(raw, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / SUMMARY_NAME).write_text("mine")
    with pytest.raises(DataError, match="out: holds files but no parsed table"):
        parse(NTU, [raw], tmp_path / "out")
    assert contents(tmp_path / "out") == {SUMMARY_NAME: b"mine"}


def test_a_table_that_is_half_removed_is_neither_read_nor_continued(raw, tmp_path, monkeypatch):
    expected = parse(NTU, [raw], tmp_path / "other", files_per_task=1)
    out = tmp_path / "out"
    parse(NTU, [raw], out, files_per_task=2)
    unlink = Path.unlink

    def dying(path, **options):
        if path.name == "clips-00001.parquet":
            raise KeyboardInterrupt
        unlink(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dying)
        with pytest.raises(KeyboardInterrupt):
            parse(NTU, [raw], out, files_per_task=1)
    assert table_file_path(out, "clips", 1).exists()
    with pytest.raises(DataError, match="has not finished"):
        read_facts(out)
    assert parse(NTU, [raw], out, files_per_task=1) == expected
    assert contents(out) == contents(tmp_path / "other")


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_folders_whose_names_are_not_utf8_are_named_all_the_same(tmp_path):
    for folder in (b"a\xff", b"b\xfe"):
        (tmp_path / "raw" / os.fsdecode(folder)).mkdir(parents=True)
        write_ntu(tmp_path / "raw" / os.fsdecode(folder), [name(1)])
    parse(NTU, [tmp_path / "raw"], tmp_path / "out")
    (row,) = read_refused(tmp_path / "out").to_pylist()
    assert row["source"] == f"b\\xfe/{name(1)}"
    assert row["reason"] == f"the same clip as 'a\\xff/{name(1)}'"


def test_out_that_is_a_file_is_an_error(raw, tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(DataError, match="out: cannot be written: File exists"):
        parse(NTU, [raw], tmp_path / "out")


def test_tasks_of_less_than_one_file_are_an_error(raw, tmp_path):
    with pytest.raises(DataError, match="at least 1"):
        parse(NTU, [raw], tmp_path / "out", files_per_task=0)


def test_want_of_memory_names_the_file(raw, tmp_path, monkeypatch):
    def too_much(file):
        raise MemoryError

    monkeypatch.setattr(jobs, "read", too_much)
    with pytest.raises(DataError, match=r"A001\.skeleton: not enough memory"):
        parse(NTU, [raw], tmp_path / "out")


def test_raw_files_are_listed_without_label_lists(raw):
    assert len(find_raw(NTU, [raw])) == 9


@pytest.mark.skipif(not REAL_MOTION.is_file(), reason="no recorded motion beside this checkout")
def test_all_recorded_motion_is_read(tmp_path):
    summary = parse(
        replace(NTU, parse=replace(NTU.parse, layout=NTU25)), [REAL_MOTION], tmp_path, workers=Workers(count=2)
    )
    assert (summary.clips, summary.refused, summary.classes, summary.frames) == (1397, 0, 70, 87415)
    metadata = pq.read_metadata(tmp_path / "clips-00000.parquet")
    assert metadata.num_rows == 512
