"""The writer against Python's own reader."""

import pickle

import numpy as np
import pytest

from pipeline.exchange.pickling import dict_of, encoded, end, list_of, start


def written(value) -> bytes:
    return start() + encoded(value) + end()


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        [0, 1, 255, 256, -1, 2**31 - 1, 2**31, -(2**31), 2**40, -(2**63)],
        ["", "a", "é" * 200, "x" * 70_000, "\ud800"],
        {"a": {"b": [(), (1,), (1, 2, 3, 4)]}, "c": []},
        *(list(range(n)) for n in (0, 1, 999, 1000, 1001, 2000)),
    ],
)
def test_pickle_reads_what_was_written(value):
    data = written(value)
    assert pickle.loads(data) == value
    assert type(pickle.loads(data)) is type(value)


def test_arrays_are_whole_writeable_and_of_one_type():
    arrays = [np.arange(24, dtype=np.float32).reshape(2, 3, 4)[:, ::2], np.zeros((0, 3), np.float32)]
    found = pickle.loads(written(arrays))
    for one, other in zip(found, arrays, strict=True):
        assert one.dtype == np.float32
        assert one.tobytes() == other.tobytes()
        assert one.shape == other.shape
        assert one.flags.writeable


def test_pieces_are_the_whole():
    pieces = b"".join(dict_of([("a", list_of(map(encoded, range(3)))), ("b", [encoded("x")])]))
    assert pickle.loads(start() + pieces + end()) == {"a": [0, 1, 2], "b": "x"}


def test_other_values_are_refused():
    with pytest.raises(TypeError, match="float: no value of an annotation"):
        encoded(1.5)
    with pytest.raises(ValueError, match="an array of float64, expected float32"):
        encoded(np.zeros(3))
