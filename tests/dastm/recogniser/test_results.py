"""Predictions for other programs: whole files or none, and nobody's file replaced."""

import csv
import json

import pytest

from dastm.contract.errors import RunError
from dastm.contract.ownership import NotOurs
from dastm.recogniser.results import COLUMNS, EVENT_COLUMNS, csv_results, json_line, json_results


class _Killed(dict):
    """A row at which the command ends."""

    def items(self):
        raise KeyError("killed")


ROW = {
    "source": "=clips/a.npy", "key": "a", "body": 0, "action": None, "score": 0.123456789, "distance": 1 / 3,
    "margin": None, "top": [{"action": "wave", "score": 0.1, "distance": 0.123456789}],
}  # fmt: skip


def test_a_table_has_a_row_a_prediction_and_no_formula(tmp_path):
    with csv_results(tmp_path / "out.csv") as write:
        write(ROW)
        write({**ROW, "action": "wave", "margin": 2.0})
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == {
        "source": "'=clips/a.npy", "key": "a", "body": "0", "action": "", "score": "0.1234568",
        "distance": "0.3333333", "margin": "",
    }  # fmt: skip
    assert (rows[1]["action"], rows[1]["margin"]) == ("wave", "2")


def test_lines_of_json_have_null_for_none_of_these(tmp_path):
    with json_results(tmp_path / "out.jsonl") as write:
        write(ROW)
        write(ROW)
    first, second = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert first == second
    assert first["action"] is None
    assert first["top"] == [{"action": "wave", "score": 0.1, "distance": 0.1234568}]
    assert json.loads(json_line(ROW)) == first


def test_times_keep_their_milliseconds(tmp_path):
    row = {**ROW, "start_frame": 1, "end_frame": 2, "start_s": 1796025035.75, "end_s": 12345.678}
    assert json.loads(json_line(row))["start_s"] == 1796025035.75
    with csv_results(tmp_path / "out.csv", EVENT_COLUMNS) as write:
        write(row)
    (told,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert (told["start_s"], told["end_s"], told["score"]) == ("1796025035.750", "12345.678", "0.1234568")


@pytest.mark.parametrize("results", [csv_results, json_results])
def test_results_appear_whole_or_not_at_all_and_replace_only_their_own(tmp_path, results):
    path = tmp_path / "out"
    with pytest.raises(KeyError), results(path) as write:
        write(_Killed())
    assert list(tmp_path.iterdir()) == []
    for _ in range(2):
        with results(path) as write:
            write(ROW)
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"\xff\xfe mine")
    (tmp_path / "folder").mkdir()
    for name in ("theirs", "folder"):
        with pytest.raises(NotOurs, match="move it away"), results(tmp_path / name) as write:
            write(ROW)
    theirs.write_text("a,b\n")
    with pytest.raises(NotOurs), results(theirs) as write:
        write(ROW)
    assert theirs.read_text() == "a,b\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises((RunError, NotOurs), match="file"), csv_results(tmp_path / "file" / "out.csv") as write:
        write(ROW)
