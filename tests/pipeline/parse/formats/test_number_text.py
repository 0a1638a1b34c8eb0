import math

import pytest

from pipeline.parse.formats.number_text import NO_NUMBER, field_number, number_of


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


@pytest.mark.parametrize("field", [*NO_NUMBER, "None", "NULL", "-NaN(ind)"])
def test_a_field_may_say_that_no_number_is_there(field):
    assert math.isnan(field_number(field))


@pytest.mark.parametrize(("field", "number"), [("0,5", 0.5), ("-1,5E+2", -150.0), ("2.5", 2.5)])
def test_a_field_may_have_a_comma_for_its_point(field, number):
    assert field_number(field) == number


@pytest.mark.parametrize("field", ["1,2,3", "1.000,5", "x", "-"])
def test_other_fields_are_no_numbers(field):
    with pytest.raises(ValueError, match="could not convert"):
        field_number(field)
