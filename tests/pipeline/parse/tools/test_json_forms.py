"""Forms of JSON by their beginnings; each form's own beginning is in test_recognise."""

import json

import pytest

from pipeline.parse.tools.json_forms import RULES, form_of_json, is_frame

JOINTS = [{"x": 0.1, "y": 0.2}, {"x": 0.3, "y": 0.4}]


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("a/frame_12.json", JOINTS, True),
        ("frame_12.json", {"pose_landmarks": JOINTS}, True),
        ("frame_12.json", {"X": [1], "Y": [2]}, True),
        ("12/frame.json", JOINTS, False),
        ("frame_12.json", [JOINTS, JOINTS], False),
        ("frame_12.json", {"frames": [JOINTS]}, False),
        ("frame_12.json", {"1": JOINTS, "2": JOINTS}, False),
    ],
)
def test_a_document_is_a_frame_where_it_holds_one_and_its_name_says_which(name, document, expected):
    assert is_frame(name, json.dumps(document).encode()) is expected
    assert not is_frame(name, json.dumps(document).encode()[:-1])


def test_the_first_rule_that_fits_counts_and_nothing_fits_nothing():
    assert {form for _, form, _ in RULES} >= {"openpose_json", "mmpose_json", "landmark_json"}
    assert form_of_json("{", {"people", "x"}, '{"people": [], "x": 1}') == ("openpose_json", "'people'")
    assert form_of_json("{", {"a"}, '{"a": 1}') is None
