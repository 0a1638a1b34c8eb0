import re

import pytest

from dastm.contract.errors import DataError
from dastm.contract.ownership import NotOurs
from pipeline.work.folders import UNFINISHED, FolderKind, check_replaceable, replaced_folder


def listed(folder):
    return (folder / "marker").read_text().split() if (folder / "marker").is_file() else None


KIND = FolderKind(about="a test's folder", marker="marker", listed=listed, names=re.compile("marker|half|page/one"))


def write(out, text="new"):
    with replaced_folder(out, KIND) as folder:
        assert (folder / UNFINISHED).is_file()
        (folder / "marker").write_text(f"marker {text}")
        (folder / text).write_text(text)


def half_written(out, interruption):
    with replaced_folder(out, KIND) as folder:
        (folder / "half").write_text("")
        raise interruption


def test_a_folder_appears_whole_and_alone(tmp_path):
    out = tmp_path / "deep" / "out"
    with replaced_folder(out, KIND) as folder:
        assert not out.exists()
        (folder / "marker").write_text("marker")
    assert (out / "marker").read_text() == "marker"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    out = tmp_path / "out"
    write(out, "old")
    (out / "old").unlink()  # what is listed and gone is no hindrance
    write(out)
    assert sorted(path.name for path in out.iterdir()) == ["marker", "new"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_run_leaves_the_old_folder_and_nothing_else(tmp_path, interruption):
    out = tmp_path / "out"
    write(out, "old")
    with pytest.raises(interruption):
        half_written(out, interruption)
    assert (out / "old").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_run_left_is_cleared_away(tmp_path):
    for name in (".out.new", ".out.old", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / ".out.new" / UNFINISHED).write_text("dastm-data is")  # killed in its first line
    (tmp_path / ".out.new" / "page").mkdir()
    for name in ("half", "page/one", "page/.one.0123456789ab.new"):
        (tmp_path / ".out.new" / name).write_text("")
    write(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_old_folder_that_was_half_removed_is_known_by_the_file_that_goes_last(tmp_path, monkeypatch):
    write(tmp_path / "out", "old")
    unlink = type(tmp_path).unlink

    def dying(path, **options):
        if path.name == "marker":
            raise KeyboardInterrupt
        unlink(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "unlink", dying)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "out")
    assert [path.name for path in (tmp_path / ".out.old").iterdir()] == ["marker"]
    write(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_moved_aside_by_a_run_killed_between_two_renames_comes_back(tmp_path):
    (tmp_path / ".out.old").mkdir()
    (tmp_path / ".out.old" / "marker").write_text("marker")
    with pytest.raises(RuntimeError), replaced_folder(tmp_path / "out", KIND):
        raise RuntimeError
    assert (tmp_path / "out" / "marker").read_text() == "marker"


def test_foreign_files_are_not_replaced(tmp_path):
    out = tmp_path / "thesis"
    out.mkdir()
    write(out)  # an empty folder may be filled
    (out / "chapter").write_text("")
    with pytest.raises(NotOurs, match="thesis/chapter: is not part of a test's folder"):
        write(out)
    check_replaceable(out, KIND, noted=["chapter"])
    (out / "marker").unlink()
    with pytest.raises(DataError, match="holds files but no marker that says they are a test's folder"):
        write(out)
    assert (out / "chapter").exists()
    with pytest.raises(DataError, match="is a file"):
        write(out / "chapter")


def write_while_it_comes(out, name):
    with replaced_folder(out, KIND) as folder:
        (folder / "marker").write_text("marker")
        (out / name).write_text("mine")


def test_a_file_that_comes_while_a_command_works_is_named_and_kept(tmp_path):
    out = tmp_path / "out"
    write(out, "old")
    line = (
        r"\.out\.old/thesis: is not part of a test's folder, .*/out is new and whole; .*/\.out\.old is what lay there"
    )
    with pytest.raises(NotOurs, match=line):
        write_while_it_comes(out, "thesis")
    assert (tmp_path / ".out.old" / "thesis").read_text() == "mine"
    assert (out / "marker").read_text() == "marker"
    with pytest.raises(NotOurs, match="thesis: is not part"):
        write(out)
    (tmp_path / ".out.old" / "thesis").unlink()
    write(out)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", [".out.new", ".out.old"])
@pytest.mark.parametrize("kind", ["folder", "link", "file"])
def test_what_lies_beside_under_our_own_names_is_not_removed_unread(tmp_path, name, kind):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "chapter").write_text("")
    if kind == "link":
        (tmp_path / name).symlink_to(other)
    else:
        other.rename(tmp_path / name) if kind == "folder" else (tmp_path / name).write_text("mine")
    with pytest.raises((DataError, NotOurs), match=name):
        write(tmp_path / "out")
    assert (tmp_path / name).exists()
    assert not (tmp_path / "out").exists()
