"""Kinds of values: what they let through and what not."""

import pytest
from pydantic import TypeAdapter, ValidationError

from dastm.config.values import Count, Episodes, Positive, Seed, Weight, distinct


@pytest.mark.parametrize(
    ("kind", "least", "below"),
    [(Count, 1, 0), (Episodes, 2, 1), (Seed, 0, -1), (Weight, 0.0, -0.1), (Positive, 0.1, 0.0)],
)
def test_a_kind_begins_at_its_least_value(kind, least, below):
    assert TypeAdapter(kind).validate_python(least) == least
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(below)


def test_values_that_are_each_there_once_pass():
    assert distinct((1, 2)) == (1, 2)
    with pytest.raises(ValueError, match="each one once"):
        distinct((1, 1))
