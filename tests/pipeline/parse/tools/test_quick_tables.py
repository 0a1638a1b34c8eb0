"""Plain tables at once: the numbers that Python's `float` makes, or no answer."""

import numpy as np
import pytest

from pipeline.parse.tools.quick_tables import after_lines, numbered_columns, quick_columns, quick_rows, text_column


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1 2\n3 4\n", [[1, 2], [3, 4]]),
        (" 1, -2.5,\r\n\r\n3;  nan\r\n\r\n", [[1, -2.5], [3, np.nan]]),
        ("1e-3\t0.1234567890123456789", [[0.001, 0.1234567890123456789]]),
        ("\n\n7\n", [[7]]),
    ],
)
def test_lines_of_numbers_are_rows(text, rows):
    found = quick_rows(text.encode())
    assert np.array_equal(found, np.array(rows, float), equal_nan=True)


@pytest.mark.parametrize(
    "text", ["", "\n", "1 2\n3\n", "1 x\n", "1\r2\n", "1_0 2\n", "1.#QNAN 2\n", "1 2\n\n3 4 5 6\n"]
)
def test_what_is_not_plain_has_no_answer(text):
    assert quick_rows(text.encode()) is None


def test_every_number_is_what_float_makes_of_its_text():
    drawn = np.random.default_rng(0).normal(size=(50, 7)) * 10.0 ** np.arange(-3, 4)
    text = "\n".join(" ".join(map(repr, row)) for row in drawn.tolist())
    assert np.array_equal(quick_rows(text.encode()), drawn)


TABLE = b"frame,a,note,b\r\n0,1.5,left,2\r\n1,,right,\r\n2,nan,,3\r\n"


def test_wanted_columns_of_a_table_with_empty_cells_and_texts_between():
    start = after_lines(TABLE, 1)
    assert TABLE[start:][:2] == b"0,"
    found = quick_columns(TABLE, start, ",", [0, 3, 1])
    expected = [[0, 2, 1.5], [1, np.nan, np.nan], [2, 3, np.nan]]
    assert np.array_equal(found, np.array(expected), equal_nan=True)


def test_a_wanted_column_that_is_not_there_is_nan():
    found = quick_columns(TABLE, after_lines(TABLE, 1), ",", [-1, 0, -1, 3])
    expected = [[np.nan, 0, np.nan, 2], [np.nan, 1, np.nan, np.nan], [np.nan, 2, np.nan, 3]]
    assert np.array_equal(found, np.array(expected), equal_nan=True)


def test_a_column_of_texts():
    assert text_column(TABLE, after_lines(TABLE, 1), ",", 2) == ["left", "right", ""]
    assert text_column(TABLE.replace(b",2", b""), after_lines(TABLE, 1), ",", 2) is None


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (b"1.5", b"high", [0, 1]),
        (b"1,,right,", b"1,,right", [0, 1]),
        (b"left", b'"left"', [0, 1]),
        (b"0,1.5", b"0,1.5", [3, 1]),
        (b"0,1.5", b"0,1.5", [0, 9]),
        (b"\r\n2", b"\r2", [0, 1]),
        (TABLE, b"frame,a\n", [0, 1]),
    ],
    ids=["no number", "a cell too few", "quotes", "a row of nothing", "no such column", "a return alone", "no row"],
)
def test_tables_that_are_not_plain_have_no_answer(old, new, wanted):
    data = TABLE.replace(old, new, 1)
    assert quick_columns(data, after_lines(data, 1), ",", wanted) is None


def test_numbers_of_frames_are_whole_and_neither_negative_nor_too_large():
    stated, values = numbered_columns(b"3;0.5\n7;\n", 0, ";", 0, [1])
    assert (stated, values[0].tolist()) == ([3, 7], [0.5])
    assert numbered_columns(b"3;0.5\n7;1\n", 0, ";", None, [1])[0] == [0, 1]
    for wrong in (b"1.5", b"-1", b"", b"inf", b"2147483648"):
        assert numbered_columns(b"3;0.5\n" + wrong + b";1\n", 0, ";", 0, [1]) is None
