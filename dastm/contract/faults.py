"""A pydantic ValidationError -> one line that names the key, what is wrong, and the key that was probably meant.

In: the dataclass that was to be built from a document, and the error. Out: text. Both halves use it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from dastm.contract.documents import cut, no_such_key, shown

UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
"""Pydantic's words for a key that a dataclass does not have."""


def first_fault(cls: type[Any], error: ValidationError) -> str:
    """The first key at fault, e.g. `optimise.epoch: no such key; did you mean epochs? known: epochs, ..`."""
    first = error.errors()[0]
    place = first["loc"]
    key = ".".join(cut(step) for step in place)
    if first["type"] in UNKNOWN and place:
        return f"{key}: {no_such_key(str(place[-1]), _keys_at(cls, place[:-1]))}"
    if not place and first["type"] == "value_error":  # two keys that contradict each other, which the message names
        return cut(first["ctx"]["error"])
    return f"{key}: {cut(first['msg'])}, got {shown(first['input'])}"


def _keys_at(cls: type[Any], place: Sequence[int | str]) -> list[str]:
    """The keys of the dataclass that lies at a place in another one."""
    for step in place:
        hints = get_type_hints(cls)
        if step in hints:
            cls = next(_dataclasses_in(hints[step]), cls)
    return [field.name for field in fields(cls)]


def _dataclasses_in(hint: Any) -> Iterator[type[Any]]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for inner in get_args(hint):
        yield from _dataclasses_in(inner)
