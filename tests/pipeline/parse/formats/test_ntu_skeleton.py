import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dastm.contract.errors import RefusedError
from pipeline.parse.formats.ntu_skeleton import facts_of_name, parse_skeleton
from pipeline.tracks import Tracks
from tests.pipeline.raw_files import SKELETON, TWO

LINES = SKELETON.splitlines()


def with_line(number: int, text: str) -> bytes:
    """SKELETON with one line, counted from 1, replaced."""
    return "\n".join([*LINES[: number - 1], text, *LINES[number:]]).encode("latin-1")


def test_every_value_of_a_hand_written_file():
    tracks = parse_skeleton(SKELETON.encode(), TWO)
    assert tracks.frames == 3
    assert tracks.ids.tolist() == [72057594037944738, 72057594037944739]
    assert tracks.lengths.tolist() == [2, 1]
    assert tracks.frame_index.tolist() == [0, 2, 2]
    expected = [[[0.1, -0.25, 3], [-1, 100, 0.3333333333333]], [[7, 8, 9], [10, 11, 12]], [[1, 2, 3], [4, 5, 6]]]
    np.testing.assert_array_equal(tracks.joints_PVC, np.array(expected, np.float32))
    assert tracks.joints_PVC.dtype == np.float32
    assert tracks.scores_PV is None
    assert tracks.notes == ()


def test_crlf_gives_the_same_values_and_a_note():
    tracks = parse_skeleton(SKELETON.replace("\n", "\r\n").encode(), TWO)
    np.testing.assert_array_equal(tracks.joints_PVC, parse_skeleton(SKELETON.encode(), TWO).joints_PVC)
    assert tracks.notes == ("crlf",)


@pytest.mark.parametrize("tail", ["", "\n", "\r\n\r\n", "\n \t\n\n"])
def test_blank_lines_at_the_end_and_a_missing_last_line_break_are_fine(tail):
    assert parse_skeleton((SKELETON.rstrip() + tail).encode(), TWO).frames == 3


@pytest.mark.parametrize("columns", [3, 4, 7, 12, 20])
def test_any_number_of_columns_from_three(columns):
    joint = " ".join(str(i / 8) for i in range(columns))
    text = f"1\n1\n5 0 1 1 1 1 0 0 0 2\n2\n{joint}\n\t {joint}  \n"
    assert parse_skeleton(text.encode(), TWO).joints_PVC.tolist() == [[[0, 0.125, 0.25]] * 2]


def test_columns_that_are_not_used_may_be_nan():
    data = with_line(5, "1 2 3 nan -inf NaN 0 0 0 0 0 2")
    assert parse_skeleton(data, TWO).joints_PVC[0, 0].tolist() == [1, 2, 3]


@given(st.lists(st.floats(-3e38, 3e38), min_size=6, max_size=6), st.sampled_from(["r", ".17e", ".3f", "+.9G"]))
@settings(max_examples=200, deadline=None)
def test_values_are_float32_of_the_text(values, form):
    texts = [repr(v) if form == "r" else format(v, form) for v in values]
    data = f"1\n1\n5 0 1 1 1 1 0 0 0 2\n2\n{' '.join(texts[:3])}\n{' '.join(texts[3:])}".encode()
    expected = np.array([np.float32(float(text)) for text in texts], np.float32)
    assert parse_skeleton(data, TWO).joints_PVC.tobytes() == expected.tobytes()


@pytest.mark.parametrize("body", [0, -1, 2**63 - 1, -(2**63), 72057594037944738])
def test_body_ids_are_kept_exactly(body):
    assert parse_skeleton(with_line(3, f"{body} 0 1 1 1 1 0 0 0 2"), TWO).ids[0] == body


REFUSALS = {
    "empty": (b"", 1, "the file is empty"),
    "blank": (b" \r\n\n", 1, "the file is empty"),
    "first line is text": (with_line(1, "frames"), 1, "'frames' where a number belongs"),
    "first line is a float": (with_line(1, "3.0"), 1, r"'3\.0' where the frame count belongs"),
    "first line is blank": (with_line(1, ""), 1, "'' where the frame count belongs"),
    "absurd frame count": (with_line(1, str(10**12)), 1, "frame count '1000000000000', expected 1 to 100000"),
    "endless frame count": (with_line(1, "9" * 5000), 1, r"'9{40}\.\.\.' where the frame count belongs"),
    "negative frame count": (with_line(1, "-3"), 1, "frame count '-3'"),
    "no frames": (with_line(1, "0"), 1, "frame count '0', expected 1"),
    "too few frames claimed": (with_line(1, "2"), 8, "'2' after the last of 2 frames"),
    "too many frames claimed": (with_line(1, "4"), 16, "the file ends in frame 4 of the 4 it claims"),
    "absurd body count": (with_line(2, str(10**12)), 2, "body count '1000000000000', expected 0 to 1000"),
    "negative body count": (with_line(2, "-1"), 2, "body count '-1'"),
    "body count is a pair": (with_line(2, "1 1"), 2, "'1 1' where the body count belongs"),
    "header too short": (with_line(3, "72057594037944738"), 3, "header has 10 fields, this line has 1"),
    "header too long": (with_line(3, LINES[2] + " 1"), 3, "header has 10 fields, this line has 11"),
    "body id is a float": (with_line(3, "1.5 0 1 1 1 1 0 0 0 2"), 3, r"'1\.5' where the body id belongs"),
    "body id too large": (with_line(3, f"{2**63} 0 1 1 1 1 0 0 0 2"), 3, "does not fit 64 bits"),
    "header field no number": (with_line(3, "1 0 1 1 - 1 0 0 0 2"), 3, "'-' where a number belongs"),
    "body twice": (with_line(13, LINES[8]), 13, "body 72057594037944739 is in this frame already"),
    "wrong joint count": (with_line(4, "25"), 4, "'25' joints, layout two has 2"),
    "joint count is text": (with_line(4, "e"), 4, "'e' where the joint count belongs"),
    "text in a coordinate": (with_line(5, "0.1 zero 3 0 0 0 0 0 0 0 0 2"), 5, "'zero' where a number belongs"),
    "two points": (with_line(6, "0.1 1.2.3 3 0 0 0 0 0 0 0 0 2"), 6, r"'1\.2\.3' where a number belongs"),
    "text in another column": (with_line(15, "1 2 3 0 0 0 0 0 0 0 0 tint"), 15, "'tint' where a number belongs"),
    "two columns": (with_line(5, "1 2"), 5, "a joint line of 2 columns, expected at least 3"),
    "a column lost": (with_line(16, "1 2 3 0 0 0 0 0 0 0 0"), 16, "a joint line of 11 columns, expected 12"),
    "blank joint line": (with_line(11, ""), 11, "a joint line of 0 columns"),
    "nan": (with_line(6, "1 nan 3 0 0 0 0 0 0 0 0 2"), 6, "coordinate 'nan' is not finite"),
    "infinity": (with_line(6, "1 2 -Infinity 0 0 0 0 0 0 0 0 2"), 6, "coordinate '-Infinity' is not finite"),
    "too large for float32": (with_line(5, "1e39 -1e39 0 0 0 0 0 0 0 0 0 2"), 5, "coordinate '1e39' is not finite"),
    "too large for float64": (with_line(5, "1e999 2 3 0 0 0 0 0 0 0 0 2"), 5, "coordinate '1e999' is not finite"),
    "underscore": (with_line(5, "1_0 2 3 0 0 0 0 0 0 0 0 2"), 5, "'1_0' where a number belongs"),
    "NUL": (with_line(6, "1 2 \0 0 0 0 0 0 0 0 0 2"), 6, "not a text of numbers: byte 0x00"),
    "not ASCII": (with_line(6, "1 2 \xb2 0 0 0 0 0 0 0 0 2"), 6, "not a text of numbers: byte 0xb2"),
    "byte order mark": (b"\xef\xbb\xbf" + SKELETON.encode(), 1, "not a text of numbers: byte 0xef"),
    "stray carriage return": (with_line(5, "1 2\r3 0 0 0 0 0 0 0 0 2"), 5, "a carriage return inside a line"),
    "old Mac line ends": (SKELETON.replace("\n", "\r").encode(), 1, "a carriage return inside a line"),
    "more after the end": (SKELETON.encode() + b"\n7\n", 18, "'7' after the last of 3 frames"),
    "nobody": (b"2\n0\n0\n", 1, "no body in any frame"),
}


@pytest.mark.parametrize(("data", "line", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_name_line_and_reason(data, line, reason):
    with pytest.raises(RefusedError, match=reason) as refused:
        parse_skeleton(data, TWO)
    assert refused.value.line == line


def test_a_foreign_byte_is_named_by_its_place():
    with pytest.raises(RefusedError) as refused:
        parse_skeleton(b"3\n1\n\x80", TWO)
    assert (refused.value.line, refused.value.byte) == (3, 4)


@pytest.mark.parametrize("kept", range(1, len(LINES)))
def test_a_file_cut_after_any_line_is_refused_at_its_last_line(kept):
    with pytest.raises(RefusedError, match=r"the file ends in frame [123] of the 3 it claims") as refused:
        parse_skeleton("\n".join(LINES[:kept]).encode(), TWO)
    assert refused.value.line == kept


def test_a_file_cut_inside_its_last_line_is_refused():
    whole = SKELETON.rstrip().encode()
    for cut in range(2, len(LINES[-1])):
        with pytest.raises(RefusedError, match=r"a joint line of .* columns, expected 12") as refused:
            parse_skeleton(whole[:-cut], TWO)
        assert refused.value.line == len(LINES)


def test_a_great_claim_costs_no_memory():
    tracemalloc.start()
    try:
        with pytest.raises(RefusedError, match="the file ends in frame 1 of the 100000"):
            parse_skeleton(b"100000\n1000\n", TWO)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def read_or_refused(data: bytes) -> Tracks | RefusedError:
    try:
        return parse_skeleton(data, TWO)
    except RefusedError as why:
        return why


def check_result(data: bytes) -> None:
    result = read_or_refused(data)
    if isinstance(result, RefusedError):
        assert result.line is not None
        assert 1 <= result.line <= data.count(b"\n") + 1
        assert str(result).isascii()
    else:
        assert np.isfinite(result.joints_PVC).all()
        assert result.lengths.sum() == len(result.frame_index) == len(result.joints_PVC)
        assert (result.lengths > 0).all()
        assert result.frame_index.max() < result.frames


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_mutated_file_is_read_or_refused_and_nothing_else(data):
    mutated = bytearray(SKELETON.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated)))
        size = data.draw(st.integers(0, 5))
        piece = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"\n", b" ", b"nan", b"9" * 20, b"-", b"1e9"]))
        )
        mutated[at : at + size] = piece
    check_result(bytes(mutated))


@given(st.one_of(st.binary(max_size=300), st.text("0123456789 \n.-e", max_size=200).map(str.encode)))
@settings(max_examples=300, deadline=None)
def test_noise_is_read_or_refused_and_nothing_else(noise):
    check_result(noise)


def test_the_name_says_setup_camera_subject_replication_and_class():
    name = facts_of_name("S017C003P008R002A060.skeleton")
    assert name == ("S017C003P008R002A060", 59, 8, 3, 17, 2)
    assert (name.class_id, name.subject, name.camera, name.setup, name.replication) == (59, 8, 3, 17, 2)
    assert facts_of_name("S001C001P001R001A001.skeleton").class_id == 0


@pytest.mark.parametrize(
    "name",
    [
        "S001C001P001R001A000.skeleton",
        "S1C1P1R1A1.skeleton",
        "S001C001P001R001A001",
        "x.skeleton",
        "",
        "S001C001P001R001A001.skeleton.skeleton",
        "aS001C001P001R001A001.skeleton",
        "S٠٠١C001P001R001A001.skeleton",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(RefusedError, match=r"the file name is not SsssCcccPpppRrrrAaaa\.skeleton"):
        facts_of_name(name)
