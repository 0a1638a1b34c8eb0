"""Rows of .npy files against numpy's own loading, and headers that claim too much."""

import io

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.sources.npy import CHUNK_ROWS, read_array, read_chunks, read_header, read_row


def npy(array, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def claimed(text: str, data: bytes = b"") -> bytes:
    """A .npy file with any header."""
    header = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize("kind", ["f2", "f4", ">f8", "i8", "u1", "?"])
def test_rows_are_those_of_the_array(kind):
    array = np.arange(60).reshape(5, 4, 3).astype(kind)
    file = io.BytesIO(npy(array))
    header = read_header(file)
    assert header.shape == (5, 4, 3)
    for row in (3, 0, 4):
        assert np.array_equal(read_row(file, header, row), array[row])


@pytest.mark.parametrize("shape", [(CHUNK_ROWS * 2 + 5,), (10, 3), (0, 3)])
def test_chunks_are_the_array(shape):
    array = np.random.default_rng(0).normal(size=shape)
    file = io.BytesIO(npy(array))
    chunks = list(read_chunks(file, read_header(file)))
    assert np.array_equal(np.concatenate([np.zeros((0, *shape[1:])), *chunks]), array)
    assert all(len(chunk) <= CHUNK_ROWS for chunk in chunks)


def test_a_whole_array_may_be_in_either_order():
    array = np.arange(6.0).reshape(2, 3)
    for order in (np.ascontiguousarray, np.asfortranarray):
        assert np.array_equal(read_array(npy(order(array))), array)


F4 = "'descr': '<f4', 'fortran_order': False"


def test_a_header_of_python_2_is_read():
    data = claimed("{'descr': '<f4', 'fortran_order': False, 'shape': (3L,), }", bytes(12))
    assert read_array(data).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (npy(np.array([None]), allow_pickle=True), "an array of object"),
        (npy(np.array(["a"])), "an array of <U1"),
        (npy(np.zeros(3, "c16")), "an array of complex128"),
        (npy(np.zeros(3))[:-1], "23 bytes of numbers, the header claims 24"),
        (npy(np.zeros(3)) + b"x", "25 bytes of numbers, the header claims 24"),
        (claimed(f"{{{F4}, 'shape': (10, 1000000000)}}"), "4000000000 bytes a row, more than"),
        (claimed(f"{{{F4}, 'shape': (1000000000, 10)}}"), "0 bytes of numbers, the header claims 40000000000"),
        (claimed(f"{{{F4}, 'shape': (-1, 10)}}"), r"an array of shape \(-1, 10\)"),
        (claimed(f"{{{F4}, 'shape': ({2**60}, 10)}}"), "an array of shape"),
        (claimed(f"{{{F4}, 'shape': (True, 10)}}"), "an array of shape"),
        (claimed("__import__('os')"), "not a .npy array"),
        (claimed("(" * 500), "not a .npy array"),
        (claimed("{" + " " * 20_000 + "}"), "not a .npy array"),
        (b"", "not a .npy array"),
        (b"\x93NUMPY\x09\x00", "a version that plain numbers"),
    ],
)
def test_a_header_that_does_not_hold_is_refused(data, reason):
    with pytest.raises(RefusedError, match=reason):
        read_array(data)


def test_a_claim_of_many_rows_costs_nothing():
    file = io.BytesIO(claimed(f"{{{F4}, 'shape': (1000000000,)}}", bytes(CHUNK_ROWS * 4)))
    chunks = read_chunks(file, read_header(file))
    assert len(next(chunks)) == CHUNK_ROWS
    with pytest.raises(RefusedError, match="the file ends"):
        next(chunks)
