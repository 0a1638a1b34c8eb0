import pytest

from dastm.contract.errors import DataError
from pipeline.work import resume as done
from pipeline.work.paths import path_of
from pipeline.work.resume import (
    alone,
    code_digest,
    digest_of,
    digest_of_end,
    digest_of_file,
    digest_of_whole,
    keep_for,
    notes_folder,
    read_note,
    write_note,
)


def test_a_note_is_read_as_it_was_written_and_makes_its_folder(tmp_path):
    note = notes_folder(tmp_path / "out") / "note.json"
    assert note == tmp_path / ".out.done" / "note.json"
    assert read_note(note) is None
    write_note(note, {"ü": [1, "\udcff"]})
    assert read_note(note) == {"ü": [1, "\udcff"]}
    assert [path.name for path in note.parent.iterdir()] == ["note.json"]


def test_a_damaged_note_is_none(tmp_path):
    (tmp_path / "note.json").write_bytes(b'{"a": \xff')
    assert read_note(tmp_path / "note.json") is None
    assert read_note(tmp_path / "note.json" / "below") is None


def test_a_folder_is_kept_for_the_same_work_only(tmp_path):
    folder = tmp_path / "work"
    keep_for(folder, "a")
    (folder / "part").touch()
    keep_for(folder, "a")
    assert (folder / "part").exists()
    keep_for(folder, "b")
    assert [path.name for path in folder.iterdir()] == ["work.json"]


@pytest.mark.parametrize("url", ["", "file://"])
def test_one_command_at_a_time_works_on_a_folder(tmp_path, url):
    out = path_of(f"{url}{tmp_path}/out")
    with alone(out):
        keep_for(notes_folder(out), "other work")
        with pytest.raises(DataError, match="out: another command is at work there"), alone(tmp_path / "out"):
            pass
        with alone(tmp_path / "another"):
            pass
    with alone(out):
        pass


def test_a_file_system_without_locks_is_worked_on_all_the_same(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(done.fcntl, "flock", refuse)
    with alone(tmp_path / "out"), alone(tmp_path / "out"):
        pass


def test_digests_tell_documents_and_files_apart(tmp_path):
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": 1, "b": 3})
    path, long = tmp_path / "file", bytes(2**17)
    digests = set()
    for data in (b"", b"a", b"b", long, long + b"a", long[:-1] + b"a"):
        path.write_bytes(data)
        digests.add((digest_of_end(path), digest_of_file(path)))
    assert len({end for end, _ in digests}) == len({whole for _, whole in digests}) == 6
    assert digest_of_end(tmp_path / "none") is None


def test_a_table_file_is_digested_whole_here_and_by_its_end_in_a_store(tmp_path):
    path = tmp_path / "part"
    path.write_bytes(bytes(2**17))
    assert digest_of_whole(path) == digest_of_file(path)
    assert digest_of_whole(tmp_path / "none") is None
    there = path_of("memory://parts/part")
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(path.read_bytes())
    assert digest_of_whole(there) == digest_of_end(there) == digest_of_end(path)


def test_the_digest_of_the_code_covers_what_results_come_from_and_nothing_else(tmp_path, monkeypatch):
    for name in (
        "pipeline/parse/run.py",
        "pipeline/kernels/a.py",
        "pipeline/cli/a.py",
        "dastm/contract/skeleton.py",
        "dastm/contract/shard_format.py",
        "dastm/contract/compiled.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    for name in ("shard_writing", "table", "tracks"):
        (tmp_path / "pipeline" / f"{name}.py").write_text("")
    monkeypatch.setattr(done, "PACKAGES", tmp_path)
    fresh = code_digest.__wrapped__
    before = fresh()
    (tmp_path / "pipeline/cli/a.py").write_text("changed")
    assert fresh() == before
    (tmp_path / "pipeline/kernels/a.py").write_text("changed")
    assert fresh() != before
