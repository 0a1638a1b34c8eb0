import json

import pytest

from pipeline.parse.summary import ParseSummary, kind_of


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("'24' joints, layout ntu25 has 25", "'..' joints, layout ntu25 has N"),
        ("frame_index 1.0 or 1e+40 or 0x1f, -5.", "frame_index N or N or N, N."),
        ("1e99 is not a finite float32, not UTF-8", "N is not a finite float32, not UTF-8"),
        ("which the definition's class_names call 'abseiling'", "which the definition's class_names call '..'"),
        ("label 'a' in the clip, but \"b's\" in the list", "label '..' in the clip, but '..' in the list"),
        ("frame_index -3", "frame_index N"),
        ("the file is empty", "the file is empty"),
    ],
)
def test_reasons_of_one_kind_fall_together(reason, kind):
    assert kind_of(reason) == kind


def summary(**changes):
    values = {
        "files": 20,
        "clips": 10,
        "refused": 7,
        "refused_by_reason": {"the file is empty": 7},
        "outside_split": 3,
        "ignored": 2,
        "classes": 4,
        "frames": 900,
        "notes": {"crlf": 5},
        "first_refused": ("a: line 1: x", "b: y"),
    }
    return ParseSummary(**(values | changes))


def test_the_lines_tell_counts_and_the_first_refused_files():
    assert summary().lines() == [
        "20 files: 10 clips of 4 classes, 900 frames",
        "7 refused",
        "3 outside the class split, left out",
        "2 other files beside them, ignored",
        "5 clips noted: crlf",
        "7 refused: the file is empty",
        "  a: line 1: x",
        "  b: y",
        "  and 5 more, see refused.csv",
    ]


def test_nothing_odd_is_one_line():
    changes = {"clips": 20, "refused": 0, "outside_split": 0, "ignored": 0}
    nothing = {"refused_by_reason": {}, "notes": {}, "first_refused": ()}
    assert summary(**changes, **nothing).lines() == ["20 files: 20 clips of 4 classes, 900 frames"]


def test_the_json_holds_every_count():
    document = json.loads(summary().to_json())
    assert document["refused_by_reason"] == {"the file is empty": 7}
    assert list(document) == sorted(document)
    assert document["first_refused"] == ["a: line 1: x", "b: y"]
