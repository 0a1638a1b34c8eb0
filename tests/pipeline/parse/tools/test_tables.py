"""Tables of numbers as text: what stands between columns, what is no number, what is too much."""

import math

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.tables import (
    Numbers,
    first_row,
    floats,
    lines_of,
    of_width,
    rate_of_times,
    rows_of_text,
    text_of,
)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a\tb\r\n1\t2\r\n", "a;b\n\n 1 ; 2 \n", "\ufeffa,b\n1,2"])
def test_rows_are_the_same_whatever_stands_between_columns(text):
    rows = list(rows_of_text(text.encode()))
    assert [row for _, row in rows] == [["a", "b"], ["1", "2"]]


def test_numbers_may_be_empty_or_nan_in_any_letters():
    assert [math.isnan(value) for value in floats(["", "NaN", "nan", "1.#QNAN", "1e3"], 1)] == [True] * 4 + [False]
    with pytest.raises(RefusedError, match="'x' is not a number") as caught:
        floats(["1", "x"], 7)
    assert caught.value.line == 7


def test_a_comma_is_a_point_where_it_parts_no_columns_and_words_say_that_nothing_is_there():
    assert floats(["0,5", "-1,25e2"], 1) == [0.5, -125]
    assert all(math.isnan(value) for value in floats(["None", "null", "N/A", "-nan(ind)"], 1))
    for wrong in ("1,2,3", "1,234.5"):
        with pytest.raises(RefusedError, match="is not a number"):
            floats([wrong], 1)


def test_the_first_line_again_is_refused_but_equal_rows_of_numbers_are_rows():
    with pytest.raises(RefusedError, match="the first line again") as caught:
        list(rows_of_text(b"a,b,c\n1,2,3\na,b,c\n"))
    assert caught.value.line == 3
    assert len(list(rows_of_text(b"Devices\n1,2\nDevices\n"))) == 3
    assert len(list(rows_of_text(b"1,2\n1,2\n"))) == 2


def test_rows_of_numbers_take_what_fields_take():
    numbers = Numbers()
    numbers.add(["1", " 2.5 ", "1e3"], 1)
    numbers.add(["", "nan", "-1.#IND00"], 2)
    assert np.array_equal(numbers.rows(3), [[1, 2.5, 1000], [np.nan] * 3], equal_nan=True)
    with pytest.raises(RefusedError, match="'x' is not a number") as caught:
        numbers.add(["1", "x"], 7)
    assert caught.value.line == 7


def test_blanks_around_fields_count_in_no_table():
    assert [row for _, row in rows_of_text("a\xa0,b\n , \n1,\t2\n".encode())] == [["a", "b"], ["1", "2"]]


def test_empty_fields_at_the_end_are_no_fields():
    assert list(of_width(["1", "2", "", ""], 2, 1)) == ["1", "2"]
    for wrong in (["1"], ["1", "2", "3"]):
        with pytest.raises(RefusedError, match="fields, expected 2"):
            of_width(wrong, 2, 1)


def test_a_table_of_nothing_has_no_names():
    assert first_row(rows_of_text(b"a,b,,\n")) == ["a", "b"]
    with pytest.raises(RefusedError, match="no line of names"):
        first_row(rows_of_text(b",\n"))


def test_what_is_no_text_is_refused(monkeypatch):
    with pytest.raises(RefusedError, match="not UTF-8 text"):
        text_of(b"\xff")
    with pytest.raises(RefusedError, match="the file is empty"):
        text_of(b" \n")
    monkeypatch.setattr("pipeline.parse.tools.tables.MAX_TEXT_BYTES", 3)
    with pytest.raises(RefusedError, match="4 bytes, more than the 3"):
        text_of(b"1234")


def test_lines_are_counted_as_editors_count_them():
    assert lines_of("a\r\nb\rc\n") == ["a", "b", "c"]
    assert lines_of("a\x85b\u2028c\x0cd\n\ne") == ["a\x85b\u2028c\x0cd", "", "e"]


@pytest.mark.parametrize(
    ("text", "fps"),
    [
        ("frame,Time,a\n0,0.00,left\n1,0.04,left\n2,0.08,right\n", 25),
        ('time_ms;a\n0;"x;y"\n40;left\n80;left\n', 25),
        ('time,a\n"0.00",9\n"0.04",9\n"0.08",9\n', 25),
        ('name,time\n"x,1",0.00\n"x,1",0.04\n"x,1",0.08\n', 25),
        ("timestamp,a\n7,1\n7,1\n", None),
        ("time,a\nnoon,1\nnight,1\n", None),
        ("frame,a\n0,1\n1,1\n", None),
    ],
    ids=["seconds", "milliseconds, line by line", "quoted", "a comma before", "one time", "no times", "no column"],
)
def test_a_column_of_times_tells_the_frames_a_second(text, fps):
    names = text.splitlines()[0].replace(";", ",").split(",")
    assert rate_of_times(text.encode(), names, 1).fps == (fps if fps is None else pytest.approx(fps))
