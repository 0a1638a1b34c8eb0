"""The table, the CSV and the JSON: the same findings, counted, and files that appear only when whole."""

import csv
import json

import pytest

from dastm.contract.errors import DataError
from pipeline.doctor.findings import Finding, Totals
from pipeline.doctor.report import FIELDS, Report, open_files

FOUND = [
    Finding(check="jump", source="a", key="a", frame=4, what="a body jumps"),
    *(Finding(check="unreadable", source=f"{i}", line=i, what='a "b", c\nd') for i in range(5)),
]
TOTALS = Totals(clips=9, classes={0, 3})


def test_the_table_has_the_worst_first_and_a_few_of_each():
    report = Report()
    for finding in FOUND:
        report.add(finding)
    lines = report.lines(TOTALS)
    assert lines[0] == "9 clips of 2 classes: 5 unusable, 1 suspicious"
    assert lines[1].split() == ["severity", "check", "count", "what", "to", "do"]
    assert lines[2].split()[:3] == ["unusable", "unreadable", "5"]
    assert lines[3:7] == [*(f'  {i}: line {i}: a "b", c\\nd' for i in range(3)), "  and 2 more"]
    assert lines[7].split()[:3] == ["suspicious", "jump", "1"]
    assert lines[8:] == ["  a: frame 4: a body jumps"]
    assert report.by_severity == {"unusable": 5, "suspicious": 1, "odd": 0}


def test_nothing_found_is_one_line():
    assert Report().lines(TOTALS) == ["9 clips of 2 classes: nothing found"]
    more = Report().lines(Totals(outside_split=4))
    assert more == ["0 clips of 0 classes, 4 more are outside the class split: nothing found"]


def test_both_files_hold_all_findings(tmp_path):
    report = Report()
    with open_files(tmp_path / "deep" / "a.csv", tmp_path / "a.json") as files:
        for finding in FOUND:
            report.add(finding)
            files.add(finding)
        files.finish(report.summary(TOTALS))
    document = json.loads((tmp_path / "a.json").read_text())
    with (tmp_path / "deep" / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == tuple(document["findings"][0]) == FIELDS
    assert rows == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in document["findings"]
    ]
    assert document["findings"][0] | {"advice": ""} == {
        "severity": "suspicious",
        "check": "jump",
        "source": "a",
        "key": "a",
        "frame": 4,
        "line": None,
        "byte": None,
        "what": "a body jumps",
        "advice": "",
    }
    assert document["summary"] == {
        "clips": 9,
        "classes": 2,
        "outside_split": 0,
        "checks": {"unreadable": 5, "jump": 1},
        "severities": {"unusable": 5, "suspicious": 1, "odd": 0},
    }


def test_no_finding_is_an_empty_list(tmp_path):
    with open_files(None, tmp_path / "a.json") as files:
        files.finish(Report().summary(TOTALS))
    assert json.loads((tmp_path / "a.json").read_text())["findings"] == []
    with open_files(None, None) as files:
        files.add(FOUND[0])
        files.finish({})


def test_a_run_that_is_stopped_leaves_the_old_file(tmp_path):
    (tmp_path / "a.csv").write_text("old")

    def stopped():
        with open_files(tmp_path / "a.csv", None) as files:
            files.add(FOUND[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written"), open_files(tmp_path / "file" / "a.csv", None):
        pass
