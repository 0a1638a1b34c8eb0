"""Finds and checks the clips that a one-shot protocol gives as examples of the test classes.

In: a definition and the facts of the parsed table. Out: test class -> keys of its exemplars, or one line that names
what is wrong. The official NTU-120 protocol gives one exemplar for each of 20 classes (Liu et al., TPAMI 2019).
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from dastm.contract.errors import DataError
from pipeline.definitions.definition import Definition


def find_exemplars(facts: pa.Table, definition: Definition) -> dict[int, tuple[str, ...]]:
    """Class id -> keys, for every class of the test subset; empty if the definition lists none.

    Raises: DataError for an exemplar that is not among the parsed clips or whose class is not in the test subset, and
    for a test class with another number of them than `exemplars_per_class`.
    """
    listed = definition.split.exemplars
    if not listed:
        return {}
    class_of = {row["key"]: row["class_id"] for row in facts.select(["key", "class_id"]).to_pylist()}
    found: dict[int, tuple[str, ...]] = dict.fromkeys(definition.split.class_split["test"], ())
    for key in listed:
        if key not in class_of:
            raise DataError(f"exemplar {key}: not among the parsed clips (refused, or its raw file was not there)")
        class_id = class_of[key]
        if class_id not in found:
            raise DataError(f"exemplar {key}: {_called(class_id, definition)} is not in the test part")
        found[class_id] = (*found[class_id], key)
    _check_numbers(found, definition)
    return found


def drawn_first(waiting: Sequence[str], exemplars: Sequence[str]) -> list[str]:
    """The keys of a class in the order in which they are drawn, its exemplars before all others."""
    given = set(exemplars)
    return [key for key in waiting if key in given] + [key for key in waiting if key not in given]


def _check_numbers(found: Mapping[int, tuple[str, ...]], definition: Definition) -> None:
    asked = definition.split.exemplars_per_class
    for class_id, keys in found.items():
        wrong = not keys if asked is None else len(keys) != asked
        if wrong:
            called, listed = _called(class_id, definition), ", ".join(keys) or "none"
            raise DataError(f"{called}: exemplars {listed}; expected {asked or 'at least 1'} of the class")


def _called(class_id: int, definition: Definition) -> str:
    name = definition.class_name(class_id)
    return f"class {class_id}" + (f" ({name})" if name else "")
