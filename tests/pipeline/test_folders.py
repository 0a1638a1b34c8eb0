import pytest

from pipeline.errors import DataError
from pipeline.folders import check_marked, replaced_folder


def write(out, text="new"):
    check_marked(out, "marker")
    with replaced_folder(out) as folder:
        (folder / "marker").write_text(text)


def half_written(out, interruption):
    with replaced_folder(out) as folder:
        (folder / "half").write_text("")
        raise interruption


def test_a_folder_appears_whole_and_alone(tmp_path):
    out = tmp_path / "deep" / "out"
    with replaced_folder(out) as folder:
        assert not out.exists()
        (folder / "marker").write_text("new")
    assert (out / "marker").read_text() == "new"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    out = tmp_path / "out"
    write(out, "old")
    (out / "extra").write_text("")
    write(out)
    assert [path.name for path in out.iterdir()] == ["marker"]
    assert (out / "marker").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_run_leaves_the_old_folder_and_nothing_else(tmp_path, interruption):
    out = tmp_path / "out"
    write(out, "old")
    with pytest.raises(interruption):
        half_written(out, interruption)
    assert (out / "marker").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_run_left_is_cleared_away(tmp_path):
    for name in (".out.new", ".out.old", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / ".out.new" / "half").write_text("")
    write(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_moved_aside_by_a_run_killed_between_two_renames_comes_back(tmp_path):
    (tmp_path / ".out.old").mkdir()
    (tmp_path / ".out.old" / "marker").write_text("old")
    with pytest.raises(RuntimeError), replaced_folder(tmp_path / "out"):
        raise RuntimeError
    assert (tmp_path / "out" / "marker").read_text() == "old"


def test_foreign_files_are_not_replaced(tmp_path):
    out = tmp_path / "thesis"
    out.mkdir()
    write(out)  # an empty folder may be filled
    (out / "marker").unlink()
    (out / "chapter").write_text("")
    with pytest.raises(DataError, match="holds files but no marker"):
        write(out)
    assert (out / "chapter").exists()
    with pytest.raises(DataError, match="is a file"):
        write(out / "chapter")
