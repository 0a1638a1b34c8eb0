"""A refusal says its place."""

import pytest

from dastm.contract.errors import Refused


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (Refused("no number", line=3), "line 3: no number"),
        (Refused("no JSON", byte=0), "byte 0: no JSON"),
        (Refused("empty file"), "empty file"),
    ],
)
def test_refusal_says_its_place(refusal, text):
    assert str(refusal) == text
