"""One frame of landmarks as JSON: what is a joint, what is a list throughout; all shapes are in test_landmark_json."""

import pytest

from pipeline.parse.tools.landmark_bodies import has_parts, in_small_letters, is_joint, of_lists


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"x": 1, "y": 2}, True),
        ({"x": "1"}, True),
        ({"position": {"x": 1}}, True),
        ({"cameraX": 1}, True),
        ([1, 2], True),
        ({"x": [1, 2], "y": [3, 4]}, False),
        ([1, 2, 3, 4, 5], False),
        ([[1, 2], [3, 4]], False),
        (3, False),
    ],
)
def test_what_is_a_joint(value, expected):
    assert is_joint(value) is expected


def test_words_in_capitals_become_small_but_names_of_joints_stay():
    document = {"SpineBase": {"Position": {"X": 1, "Y": 2}}}
    assert in_small_letters(b'{"X": 1}', document) == {"SpineBase": {"position": {"x": 1, "y": 2}}}
    assert in_small_letters(b'{"x": 1}', document) is document


def test_frames_of_lists_are_read_at_once_or_not_at_all():
    found = of_lists([[[1, 2, 3, 0.5]] * 2] * 3)
    assert found is not None
    assert (len(found), found[0].places_VC.tolist()) == (3, [[1, 2, 3]] * 2)
    for other in ([], [[]], [[[1, 2]], [[1, 2], [3, 4]]], [[[1, "a"]]], [[[1, 2, 3, 4, 5]]], [{"x": 1}]):
        assert of_lists(other) is None


def test_hands_and_face_count_where_they_hold_something():
    assert has_parts({"left_hand": [1]})
    assert not has_parts({"left_hand": []})
    assert not has_parts([1])
