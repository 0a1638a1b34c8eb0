"""JSON of other people's programs: what is no document is refused with its byte, what is no number with its place."""

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.tools.json_documents import (
    a_whole,
    documents,
    load_json,
    numbers,
    numbers_of_each,
    rows_of,
    rows_of_each,
    shown,
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"{", "not JSON: .*"),
        (b"\xff", "not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "a number of thousands of digits"),
    ],
)
def test_what_is_no_document_is_refused(data, reason):
    with pytest.raises(RefusedError, match=reason):
        load_json(data)


def test_a_key_that_is_given_twice_is_refused_where_it_stands():
    """Of two bodies that a hand-made writer calls alike, one would be lost."""
    for text in (
        '{"body": 1, "body": "\\u003a"}',
        '{"a": 1, "body": [1], "body": [2]}',
        '[{"x": {"body": "1:2", "\\u0062ody": "\\u003a"}}]',
    ):
        with pytest.raises(RefusedError, match="ambiguous: the key 'body' is given twice; remove one"):
            load_json(text.encode())


def test_colons_in_texts_and_deep_nesting_are_no_keys():
    assert load_json(b'{"time": "12:30:01", "a:b": ":\\u003a"}') == {"time": "12:30:01", "a:b": "::"}
    assert load_json(b"[" * 300 + b"]" * 300)


def test_a_document_may_begin_with_a_mark_and_hold_nan():
    assert load_json(b"\xef\xbb\xbf[1]") == [1]
    assert np.isnan(load_json(b"[NaN]")[0])


def test_a_document_that_would_fill_the_memory_is_not_read(monkeypatch):
    monkeypatch.setattr("pipeline.parse.tools.json_documents.MAX_JSON_BYTES", 3)
    with pytest.raises(RefusedError, match="4 bytes, more than the 3"):
        load_json(b"[ 1]")


def test_lines_are_documents_each():
    assert documents(b'{"a": 1}\n\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
    assert documents(b'{"a":\n1}') == [{"a": 1}]
    with pytest.raises(RefusedError, match="not JSON") as caught:
        documents(b'{"a": 1}\n\n{"a"}\n')
    assert caught.value.line == 3


def test_numbers_may_be_null_or_texts_but_nothing_else():
    assert np.array_equal(numbers([1, None, "2.5"], "x"), [1, np.nan, 2.5], equal_nan=True)
    for wrong in ({"a": 1}, [1, [2]], ["a"], [10**400]):
        with pytest.raises(RefusedError, match="x: expected numbers"):
            numbers(wrong, "x")


def test_rows_may_be_flat():
    assert rows_of([1, 2, 3, 4], 2, "x").tolist() == rows_of([[1, 2], [3, 4]], 2, "x").tolist() == [[1, 2], [3, 4]]
    for wrong in ([1, 2, 3], [], [[1, 2, 3, 4]]):
        with pytest.raises(RefusedError, match="expected 2 for each joint"):
            rows_of(wrong, 2, "x")


def test_whole_numbers_may_be_written_as_texts_or_with_a_point():
    assert [a_whole(value, "x") for value in (3, "3", 3.0, [3])] == [3, 3, 3, 3]
    for wrong in (1.5, None, [1, 2], 1e300):
        with pytest.raises(RefusedError, match="is not a whole number"):
            a_whole(wrong, "x")


@pytest.mark.parametrize(
    "values",
    [[[1, 2, 3, None], [5, 6, 7, 8]], [["1", 2], [3, 4, 5, 6]], [[[1, 2]], [[3, 4]]], [[[1], [2]]], [3, 4], []],
    ids=["of one length", "of two lengths", "rows", "columns", "single numbers", "none"],
)
def test_many_values_are_what_each_is_alone(values):
    each = numbers_of_each(values, ["here"] * len(values), "'keypoints'")
    for own, value in zip(each, values, strict=True):
        assert np.array_equal(own, numbers(value, "x"), equal_nan=True)


@pytest.mark.parametrize("values", [[[1, 2, 3, 4], [5, 6, 7, 8]], [[1, 2], [3, 4, 5, 6]], [[[1, 2]], [[3, 4]]], []])
def test_many_rows_are_what_each_is_alone(values):
    each = rows_of_each(values, 2, ["here"] * len(values), "'keypoints'")
    assert [own.tolist() for own in each] == [rows_of(value, 2, "x").tolist() for value in values]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[1, 2], ["x", 2]], "person 1: 'keypoints': expected numbers, found a list of 2"),
        ([[1, 2], [1, 2, 3]], "person 1: 'keypoints': 3 numbers, expected 2 for each joint"),
        ([[1, 2, 3], [1, 2, 3]], "person 0: 'keypoints': 3 numbers, expected 2"),
        ([None, None], "person 0: 'keypoints': 1 numbers, expected 2"),
        ([[], []], "person 0: 'keypoints': 0 numbers, expected 2"),
    ],
)
def test_of_many_values_the_wrong_one_is_named(values, reason):
    with pytest.raises(RefusedError, match=reason):
        rows_of_each(values, 2, ["person 0", "person 1"], "'keypoints'")


def test_values_are_shown_in_a_few_words():
    assert [shown(v) for v in ([], {}, [1], {"a": 1}, "x" * 99)] == [
        *("an empty list", "an empty object", "a list of 1", "an object of 1"),
        '"' + "x" * 39 + "...",
    ]
    assert shown({1}) == "a set"
