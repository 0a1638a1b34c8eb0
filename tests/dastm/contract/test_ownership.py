"""What is ours to replace (what commands make of it: tests/test_foreign_folders.py)."""

import os

import pytest

from dastm.contract.ownership import (
    PAGE,
    FileKind,
    NotOurs,
    begins_with,
    check_file,
    check_listed,
    check_plain,
    csv_with,
    finished_name,
    inside,
    json_with,
    remove_all,
    remove_unfinished,
    unfinished_name,
)


def test_an_unfinished_file_has_a_name_of_its_own_that_tells_the_finished_one(tmp_path):
    path = tmp_path / "last.pt"
    assert unfinished_name(path) != unfinished_name(path)
    assert finished_name(unfinished_name(path).name) == "last.pt"
    assert finished_name("a/.b.0123456789ab.new") == "a/b"
    for name in (".b.new", ".b.7.tmp", "b.0123456789ab.new", "a/b"):
        assert finished_name(name) == name


def test_only_unfinished_files_of_known_names_are_removed_and_never_through_links(tmp_path):
    folder, victim = tmp_path / "folder", tmp_path / "victim"
    folder.mkdir()
    names = [unfinished_name(folder / name) for name in ("ours", "other", "ours")]
    for path in (*names[:2], victim):
        path.write_text("")
    names[2].symlink_to(victim)
    remove_unfinished(folder, "ours".__eq__)
    assert [path.is_symlink() or path.exists() for path in names] == [False, True, True]
    (tmp_path / "link").symlink_to(folder)
    remove_unfinished(tmp_path / "link", "other".__eq__)
    assert names[1].exists()
    remove_unfinished(victim, "other".__eq__)


def test_links_and_what_is_neither_file_nor_folder_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    check_plain(tmp_path, tmp_path / "file", tmp_path / "nowhere")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(NotOurs, match="dangling: is a link"):
        check_plain(tmp_path / "dangling")
    (tmp_path / "cached").symlink_to("file")  # as `dvc config cache.type symlink` leaves results
    with pytest.raises(NotOurs, match=f"cached: is a link, .*; `dvc unprotect {tmp_path / 'cached'}` if DVC linked it"):
        check_plain(tmp_path / "cached")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotOurs, match="pipe: is neither a file nor a folder"):
        check_plain(tmp_path / "pipe")


def test_of_a_folder_that_dvc_linked_the_whole_is_to_be_unprotected(tmp_path):
    """Its files are thousands, and one command frees them all."""
    (tmp_path / "cache").write_text("")
    (tmp_path / "shards" / "train").mkdir(parents=True)
    (tmp_path / "shards" / "train" / "000.tar").symlink_to(tmp_path / "cache")
    with pytest.raises(NotOurs, match=f"000.tar: is a link, .*; `dvc unprotect {tmp_path / 'shards'}` if DVC linked"):
        list(inside(tmp_path / "shards"))


def test_a_folder_is_ours_where_all_in_it_is_listed_and_goes_with_the_file_that_says_so_last(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    (folder / "a" / "b").mkdir(parents=True)
    for name in ("list", "a/one", "a/b/two"):
        (folder / name).write_text("")
    assert [name for name, _ in inside(folder)] == ["a/b/two", "a/one", "list"]
    check_listed(folder, {"list", "a/one", "a/b/two"}.__contains__, "this test")
    with pytest.raises(NotOurs, match="a/one: is not part of this test"):
        check_listed(folder, {"list", "a/b/two"}.__contains__, "this test")
    gone = []
    unlink = type(folder).unlink
    monkeypatch.setattr(type(folder), "unlink", lambda path: (gone.append(path.name), unlink(path)))
    remove_all(folder, "a/one")
    assert (gone[-1], folder.exists()) == ("one", False)


KINDS = {
    "page": (PAGE, b'<!doctype html>\n<meta name="generator" content="dastm">', b"<!doctype html>\n<p>mine"),
    "json": (FileKind("x", json_with("a", "b")), b'[{"a": 1, "b": 2, "c": 3}]', b'{"a": 1}'),
    "no json": (FileKind("x", json_with("a")), b'{"a": 1}', b"[" * 100_000),
    "empty list": (FileKind("x", json_with("a")), b'{"a": 1}', b"[]"),
    "csv": (FileKind("x", csv_with("a", "b")), b"c,b,a\r\n1,2,3\n", b"a,c\n"),
    "no csv": (FileKind("x", csv_with("a")), b"\xef\xbb\xbfa,b", b"\xff\xfe"),
    "bytes": (FileKind("x", begins_with(b"GIF", b"word")), b"GIF a word", b"GIF"),
}


@pytest.mark.parametrize("what", KINDS)
def test_a_file_is_replaced_where_it_reads_as_ours_or_is_empty(tmp_path, what):
    kind, ours, other = KINDS[what]
    path = tmp_path / "file"
    check_file(path, kind)
    for content in (b"", ours):
        path.write_bytes(content)
        check_file(path, kind)
    path.write_bytes(other)
    with pytest.raises(NotOurs, match=f"file: is not {kind.about}, so it is not replaced"):
        check_file(path, kind)


def test_kinds_that_are_called_alike_are_named_once(tmp_path):
    (tmp_path / "a.zip").write_text("somebody else's")
    kinds = [FileKind("an export", begins_with(start)) for start in (b"PK", b"\x80")]
    with pytest.raises(NotOurs, match=r"is not an export, so"):
        check_file(tmp_path / "a.zip", *kinds)


def test_a_folder_where_a_file_is_to_be_is_not_ours(tmp_path):
    with pytest.raises(NotOurs, match="a folder is there; move it away, or name a file"):
        check_file(tmp_path, KINDS["page"][0])


def test_a_document_larger_or_deeper_than_any_of_ours_is_not_ours(tmp_path):
    path, kind = tmp_path / "file", FileKind("a result", json_with("rows"))
    with path.open("wb") as file:
        file.truncate(2**26 + 1)
    with pytest.raises(NotOurs):
        check_file(path, kind)
    for n_lists, is_ours in ((3, True), (200, False)):
        path.write_text('{"rows": ' + "[" * n_lists + "]" * n_lists + "}")
        assert json_with_says(path, kind) is is_ours


def json_with_says(path, kind):
    try:
        check_file(path, kind)
    except NotOurs:
        return False
    return True
