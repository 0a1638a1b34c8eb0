import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from queue import Queue
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from dastm.skeleton import NTU25
from pipeline import jobs
from pipeline import parse as stage
from pipeline.errors import DataError
from pipeline.parse import SUMMARY_NAME, _in_processes, default_workers, find_raw, parse
from pipeline.table import PLAN_NAME, RefusedFile, part_path, read_clips, read_facts, read_refused
from tests.pipeline.raw_files import SKELETON, clip, definition, write_json, write_ntu, zip_folder

REAL_MOTION = Path(__file__).parents[3] / "shared" / "realmotion" / "realmotion.zip"
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


def test_the_whole_table_of_a_small_folder(raw, tmp_path):
    summary = parse(NTU, [raw], tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == ["clips-00000.parquet", "refused-00000.parquet", "summary.json"]
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
        parse(NTU, [raw], tmp_path / str(workers), workers=workers, files_per_part=2)
    assert len(contents(tmp_path / "1")) == 2 * 5 + 1
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
    write = stage.write_part

    def dying(table, path):
        if path == part_path(path.parent, "clips", number):
            path.with_name(f".{path.name}.new").write_bytes(b"PAR1")
            raise KeyboardInterrupt
        write(table, path)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "write_part", dying)
        with pytest.raises(KeyboardInterrupt):
            parse(NTU, [raw], out, files_per_part=2)


def test_a_killed_run_goes_on_where_it_stopped(raw, tmp_path, monkeypatch):
    expected = parse(NTU, [raw], tmp_path / "never-killed", files_per_part=2)
    out = tmp_path / "out"
    parse_killed_at(2, monkeypatch, raw, out)
    assert (out / PLAN_NAME).exists()
    with pytest.raises(DataError, match="has not finished"):
        read_facts(out)
    read = []
    original = jobs.read
    monkeypatch.setattr(jobs, "read", lambda file: (read.append(file.source), original(file))[1])
    assert parse(NTU, [raw], out, files_per_part=2) == expected
    assert read == sorted(file.source for file in find_raw(NTU, [raw]))[4:]
    assert contents(out) == contents(tmp_path / "never-killed")


def test_finished_parts_keep_their_files_when_workers_go_on(raw, tmp_path, monkeypatch):
    out = tmp_path / "out"
    parse_killed_at(3, monkeypatch, raw, out)
    before = {path.name: path.stat().st_ino for path in out.glob("clips-*")}
    parse(NTU, [raw], out, workers=2, files_per_part=2)
    assert {n: (out / n).stat().st_ino for n in before} == before
    assert len(before) == 3
    assert len(list(read_clips(out))) == 7


@pytest.mark.parametrize("change", ["touched", "added", "part size", "definition"])
def test_another_plan_starts_from_scratch(raw, tmp_path, monkeypatch, change):
    out, spec, size = tmp_path / "out", NTU, 2
    parse_killed_at(4, monkeypatch, raw, out)
    if change == "touched":
        os.utime(raw / name(1, 3), ns=(1, 1))
    elif change == "added":
        write_ntu(raw, [name(5)])
    elif change == "part size":
        size = 4
    else:
        spec = replace(NTU, parse=replace(NTU.parse, missing=frozenset({name(1, 3)[:20]})))
    read = []
    original = jobs.read
    monkeypatch.setattr(jobs, "read", lambda file: (read.append(file.source), original(file))[1])
    parse(spec, [raw], out, files_per_part=size)
    assert len(read) == {"added": 10, "definition": 8}.get(change, 9)
    parse(spec, [raw], tmp_path / "fresh", files_per_part=size)
    assert contents(out) == contents(tmp_path / "fresh")


@pytest.mark.parametrize("kind", ["clips", "refused"])
def test_a_finished_part_that_was_damaged_is_done_again(raw, tmp_path, monkeypatch, kind):
    out = tmp_path / "out"
    parse(NTU, [raw], tmp_path / "fresh", files_per_part=2)
    parse_killed_at(2, monkeypatch, raw, out)
    part_path(out, kind, 1).write_bytes(b"PAR1")
    parse(NTU, [raw], out, files_per_part=2)
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_second_run_replaces_the_table_and_nothing_else(raw, tmp_path):
    out = tmp_path / "out"
    parse(NTU, [raw], out, files_per_part=1)
    (out / "mine.txt").write_text("keep")
    (raw / name(1, 3)).unlink()
    parse(NTU, [raw], out)
    assert sorted(contents(out)) == ["clips-00000.parquet", "mine.txt", "refused-00000.parquet", "summary.json"]
    assert len(list(read_clips(out))) == 6


def test_too_many_refused_files_stop_the_run(raw, tmp_path):
    assert parse(NTU, [raw], tmp_path / "a", max_refused=2).refused == 2
    with pytest.raises(DataError, match=r"2 files refused, more than max_refused = 1; one is S.*\.skeleton: line 16"):
        parse(NTU, [raw], tmp_path / "b", max_refused=1, files_per_part=2)
    assert len(list((tmp_path / "b").glob("clips-*"))) == 2
    with pytest.raises(DataError, match="1 files refused, more than max_refused = 0"):
        parse(NTU, [raw], tmp_path / "c", max_refused=0, files_per_part=2, workers=2)


def test_files_on_the_missing_list_are_refused_but_expected(raw, tmp_path):
    spec = definition("demo-ntu", missing=frozenset({name(1, 1)[:20]}))
    summary = parse(spec, [raw], tmp_path / "out", max_refused=2)
    assert (summary.clips, summary.refused) == (6, 3)
    row = read_refused(tmp_path / "out").to_pylist()[-1]
    assert row["key"] == name(1, 1)[:20]
    assert row["reason"] == "on the data set's list of missing skeletons"


def test_a_vanished_file_is_a_row_of_the_refused_table(raw, tmp_path, monkeypatch):
    original = jobs.read

    def vanishing(file):
        (raw / name(1, 3)).unlink(missing_ok=True)
        return original(file)

    monkeypatch.setattr(jobs, "read", vanishing)
    parse(NTU, [raw], tmp_path / "out")
    assert read_refused(tmp_path / "out").to_pylist()[0]["reason"] == "the file is no longer there"


def test_not_one_usable_clip_is_an_error(tmp_path):
    write_ntu(tmp_path / "raw", {name(1): "", "x.skeleton": SKELETON})
    with pytest.raises(DataError, match=r"not one usable clip\. 2 files: 0 clips .*line 1: the file is empty"):
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
    for out in (raw, raw / "parsed"):
        with pytest.raises(DataError, match="lies in the raw folder"):
            parse(NTU, [raw], out)


def test_a_folder_of_other_files_is_left_alone(raw, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / SUMMARY_NAME).write_text("mine")
    with pytest.raises(DataError, match="out: holds files but no parsed table"):
        parse(NTU, [raw], tmp_path / "out")
    assert contents(tmp_path / "out") == {SUMMARY_NAME: b"mine"}


def test_a_table_that_is_half_removed_is_neither_read_nor_continued(raw, tmp_path, monkeypatch):
    expected = parse(NTU, [raw], tmp_path / "other", files_per_part=1)
    out = tmp_path / "out"
    parse(NTU, [raw], out, files_per_part=2)
    unlink = Path.unlink

    def dying(path, **options):
        if path.name == "clips-00001.parquet":
            raise KeyboardInterrupt
        unlink(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dying)
        with pytest.raises(KeyboardInterrupt):
            parse(NTU, [raw], out, files_per_part=1)
    assert part_path(out, "clips", 1).exists()
    with pytest.raises(DataError, match="has not finished"):
        read_facts(out)
    assert parse(NTU, [raw], out, files_per_part=1) == expected
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


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"files_per_part": 0}])
def test_numbers_below_one_are_errors(raw, tmp_path, wrong):
    with pytest.raises(DataError, match="at least 1"):
        parse(NTU, [raw], tmp_path / "out", **wrong)


def test_want_of_memory_names_the_file(raw, tmp_path, monkeypatch):
    def too_much(file):
        raise MemoryError

    monkeypatch.setattr(jobs, "read", too_much)
    with pytest.raises(DataError, match=r"A001\.skeleton: not enough memory"):
        parse(NTU, [raw], tmp_path / "out")


class Deadly:
    """Kills the process that receives it."""

    def __reduce__(self):
        return os._exit, (3,)


def test_a_worker_that_is_killed_is_one_clear_line():
    with pytest.raises(DataError, match="a worker process was killed"):
        list(_in_processes([Deadly(), Deadly()], 2))


ORPHANS = """
import os, signal
from pipeline.parse import worker_pool
pool = worker_pool(1)
print(pool.submit(os.getpid).result(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_workers_do_not_outlive_a_killed_run(tmp_path):
    with (tmp_path / "pid").open("wb") as output:  # a pipe would stay open as long as the worker lives
        run = [sys.executable, "-c", ORPHANS]
        killed = subprocess.run(
            run, stdout=output, stderr=subprocess.DEVNULL, check=False, timeout=60, cwd=Path(__file__).parents[2]
        )
    assert killed.returncode == -signal.SIGKILL
    worker = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    left_behind = is_running(worker)
    if left_behind:
        os.kill(worker, signal.SIGKILL)
    assert not left_behind


def test_a_worker_leaves_when_its_parent_has_gone(monkeypatch):
    left = Queue()
    receiver, sender = Pipe(duplex=False)
    monkeypatch.setattr(os, "_exit", left.put)
    monkeypatch.setattr(stage, "parent_process", lambda: SimpleNamespace(sentinel=receiver.fileno()))
    stage._leave_with_parent()
    assert left.empty()
    sender.close()
    assert left.get(timeout=20) == 1
    receiver.close()


def test_raw_files_are_listed_without_label_lists(raw):
    assert len(find_raw(NTU, [raw])) == 9


def test_default_workers_are_at_least_one():
    assert 1 <= default_workers() <= (os.cpu_count() or 1)


@pytest.mark.slow
@pytest.mark.skipif(not REAL_MOTION.is_file(), reason="no recorded motion beside this checkout")
def test_all_recorded_motion_is_read(tmp_path):
    summary = parse(replace(NTU, parse=replace(NTU.parse, layout=NTU25)), [REAL_MOTION], tmp_path, workers=2)
    assert (summary.clips, summary.refused, summary.classes, summary.frames) == (1397, 0, 70, 87415)
    metadata = pq.read_metadata(tmp_path / "clips-00000.parquet")
    assert metadata.num_rows == 512
