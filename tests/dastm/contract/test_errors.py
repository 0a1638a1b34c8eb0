"""A refusal says its place."""

import pytest

from dastm.contract.errors import RefusedError


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (RefusedError("no number", line=3), "line 3: no number"),
        (RefusedError("no JSON", byte=0), "byte 0: no JSON"),
        (RefusedError("empty file"), "empty file"),
    ],
)
def test_refusal_says_its_place(refusal, text):
    assert str(refusal) == text
