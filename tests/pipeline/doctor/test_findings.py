"""Findings: their place as text, always on one line; severity and advice of every check; counting clips."""

import re
from pathlib import Path

import pipeline.doctor
from pipeline.doctor.findings import KINDS, SEVERITIES, Finding, Totals


def test_a_finding_says_where_and_what():
    at_line = Finding(check="unreadable", source="a.skeleton", line=3, byte=40, what="not a number")
    assert str(at_line) == "a.skeleton: line 3: not a number"
    assert str(Finding(check="jump", source="a", frame=0, what="far")) == "a: frame 0: far"
    assert str(Finding(check="unreadable", source="a", byte=0, what="what")) == "a: byte 0: what"
    assert (at_line.severity, at_line.where) == ("unusable", "line 3")
    assert "parse refuses it" in at_line.advice


def test_a_finding_is_one_line_whatever_a_file_is_called():
    assert str(Finding(check="path", source="a\nb\x1b[31m", what="é")) == "a\\nb\\x1b[31m: é"


def test_every_check_that_the_code_names_has_a_severity_and_is_used():
    text = "".join(path.read_text() for path in Path(pipeline.doctor.__file__).parent.glob("*.py"))
    quoted = re.findall(r'check="(\w+)"|check = "(\w+)"|Doubt\(\s*"(\w+)"|else "(\w+)"|_finding\(folder, "(\w+)"', text)
    named = {name for names in quoted for name in names if name}
    assert set(KINDS) - named - {"same_file", "listed"} == set()
    assert all(kind.severity in SEVERITIES and kind.advice for kind in KINDS.values())


def test_clips_without_a_class_count_as_clips():
    totals = Totals()
    for class_id in (3, None, 3):
        totals.add(class_id)
    assert (totals.clips, totals.classes) == (3, {3})
