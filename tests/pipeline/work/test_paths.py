import os
import re

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dastm.contract.errors import DataError
from dastm.contract.ownership import NotOurs, unfinished_name
from pipeline.work.paths import (
    beside,
    can_rename,
    clear_errors,
    is_local,
    path_of,
    ranges,
    readable,
    remove_folder,
    single_file,
    whole_file,
    write_whole,
)


@pytest.fixture(params=["plain", "file", "memory"])
def folder(request, tmp_path):
    """A folder of each kind of place."""
    if request.param == "memory":
        yield path_of("memory://places/folder")
        fsspec.filesystem("memory").store.clear()
    else:
        (tmp_path / "folder").mkdir()
        yield path_of({"plain": "", "file": "file://"}[request.param] + f"{tmp_path}/folder")


def test_a_path_stays_a_path_and_a_url_is_a_place_of_its_store(tmp_path):
    assert path_of(str(tmp_path)) == tmp_path
    assert [is_local(path_of(text)) for text in ("a/b", "file:///a/b", "memory://a/b")] == [True, False, False]
    assert [can_rename(path_of(text)) for text in ("a/b", "file:///a/b", "memory://a/b")] == [True, True, False]


@pytest.mark.parametrize("text", ["memory://", "nowhere://a/b", "reference://a/b", "http://[a/b"])
def test_what_is_no_place_is_one_line(text):
    with pytest.raises(DataError, match=f"^{re.escape(text)}: "):
        path_of(text)


def test_a_missing_package_is_named(monkeypatch):
    def missing(protocol):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    with pytest.raises(
        DataError, match=r"^s3://a/b: a package is missing for s3:// \(Install s3fs .*; pip install it$"
    ):
        path_of("s3://a/b")


def test_a_file_is_there_whole_or_not_at_all(folder):
    write_whole(folder / "a", b"old")
    with pytest.raises(TypeError), whole_file(folder / "a") as file:
        file.writelines([b"half", None])
    assert (folder / "a").read_bytes() == b"old"
    with whole_file(folder / "a") as file:
        file.write(b"new")
        assert (folder / "a").read_bytes() == b"old"
    assert (folder / "a").read_bytes() == b"new"
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_a_link_stays_one_and_its_target_is_written(tmp_path):
    (tmp_path / "link").symlink_to("target")
    write_whole(tmp_path / "link", b"a")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"a"


def test_a_pipe_is_written_and_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"a")
    assert os.read(reader, 9) == b"a"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"/none/a'$"):
        write_whole(tmp_path / "none" / "a", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match=r"/folder'$"):
        write_whole(tmp_path / "folder", b"")


def test_what_a_killed_command_had_not_finished_is_cleared_by_the_next_one_and_nothing_else(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "page.html").symlink_to("real/page.html")
    half = unfinished_name(tmp_path / "real" / "page.html")
    others = [unfinished_name(tmp_path / "real" / "other.html"), tmp_path / "real" / ".page.html.new"]
    for path in (half, *others):
        path.write_bytes(b"half")
    with single_file(tmp_path / "page.html") as file:
        file.write(b"whole")
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == sorted(
        ["page.html", *(path.name for path in others)]
    )
    assert (tmp_path / "page.html").is_symlink()
    with single_file(tmp_path / "new" / "page.html") as file:
        file.write(b"whole")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["page.html"]


def write_single(path, data):
    with single_file(path) as file:
        file.write(data)


@pytest.mark.parametrize("write", [write_whole, write_single])
def test_nothing_is_written_through_a_link_into_the_cache_of_dvc(tmp_path, write):
    """Its files are read-only, and named by what they hold."""
    (tmp_path / "cached").write_bytes(b"old")
    (tmp_path / "cached").chmod(0o444)
    (tmp_path / "page.html").symlink_to("cached")
    with pytest.raises(NotOurs, match=f"is a link, .*`dvc unprotect {tmp_path / 'page.html'}` if DVC linked it"):
        write(tmp_path / "page.html", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"cached": b"old", "page.html": b"old"}


def test_ranges_of_a_file_are_read_in_any_order(folder):
    write_whole(folder / "a", b"0123456789")
    with ranges(folder / "a") as read:
        assert [read(7, 3), read(0, 2), read(4, 1)] == [b"789", b"01", b"4"]


def test_pyarrow_reads_what_is_readable(folder):
    with whole_file(folder / "a.parquet") as file:
        pq.write_table(pa.table({"x": [1, 2]}), file)
    with readable(folder / "a.parquet") as source:
        assert pq.read_table(source)["x"].to_pylist() == [1, 2]


def test_a_folder_whose_name_begins_like_a_url_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("s3:x", "file:x"):
        place = path_of(f"./{name}")
        place.mkdir()
        pq.write_table(pa.table({"x": [1, 2]}), tmp_path / name / "a.parquet")
        with readable(place / "a.parquet") as source:
            assert pq.read_schema(source).names == ["x"]


def test_nothing_lies_beside_the_root():
    with pytest.raises(DataError, match=r"^/: the root of a file system, .*; name a folder in it$"):
        beside(path_of("/"), "done")


def test_a_folder_is_removed_with_all_in_it(folder):
    (folder / "deep").mkdir()
    write_whole(folder / "deep" / "a", b"x")
    remove_folder(folder)
    remove_folder(folder)
    assert not folder.exists()


def test_the_hidden_neighbour_of_a_link_is_that_of_its_target(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "target")
    assert beside(tmp_path / "link", "new") == tmp_path / "there" / ".target.new"
    assert str(beside(path_of("memory://a/b/c"), "new")) == "memory://a/b/.c.new"


def test_an_error_of_the_disk_names_the_place(tmp_path):
    with (
        pytest.raises(DataError, match=r"^out: cannot be written: full; make room there"),
        clear_errors("out"),
    ):
        raise OSError(28, "full")
