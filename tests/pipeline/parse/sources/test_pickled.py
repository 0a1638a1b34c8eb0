"""The calls that stand for numpy's, one by one, and the arrays that they make."""

import io

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from pipeline.parse.sources.pickled import (
    CALLS,
    KNOWN,
    Array,
    DType,
    Name,
    Odd,
    Span,
    call,
    numbers,
    set_state,
    shown,
    unescape,
)


def test_the_known_names_are_these_and_no_others():
    """Whoever adds one must see that nothing of it can run what a file asks for."""
    core = {"multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer"}
    assert {f"numpy.{module}.{name}" for module in ("core", "_core") for name in core} | {
        "builtins.bytes",
        "__builtin__.bytes",
        "builtins.bytearray",
        "__builtin__.bytearray",
        "_codecs.encode",
        "numpy.dtype",
        "collections.OrderedDict",
    } == set(CALLS)
    assert KNOWN - set(CALLS) == {"numpy.ndarray"}
    assert all(function.__module__ == "pipeline.parse.sources.pickled" for function in CALLS.values())


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((), b""),
        ((b"ab",), b"ab"),
        (("\xe9", "latin1"), b"\xe9"),
        ((Span(1, 300, "utf8", True), "latin1"), Span(1, 300, "utf8", False)),
        ((Span(1, 300, "raw", False),), Span(1, 300, "raw", False)),
    ],
)
def test_bytes_are_made_of_bytes_and_texts(args, expected):
    for name in ("builtins.bytes", "builtins.bytearray"):
        assert call(Name(name), args) == expected


def test_a_call_needs_a_tuple_of_arguments():
    with pytest.raises(RefusedError, match=r"a call of 'numpy.dtype', which no data needs"):
        call(Name("numpy.dtype"), ["f4"])


def test_scalars_keep_their_byte_order():
    dtype = DType("i2", ">")
    assert call(Name("numpy.core.multiarray.scalar"), (dtype, b"\x01\x00")) == 256
    assert call(Name("numpy.core.multiarray.scalar"), (dtype, "\x00\x01")) == 1


def test_a_state_of_text_is_bytes_as_python_2_wrote_them():
    array = Array()
    set_state(array, (1, (1,), DType("u2", "<"), False, "\x01\x02"))
    assert numbers(io.BytesIO(), array).tolist() == [513]
    assert array.n_bytes == 2
    assert Array().n_bytes == 0


def test_numbers_are_a_copy_in_the_machines_order():
    array = Array((2, 2), ">f4", True, np.arange(4, dtype=">f4").tobytes())
    found = numbers(io.BytesIO(), array)
    assert found.tolist() == [[0, 2], [1, 3]]
    assert found.dtype == np.float32
    found[0, 0] = 5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        ("x" * 99, f"'{'x' * 39}..."),
        (10**50, "a huge number"),
        ([[]], "a list"),
        (Name("a.b"), "a name"),
        (b"ab", "a bytes"),
    ],
)
def test_values_are_shown_short(value, expected):
    assert shown(value) == expected


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_text_of_numpy_is_a_text(order):
    dtype = call(Name("numpy.dtype"), ("U2", False, True))
    set_state(dtype, (3, order, None, None, None, 8, 4, 8))
    data = "ab".encode("utf-32-le" if order == "<" else "utf-32-be")
    assert call(Name("numpy.core.multiarray.scalar"), (dtype, data)) == "ab"
    array = Array()
    set_state(array, (1, (2,), dtype, False, data + data))
    assert numbers(io.BytesIO(), array).tolist() == ["ab", "ab"]
    with pytest.raises(RefusedError, match="texts that hold no characters"):
        call(Name("numpy.core.multiarray.scalar"), (dtype, b"\xff" * 8))


@pytest.mark.parametrize("code", ["O8", "M8", "V8", "S3", "f16"])
def test_what_no_clip_needs_is_odd_and_refuses_who_uses_it(code):
    dtype = call(Name("numpy.dtype"), (code, False, True))
    set_state(dtype, (4, "<", None, None, None, -1, -1, 0, (None, (b"D", 1, 1, 1))))
    reason = f"dtype '{code}', expected plain numbers"
    assert call(Name("numpy.core.multiarray.scalar"), (dtype, b"x")) == dtype == Odd(reason)
    assert shown(dtype) == reason
    array = Array()
    set_state(array, (1, (1,), dtype, False, [None]))
    for odd in (array, call(Name("numpy._core.numeric._frombuffer"), (b"", dtype, (1,), "C"))):
        with pytest.raises(RefusedError, match=f"an array of {reason}"):
            numbers(io.BytesIO(), odd)


def test_escaped_strings_need_their_quotes():
    assert unescape(rb"'a\x41\n'") == b"aA\n"
    for wrong in (b"", b"'", b"'a\"", b"aba"):
        with pytest.raises(ValueError, match="without its quotes"):
            unescape(wrong)
