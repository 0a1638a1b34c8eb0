"""Files of a run are whole, or what was there stays."""

import pytest

from dastm.contract.errors import RunError
from dastm.runs import files
from dastm.runs.files import read_json, write_bytes, write_json, write_rows


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"half")
    assert read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_rows_have_empty_cells_for_missing_values(tmp_path):
    write_rows(tmp_path / "t.csv", ("a", "b"), [{"a": 1}, {"a": 2, "b": "x,y"}])
    assert (tmp_path / "t.csv").read_text() == 'a,b\n1,\n2,"x,y"\n'


def test_unreadable_json_names_the_file(tmp_path):
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(RunError, match=r"metrics\.json: cannot be read"):
        read_json(tmp_path / "metrics.json")
