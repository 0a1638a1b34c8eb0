"""The slow way through Python's objects; most of its refusals are in test_kinetics_json, where it decides."""

import json

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.formats.kinetics_slow import parse_label_list, parse_objects
from tests.pipeline.raw_files import TWO_2D, clip


def test_every_value_of_a_hand_written_clip():
    tracks, label, label_index = parse_objects(json.dumps(clip()).encode(), TWO_2D)
    assert (label, label_index) == ("abseiling", 0)
    assert (tracks.frames, tracks.lengths.tolist(), tracks.frame_index.tolist()) == (4, [2, 1], [0, 3, 3])
    expected = [[[0.1, 0.2], [0.3, 0.4]], [[0.5, 0.6], [0.7, 1.16]], [[1, 0], [1, 0]]]
    np.testing.assert_array_equal(tracks.joints_PVC, np.array(expected, np.float32))
    np.testing.assert_array_equal(tracks.scores_PV, np.array([[1, 0.5], [0, 1.29], [1, 0.5]], np.float32))


def test_a_name_that_is_given_twice_is_refused_in_clips_and_label_lists():
    data = json.dumps(clip()).encode().replace(b'"label": ', b'"label": "zumba", "label": ')
    with pytest.raises(RefusedError, match="ambiguous: the key 'label' is given twice"):
        parse_objects(data, TWO_2D)
    with pytest.raises(RefusedError, match="ambiguous: the key 'a' is given twice"):
        parse_label_list(b'{"a": {"label_index": 1}, "a": {"label_index": 2}}')


def test_label_lists_keep_empty_entries_and_odd_names():
    entries = {
        "_abc": {"has_skeleton": True, "label": "abseiling", "label_index": 0},
        "b-_1": {"has_skeleton": False, "label": "zumba", "label_index": ""},
        "c": {"has_skeleton": True, "label_index": None},
    }
    expected = {"_abc": ("abseiling", 0), "b-_1": ("zumba", None), "c": (None, None)}
    assert parse_label_list(json.dumps(entries).encode()) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[]", "the label list: expected an object, found a list"),
        (b'{"a": 3}', 'clip "a": the entry: expected an object, found 3'),
        (b'{"a": {"label_index": [1]}}', 'clip "a": label_index a list is not a class id'),
        (b'{"a": {"label": 1}}', 'clip "a": label 1 is not a text'),
        (b'{"a": ', "byte 6: not JSON"),
    ],
)
def test_label_lists_of_another_shape_are_refused(data, reason):
    with pytest.raises(RefusedError) as refused:
        parse_label_list(data)
    assert reason in str(refused.value)
