"""The fast reader of clips: yes to plain ones, however they are laid out, and no to all others."""

import json

import numpy as np
import pytest

from pipeline.kernels import clip_json
from pipeline.kernels.blocks import as_text
from pipeline.kernels.clip_json import Limits, read_clip
from pipeline.parse.formats.kinetics_json import parse_clip
from pipeline.parse.formats.kinetics_slow import parse_objects
from tests.fuzz.reader import outcome
from tests.pipeline.raw_files import TWO_2D, clip

pytestmark = pytest.mark.kernel
LIMITS = Limits(frames=100_000, classes=1_000_000, joints=2)
PLAIN = json.dumps(clip()).encode()
SHORT = b'{"data": [{"frame_index": 7, "skeleton": [{"pose": [1, 2, 3, 4], "score": [0, 1]}]}]%s}'


def agrees(data):
    return outcome(lambda data: parse_clip(data, TWO_2D), data) == outcome(
        lambda data: parse_objects(data, TWO_2D), data
    )


def numbers(text):
    """A clip with a text in the place of a number."""
    return SHORT.replace(b"3, 4", b"3, " + text.encode()) % b""


def test_people_come_in_the_order_of_the_file():
    read = read_clip(PLAIN, LIMITS)
    assert (read.n_frames, read.label, read.label_index) == (4, "abseiling", 0)
    assert read.place_P.tolist() == [0, 0, 1]
    assert read.frame_P.tolist() == [0, 3, 3]
    assert read.pose_PVC[:, 1, 1].tolist() == pytest.approx([0.4, 1.16, 0])
    assert read.score_PV[:, 1].tolist() == pytest.approx([0.5, 1.29, 0.5])


def reordered(value):
    """The same with the names of every object in the opposite order."""
    if isinstance(value, dict):
        return {name: reordered(of) for name, of in reversed(value.items())}
    return [reordered(of) for of in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(clip(), indent=2).encode(),
        json.dumps(clip(), separators=(",", ":")).encode(),
        json.dumps(reordered(clip())).encode(),
        b"\r\n\t " + PLAIN.replace(b":", b" \n: ").replace(b",", b"\t,\r\n").replace(b"]", b" ]") + b" \n",
        SHORT % b"",
        SHORT % b', "label": null, "label_index": null',
        SHORT % b', "label": "", "label_index": ""',
        SHORT % b', "label": "a , [ } b", "label_index": 999999',
        SHORT.replace(b"7", b"0") % b"",
        numbers("-0"),
        numbers("-0.0"),
        numbers("-0e1"),
        numbers("1E-7"),
        numbers("12345678901234567890.5"),
        numbers("0"),
    ],
)
def test_plain_clips_are_read_and_as_by_way_of_objects(data):
    assert read_clip(data, LIMITS) is not None
    assert agrees(data)


NOT_PLAIN = {
    "nothing": b"",
    "white space": b"  \n",
    "an empty object": b"{}",
    "not closed": PLAIN[:-1],
    "more behind": PLAIN + b",",
    "a byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "no data": b'{"label": "x"}',
    "empty data": b'{"data": []}',
    "nobody": b'{"data": [{"frame_index": 1, "skeleton": []}]}',
    "data is null": b'{"data": null}',
    "data twice": PLAIN[:-1] + b', "data": []}',
    "another name": SHORT % b', "source": 1',
    "a long name": SHORT % b', "a name of many more than sixteen bytes": 1',
    "a name with an escape": PLAIN.replace(b'"pose"', b'"\\u0070ose"'),
    "a name that begins alike": PLAIN.replace(b'"label_index"', b'"label_inde"'),
    "a name not closed": b'{"data',
    "no colon": PLAIN.replace(b'"data":', b'"data"'),
    "a comma at the end": PLAIN[:-1] + b",}",
    "no comma": PLAIN.replace(b'"label"', b' "label"').replace(b"], ", b"] "),
    "falling indices": PLAIN.replace(b'"frame_index": 2', b'"frame_index": 1'),
    "an absurd index": PLAIN.replace(b'"frame_index": 4', b'"frame_index": 100000'),
    "an endless index": PLAIN.replace(b'"frame_index": 4', b'"frame_index": 40000000000000000000000'),
    "a negative index": PLAIN.replace(b'"frame_index": 1', b'"frame_index": -1'),
    "an index with a fraction": PLAIN.replace(b'"frame_index": 1', b'"frame_index": 1.0'),
    "an index with a zero": PLAIN.replace(b'"frame_index": 1', b'"frame_index": 01'),
    "no index": SHORT.replace(b'"frame_index": 7, ', b"") % b"",
    "no score": SHORT.replace(b', "score": [0, 1]', b"") % b"",
    "a name twice in a person": SHORT.replace(b'"score"', b'"score": [0, 1], "score"') % b"",
    "a name twice in a frame": SHORT.replace(b'"frame_index"', b'"frame_index": 7, "frame_index"') % b"",
    "a name of a frame's in a person": SHORT.replace(b'"score"', b'"skeleton"') % b"",
    "a name of a person's in a frame": SHORT.replace(b'"frame_index"', b'"score"') % b"",
    "a comma behind the last person": SHORT.replace(b"}]}]", b"},]}]") % b"",
    "a number too many": numbers("4, 5"),
    "a number too few": SHORT.replace(b"3, 4", b"3") % b"",
    "plus": numbers("+1"),
    "a zero before a digit": numbers("01"),
    "minus and a zero before a digit": numbers("-01"),
    "no digit behind the point": numbers("1."),
    "no digit before the point": numbers(".5"),
    "minus alone": numbers("-"),
    "NaN": numbers("NaN"),
    "beyond float64": numbers("1e999"),
    "whole and beyond float32": numbers("1" + "0" * 40),
    "thousands of digits": numbers("1" * 5000),
    "a hexadecimal number": numbers("0x1"),
    "a list": numbers("[4]"),
    "true": numbers("true"),
    "cut in a number": (SHORT % b"")[:60],
    "a label with an escape": SHORT % b', "label": "a\\n"',
    "a label beyond ASCII": SHORT % ', "label": "ä"'.encode(),
    "a label with a control character": SHORT % b', "label": "a\tb"',
    "a label that is nul": SHORT % b', "label": nul',
    "a label that is a number": SHORT % b', "label": 1',
    "a label_index of white space": SHORT % b', "label_index": " "',
    "a label_index that is a text": SHORT % b', "label_index": "1"',
    "a label_index too large": SHORT % b', "label_index": 1000000',
}


@pytest.mark.parametrize("data", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_is_left_to_objects(data):
    assert read_clip(data, LIMITS) is None
    assert agrees(data)


@pytest.mark.parametrize("byte", [b"5", b" ", b".", b"-", b",", b'"', b"}", b"[", b"\\", b"\xc3"])
@pytest.mark.unmeasured
def test_any_byte_changed_anywhere_gives_what_objects_give(byte):
    for at in range(len(PLAIN)):
        assert agrees(PLAIN[:at] + byte + PLAIN[at + 1 :]), at
        assert agrees(PLAIN[:at] + byte + PLAIN[at:]), at


def test_a_clip_cut_anywhere_gives_what_objects_give():
    for at in range(len(PLAIN)):
        assert agrees(PLAIN[:at]), at


def test_nobody_is_written_where_there_is_no_room():
    numbers_PN, places = np.zeros((2, 6), np.float32), np.zeros((2, 2), np.int32)
    facts = np.full(6, -1, np.int64)
    assert clip_json._clip(as_text(PLAIN), LIMITS, numbers_PN, *places, facts) == -1
    assert facts[0] == 2
