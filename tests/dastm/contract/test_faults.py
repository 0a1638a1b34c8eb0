"""A document's first fault in one line: the key, and its neighbours where there is no such key."""

from dataclasses import field

import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from dastm.contract.faults import first_fault

STRICT = ConfigDict(extra="forbid")


@dataclass(config=STRICT)
class Inner:
    n_frames: int = 1
    seed: int = 0


@dataclass(config=STRICT)
class Outer:
    inner: Inner
    maybe: Inner | None = None
    several: tuple[Inner, ...] = ()
    named: dict[str, int] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ({"iner": {}, "inner": {}}, "iner: no such key; did you mean inner? known: inner, maybe, several, named"),
        ({"inner": {"n_frame": 3}}, "inner.n_frame: no such key; did you mean n_frames? known: n_frames, seed"),
        ({"inner": {}, "maybe": {"sed": 3}}, "maybe.sed: no such key; did you mean seed? known: n_frames, seed"),
        ({"inner": {}, "several": [{"x": 3}]}, "several.0.x: no such key; known: n_frames, seed"),
        ({"inner": {"seed": "many"}}, "inner.seed: Input should be a valid integer"),
        ({"inner": {}, "named": {"a": []}}, "named.a: Input should be a valid integer, got []"),
    ],
)
def test_the_first_fault_names_the_key_and_its_neighbours(document, line):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Outer).validate_python(document)
    assert first_fault(Outer, caught.value).startswith(line)


def test_a_large_value_is_cut_short():
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Outer).validate_python({"inner": {"seed": "x" * 100_000}})
    assert len(first_fault(Outer, caught.value)) < 1000
