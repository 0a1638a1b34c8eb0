import math

import pytest

from pipeline.parse.formats.number_text import number_of


@pytest.mark.parametrize("text", ["-1.#IND", "1.#QNAN", "1.#SNAN", "-1.#IND00", "+1.#QNAN0", " nan "])
def test_nan_has_many_spellings(text):
    assert math.isnan(number_of(text))


@pytest.mark.parametrize(
    ("text", "number"), [("1.#INF", math.inf), ("-1.#INF00", -math.inf), ("-2.5e-1", -0.25), (" 3 ", 3.0)]
)
def test_other_numbers_are_read_to_the_bit(text, number):
    assert number_of(text) == number


@pytest.mark.parametrize("text", ["", "1.#IN", "1.#IND5", "2.#IND", "x"])
def test_other_text_is_no_number(text):
    with pytest.raises(ValueError, match="could not convert"):
        number_of(text)
