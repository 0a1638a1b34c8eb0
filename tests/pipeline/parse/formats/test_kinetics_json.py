import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import OPENPOSE18
from pipeline.parse.formats.kinetics_json import facts_of_name, parse_clip
from tests.pipeline.raw_files import TWO_2D, clip, person


def parse(document, layout=TWO_2D):
    return parse_clip(json.dumps(document).encode(), layout)


def frames(*pairs):
    return [{"frame_index": index, "skeleton": people} for index, people in pairs]


def test_every_value_of_a_hand_written_clip():
    tracks, label, label_index = parse(clip())
    assert (label, label_index) == ("abseiling", 0)
    assert tracks.frames == 4  # indices 1 to 4; nobody in 2, none said of 3
    assert tracks.ids.tolist() == [0, 1]
    assert tracks.lengths.tolist() == [2, 1]
    assert tracks.frame_index.tolist() == [0, 3, 3]
    expected = [[[0.1, 0.2], [0.3, 0.4]], [[0.5, 0.6], [0.7, 1.16]], [[1, 0], [1, 0]]]
    np.testing.assert_array_equal(tracks.joints_PVC, np.array(expected, np.float32))
    np.testing.assert_array_equal(tracks.scores_PV, np.array([[1, 0.5], [0, 1.29], [1, 0.5]], np.float32))
    assert tracks.joints_PVC.dtype == np.float32
    assert tracks.notes == ()


def test_the_usual_layout_has_18_joints():
    tracks, _, _ = parse_clip(json.dumps({"data": frames((7, [person(*range(36), score=range(18))]))}).encode())
    assert tracks.joints_PVC.shape == (1, OPENPOSE18.n_joints, 2)
    assert tracks.joints_PVC[0, 17].tolist() == [34, 35]
    assert tracks.frame_index.tolist() == [0]


def test_tracks_come_in_order_of_first_appearance_and_are_places():
    tracks, _, _ = parse({"data": frames((0, []), (1, [person(1, 1, 1, 1)] * 24), (2, [person(2, 2, 2, 2)]))})
    assert tracks.ids.tolist() == list(range(24))
    assert tracks.lengths.tolist() == [2] + [1] * 23
    assert tracks.frames == 3
    assert tracks.joints_PVC[:3, 0, 0].tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"label": None, "label_index": None}, (None, None)),
        ({"label": "", "label_index": ""}, (None, None)),
        ({"label_index": 399}, ("abseiling", 399)),
        ({"label": "Kräuter schneiden"}, ("Kräuter schneiden", 0)),
    ],
)
def test_labels_as_the_clip_says(changes, expected):
    assert parse(clip(**changes))[1:] == expected


def test_unknown_keys_do_no_harm():
    assert parse(clip(source={"a": [1, None]}))[0].frames == 4


ONE = person(1, 1, 1, 1)
REFUSALS = {
    "a list": ([], r"the file: expected an object, found a list"),
    "no data": ({"label": "x"}, "'data': expected a list, found null"),
    "empty data": (clip(data=[]), "'data' is an empty list"),
    "data is an object": (clip(data={}), "'data': expected a list, found an object"),
    "all frames empty": (clip(data=frames((1, []), (2, []))), "no body in any of 2 frames"),
    "frame is a number": (clip(data=[3]), "item 0 of 'data': expected an object, found 3"),
    "no frame_index": (clip(data=[{"skeleton": []}]), "item 0 of 'data': frame_index null, expected 0 to 99999"),
    "frame_index float": (clip(data=frames((1, []), (2.0, []))), r"item 1 of 'data': frame_index 2\.0"),
    "frame_index true": (clip(data=frames((True, []))), "frame_index true"),
    "frame_index text": (clip(data=frames(("1", []))), 'frame_index "1"'),
    "frame_index negative": (clip(data=frames((-1, []))), "frame_index -1, expected 0"),
    "frame_index absurd": (clip(data=frames((1, [ONE]), (100_000, [ONE]))), "frame_index 100000, expected 0"),
    "frame_index huge": (clip(data=frames((10**60, []))), "frame_index a huge number"),
    "frame_index twice": (clip(data=frames((3, []), (3, []))), "frame_index 3 follows 3"),
    "frame_index falls": (clip(data=frames((3, []), (1, []))), "frame_index 1 follows 3"),
    "no skeleton": (clip(data=[{"frame_index": 5}]), "frame_index 5: 'skeleton': expected a list, found null"),
    "person is null": (clip(data=frames((5, [None]))), "frame_index 5, person 0: expected an object, found null"),
    "no pose": (clip(data=frames((5, [{"score": [1, 1]}]))), "frame_index 5, person 0: 'pose': expected a list"),
    "no score": (clip(data=frames((5, [ONE, {"pose": [1] * 4}]))), "frame_index 5, person 1: 'score': expected a list"),
    "short pose": (clip(data=frames((5, [person(1, 2, 3)]))), "person 0: 'pose' has 3 numbers, expected 4"),
    "long score": (clip(data=frames((5, [person(1, 2, 3, 4, score=[1] * 3)]))), "'score' has 3 numbers, expected 2"),
    "bool": (clip(data=frames((5, [person(1, 2, True, 4)]))), "person 0: 'pose': true is not a number"),
    "text": (clip(data=frames((5, [person(1, 2, "3", 4)]))), "'pose': \"3\" is not a number"),
    "null": (clip(data=frames((5, [person(1, 2, 3, 4, score=(None, 1))]))), "'score': null is not a number"),
    "nested": (clip(data=frames((5, [person([1], 2, 3, 4)]))), "'pose': a list is not a number"),
    "too large": (clip(data=frames((5, [person(1, -1e39, 3, 4)]))), r"'pose': -1e\+39 is not a finite float32"),
    "a long text": (clip(data=frames((5, [person("a" * 99, 2, 3, 4)]))), r"'pose': \"a{39}\.\.\. is not a number"),
    "too large integer": (clip(data=frames((5, [person(1, 10**400, 3, 4)]))), "a huge number is not a finite"),
    "label is a number": (clip(label=3), "label 3 is not a text"),
    "label cannot be stored": (clip(label="a\ud800"), r"label \"a\\ud800\" is not a text"),
    "label_index text": (clip(label_index="0"), 'label_index "0" is not a class id'),
    "label_index bool": (clip(label_index=False), "label_index false is not a class id"),
    "label_index float": (clip(label_index=1.0), r"label_index 1\.0 is not a class id"),
    "label_index negative": (clip(label_index=-1), "label_index -1 is not a class id"),
    "label_index absurd": (clip(label_index=10**12), "label_index 1000000000000 is not a class id"),
}


@pytest.mark.parametrize(("document", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_name_the_place_and_the_reason(document, reason):
    with pytest.raises(RefusedError, match=reason):
        parse(document)


BAD_TEXTS = {
    "empty": (b"", 0, "not JSON: Expecting value"),
    "cut off": (b'{"data": [', 10, "not JSON: Expecting value"),
    "after an umlaut": ('{"ä": }'.encode(), 7, "not JSON: Expecting value"),
    "more after the end": (b'{"data": []} x', 13, "not JSON: Extra data"),
    "byte order mark": (b'\xef\xbb\xbf{"data": []}', 0, "not JSON: Unexpected UTF-8 BOM"),
    "not UTF-8": (b'{"data": "\xff"}', 10, "not UTF-8 text"),
    "NUL": (b"\0\0\0", 0, "not JSON: Expecting value"),
    "NaN": (b'{"NaN \\" Infinity": 1, "data": [NaN]}', 32, "NaN or Infinity where a number belongs"),
    "-Infinity": (b'{"data": [-Infinity]}', 10, "NaN or Infinity where a number belongs"),
    "nested": (b"[" * 200_000, None, "nested too deeply"),
    "objects nested": (b'{"a":' * 200_000, None, "nested too deeply"),
    "endless number": (b'{"data": [' + b"9" * 10_000 + b"]}", None, "a number of thousands of digits"),
    "1e999": (json.dumps(clip()).replace("1.16", "1e999").encode(), None, "person 0: 'pose': Infinity is not a finite"),
}


@pytest.mark.parametrize(("data", "byte", "reason"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_text_that_is_no_json_is_refused_at_its_byte(data, byte, reason):
    with pytest.raises(RefusedError, match=reason) as refused:
        parse_clip(data, TWO_2D)
    assert refused.value.byte == byte


def read_or_refused(data):
    try:
        return parse_clip(data, TWO_2D)
    except RefusedError as why:
        return why


def check_result(data: bytes) -> None:
    result = read_or_refused(data)
    if isinstance(result, RefusedError):
        assert result.byte is None or 0 <= result.byte <= len(data)
        assert str(result).encode()
    else:
        tracks, label, label_index = result
        assert tracks.scores_PV is not None
        assert np.isfinite(tracks.joints_PVC).all()
        assert np.isfinite(tracks.scores_PV).all()
        assert tracks.lengths.sum() == len(tracks.frame_index) == len(tracks.joints_PVC) == len(tracks.scores_PV)
        assert tracks.frame_index.max() < tracks.frames
        assert label is None or label.encode()
        assert label_index is None or label_index >= 0


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_mutated_clip_is_read_or_refused_and_nothing_else(data):
    mutated = bytearray(json.dumps(clip()).encode())
    pieces = [b"null", b"[]", b"{}", b"-", b"1e400", b"NaN", b'"', b",", b"true", b"9" * 30, b"0.5"]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated)))
        size = data.draw(st.integers(0, 5))
        mutated[at : at + size] = data.draw(st.one_of(st.binary(max_size=4), st.sampled_from(pieces)))
    check_result(bytes(mutated))


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["data", "skeleton", "pose", "score", "label"]), inner, max_size=4),
    ),
    max_leaves=12,
)


@given(st.one_of(json_values, st.fixed_dictionaries({"data": st.lists(json_values, max_size=3)})))
@settings(max_examples=300, deadline=None)
@pytest.mark.unmeasured
def test_any_json_and_any_value_in_its_place_is_read_or_refused(value):
    check_result(json.dumps(value).encode())
    check_result(json.dumps(clip(data=frames((1, [{"pose": value, "score": [1, 1]}])))).encode())
    check_result(json.dumps(clip(label=value)).encode())


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused_and_nothing_else(noise):
    check_result(noise)


@pytest.mark.parametrize("key", ["_-abc", "abc_000010_000020", "ä 1"])
def test_the_name_is_the_key(key):
    assert facts_of_name(f"{key}.json") == (key, None, None, None, None, None)


@pytest.mark.parametrize("name", [".json", "a.b.json", "a/b.json", "a\\b.json", "a\n.json", "a\udcff.json"])
def test_names_that_are_no_keys_are_refused(name):
    with pytest.raises(RefusedError, match="the clip's name is empty or holds a dot"):
        facts_of_name(name)
