"""The fast reader of `.skeleton` text: yes to plain files, wherever their bytes lie in a block, no to all others."""

import pytest

from pipeline.kernels import skeleton_text
from pipeline.kernels.skeleton_text import Limits, read_skeleton
from pipeline.parse.formats.ntu_skeleton import parse_skeleton
from pipeline.parse.formats.ntu_slow import parse_lines
from tests.fuzz.reader import outcome
from tests.fuzz.readers import READERS
from tests.pipeline.raw_files import SKELETON, TWO

pytestmark = pytest.mark.kernel
LIMITS = Limits(frames=100_000, bodies=1000, header_fields=10, joints=2)
PLAIN = SKELETON.encode()


def agrees(data):
    return outcome(lambda data: parse_skeleton(data, TWO), data) == outcome(lambda data: parse_lines(data, TWO), data)


def test_bodies_come_in_the_order_of_the_file():
    read = read_skeleton(PLAIN, LIMITS)
    assert (read.n_frames, read.crlf) == (3, False)
    assert read.track_P.tolist() == [0, 1, 0]
    assert read.frame_P.tolist() == [0, 2, 2]
    assert read.ids.tolist() == [72057594037944738, 72057594037944739]
    assert read.joints_PVC[:, 0, 0].tolist() == pytest.approx([0.1, 1, 7])


@pytest.mark.parametrize("seed", READERS["skeleton of two joints"].seeds)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\n"])
@pytest.mark.unmeasured
def test_a_file_is_plain_wherever_its_bytes_lie_in_a_block(seed, end):
    for n_more in range(64):
        longer = seed.rstrip().replace(b" 0 1 1", b" 0" + b"0" * n_more + b" 1 1", 1) + end
        read = read_skeleton(longer, LIMITS)
        assert read is not None
        assert read.crlf == (b"\r" in seed)
        assert agrees(longer)


@pytest.mark.parametrize("byte", [b"5", b" ", b".", b"-", b"e", b"\n", b"\r", b"n"])
@pytest.mark.unmeasured
def test_any_byte_changed_anywhere_gives_what_the_lines_give(byte):
    for at in range(len(PLAIN)):
        assert agrees(PLAIN[:at] + byte + PLAIN[at + 1 :]), at
        assert agrees(PLAIN[:at] + byte + PLAIN[at:]), at


WORDS = """1.2.3 1.2222222222222222222222222.3 1e5.5 1e5e5 1e+5.5 1E-5e5
1e00000000000000000000000005.3 1e+0000000000000000005e1 1-2 1+2
1.5-2 1e5-2 1e 1e+ 1.5e 1e+-5 +-1 -+1 -- + . 1. .5 1.e5 1..2 -.5 e5 -e5 1ee5 1e.5 5e-05 +1.5E+05 1e5 1.25 -7"""


@pytest.mark.parametrize("word", WORDS.split())
@pytest.mark.unmeasured
def test_a_word_in_a_column_that_is_not_used_counts_wherever_it_lies_in_a_block(word):
    for n_more in range(64):
        spaced = PLAIN.replace(b" 0 1 1", b" " * (1 + n_more) + b"0 1 1", 1)
        assert agrees(spaced.replace(b"3 0 0", f"3 {word} 0".encode(), 1)), n_more
        assert agrees(spaced.replace(b"12 0 0", f"12 0 {word}".encode(), 1)), n_more


def test_a_file_cut_anywhere_gives_what_the_lines_give():
    for at in range(len(PLAIN)):
        assert agrees(PLAIN[:at]), at


def with_line(number, text):
    lines = SKELETON.splitlines()
    lines[number - 1] = text
    return "\n".join(lines).encode()


HEADER = "0 1 1 1 1 0 0 0 2"
NOT_PLAIN = {
    "nothing": b"",
    "blank": b" \n" * 100,
    "a long blank end": PLAIN + b"\n" * 100,
    "nobody": b"2\n0\n0\n",
    "one line": b"1",
    "a nan that is not used": with_line(5, "1 2 3 nan 0 0 0 0 0 0 0 2"),
    "a tab": with_line(5, "1\t2 3 0 0 0 0 0 0 0 0 2"),
    "no digit before the point": with_line(5, ".1 2 3 0 0 0 0 0 0 0 0 2"),
    "beyond float32": with_line(5, "1 2 1e39 0 0 0 0 0 0 0 0 2"),
    "an id of 19 digits": with_line(3, f"1{'0' * 18} {HEADER}"),
    "an id with a fraction": with_line(3, f"1.5 {HEADER}"),
    "a body twice": with_line(13, f"72057594037944739 {HEADER}"),
    "two columns": b"1\n1\n5 0 1 1 1 1 0 0 0 2\n2\n1 2\n3 4",
    "a column lost": with_line(6, "1 2 3"),
    "another joint count": with_line(4, "3"),
    "a short header": with_line(3, "5 0 1"),
    "more lines": PLAIN + b"7\n",
    "fewer frames": with_line(1, "2"),
    "more frames": with_line(1, "4"),
    "more bodies": with_line(2, "2"),
    "a frame count with a fraction": with_line(1, "3.0"),
    "lines that are very short": b"90\n" + b"0\n" * 89 + PLAIN[2:],
}


@pytest.mark.parametrize("data", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_is_left_to_the_lines(data):
    assert read_skeleton(data, LIMITS) is None
    assert agrees(data)


def many(n_bodies):
    body = "1 0 1 1 1 1 0 0 0 2\n2\n1 2 3 0 0 0 0 0 0 0 0 0\n4 5 6 0 0 0 0 0 0 0 0 0\n"
    return f"1\n{n_bodies}\n{''.join(body.replace('1', str(100 + i), 1) for i in range(n_bodies))}".encode()


def test_more_tracks_than_there_is_room_for_are_left_to_the_lines():
    plain, other = many(skeleton_text.MAX_TRACKS), many(skeleton_text.MAX_TRACKS + 1)
    assert len(read_skeleton(plain, LIMITS).ids) == skeleton_text.MAX_TRACKS
    assert read_skeleton(other, LIMITS) is None
    assert agrees(plain)
    assert agrees(other)


def test_a_file_too_long_for_its_places_is_left_to_the_lines(monkeypatch):
    monkeypatch.setattr(skeleton_text, "MOST_BYTES", len(PLAIN) - 2)
    assert read_skeleton(PLAIN, LIMITS) is None


def test_limits_hold():
    assert read_skeleton(PLAIN, LIMITS._replace(frames=2)) is None
    assert read_skeleton(PLAIN, LIMITS._replace(bodies=1)) is None
    assert read_skeleton(PLAIN, LIMITS._replace(header_fields=9)) is None
