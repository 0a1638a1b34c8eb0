"""The kernel's float32 is that of Python's `float`, to the last bit, or it says that it does not know."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels.blocks import as_text
from pipeline.kernels.numbers import number_at
from tests.fuzz.decimals import decimals, disagreements

pytestmark = pytest.mark.kernel


def read(text, behind=""):
    """(known, bytes of the value, place of its end), with something behind the number and without."""
    data = as_text((text + behind).encode())
    known, value, end = number_at(data, 0, len(text))
    return bool(known), np.float32(value).tobytes(), int(end)


def exactly(text):
    return True, np.float32(float(text)).tobytes(), len(text)


PLAIN = """
0 -0 +0 7 -12 007 0.5 -0.0 0.2181153 -0.02181153 0.0021811534 3.1234567890123 1.12345678901234 9.99999999999999
1.123456789012345 12.5 1e5 1E+5 -1e-5 1.5e-45 0e99999 1.401298464324817e-45 7.1e-46 7e-46 1e-80 1e-90 1e-99999 3.3e38
9007199254740993 12345678901234567890 0.12345678901234567890 16777217 16777219.0 1000000000000000000000000000000
0.00000000000000000000000000000000000000000000000001
"""


@pytest.mark.parametrize("text", PLAIN.split())
@pytest.mark.parametrize("behind", ["", " ", "\n" + "9" * 30, ", 5" + " " * 30])
def test_the_value_is_exact_and_ends_where_the_text_does(text, behind):
    assert read(text, behind) == exactly(text)


STRANGE = "- .5 5. 5.e3 1e 1e+ nan inf x -.5 1e999 1e39 -3.4e38 1e100001 1e1000000"


@pytest.mark.parametrize("text", ["", *STRANGE.split()])
def test_what_is_no_number_or_beyond_float32_is_not_known(text):
    assert not read(text)[0]
    assert not read(text, " " * 30)[0]


@pytest.mark.parametrize("text", ["1.00000005960464477539062500000000001", "16777217.000000000000000000001"])
def test_a_value_that_hangs_on_digits_left_out_is_not_known(text):
    assert not read(text)[0]


@pytest.mark.parametrize(("text", "end"), [("1.5.3", 3), ("1.5-", 3), ("1x", 1), ("1.25,", 4), ("1e5e5", 3)])
def test_what_follows_a_number_is_not_touched(text, end):
    assert read(text) == (True, np.float32(float(text[:end])).tobytes(), end)
    assert read(text, " " * 30)[2] == end


def test_nothing_behind_the_stop_is_read():
    data = as_text(b"123456789.123456789e5" + b"9" * 30)
    assert number_at(data, 0, 1)[1:] == (1, 1)
    assert number_at(data, 0, 9)[1:] == (np.float32(123456789), 9)


@given(st.floats(-3e38, 3e38), st.sampled_from(["r", ".17e", ".3f", "+.9G", ".20e", ".7G"]))
@settings(max_examples=300, deadline=None)
def test_any_float_in_any_form(value, form):
    text = repr(value) if form == "r" else format(value, form)
    known, *rest = read(text)
    assert not known or rest == list(exactly(text)[1:])


def test_thousands_of_decimals_that_are_hard_to_round(rng):
    texts = decimals(rng, 6000)
    assert {len(text) > 20 for text in texts} == {True, False}
    wrong, unknown = disagreements(texts)
    assert wrong == []
    assert unknown < len(texts) / 3


def test_a_wrong_value_would_be_found(monkeypatch):
    monkeypatch.setattr("tests.fuzz.decimals.number_at", lambda text, at, stop: (True, 1.0, stop))
    assert disagreements(["1", "2", "1.0"]) == (["2"], 0)
