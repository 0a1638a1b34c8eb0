"""Decides the class of a clip if several places can state it: its file name, label lists, the clip itself.

In: the statement of each place, and the definition's class names. Out: class id and name, or an error that names both
sides.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from dastm.contract.errors import RefusedError
from pipeline.definitions.lists import nfc
from pipeline.definitions.source_spec import SOURCE_FORMATS, WITH_LABELS

Value = TypeVar("Value", int, str)
NO_LABEL = "no label_index, neither in the clip nor on a label list"
"""How the refusal of a clip begins whose class nothing says."""


class Label(NamedTuple):
    """The statement of one place about the class of a clip; None for what it does not state."""

    said_by: str
    name: str | None = None
    class_id: int | None = None


def settle(labels: Sequence[Label], class_names: Sequence[str]) -> tuple[int | None, str | None]:
    """(class id, name) that all places agree on; what none of them states comes from `class_names`, or is None.

    Raises: RefusedError where two places differ, or name and index are not a pair in `class_names`.
    """
    said = [(label.said_by, nfc(label.name) if label.name is not None else None) for label in labels]
    name = _agreed(said, "label")
    index = _agreed([(label.said_by, label.class_id) for label in labels], "label_index")
    if not class_names or name is None:
        return index, name
    if name not in class_names:
        raise RefusedError(f"label {name!r} is not among the definition's class_names")
    if index is None:
        return class_names.index(name), name
    if index >= len(class_names) or class_names[index] != name:
        known = repr(class_names[index]) if index < len(class_names) else "nothing"
        raise RefusedError(f"label {name!r} with label_index {index}, which the definition's class_names call {known}")
    return index, name


def no_class(said: str | None, format_name: str) -> RefusedError:
    """The refusal of a clip whose class id no place states; `said`: the class name that one place states."""
    if said is None:
        return RefusedError(f"{NO_LABEL}; name its class {_where_to_name(format_name)}in the clip")
    return RefusedError(f"{NO_LABEL}, and no class_names in the definition that tell the id of {said!r}")


def _where_to_name(format_name: str) -> str:
    """The place beside the clip that readers of the format look at, if there is one."""
    if format_name in WITH_LABELS:
        return "in a labels file (parse.source.labels) or "
    return "" if format_name in SOURCE_FORMATS else "on the label list beside it or "


def _agreed(said: Sequence[tuple[str, Value | None]], what: str) -> Value | None:
    first_place, first = next(((place, value) for place, value in said if value is not None), ("", None))
    for place, value in said:
        if value is not None and value != first:
            raise RefusedError(f"{what} {first!r} in the {first_place}, but {value!r} in the {place}")
    return first
