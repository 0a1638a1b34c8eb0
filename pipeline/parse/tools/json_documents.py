"""JSON as pose estimation tools and their users write it: the document, and numbers of any nesting in it.

In: bytes, or a value of a document. Out: the value as Python's `json` reads it, or an array; RefusedError with the
place for anything else, and for a key that is given twice: programs that write JSON without a library do so, and of two
bodies one would be lost. NaN and null are joints that were not measured: Python programs write both.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from dastm.contract.documents import DocumentError, keyed
from dastm.contract.errors import RefusedError

Arrays = Sequence[NDArray[np.float64]] | NDArray[np.float64]
"""Arrays one by one, or as the rows of one."""
_MOST_NESTED = 4
"""Clips, frames, joints, coordinates: what is deeper has a shape that readers refuse."""
MAX_JSON_BYTES = 128 * 2**20
"""A larger document is refused: read, it takes ten times as much memory."""


def load_json(data: bytes) -> Any:
    """The document; RefusedError with the byte where it is not JSON."""
    if len(data) > MAX_JSON_BYTES:
        raise RefusedError(f"{len(data)} bytes, more than the {MAX_JSON_BYTES} that a JSON file may have")
    if not data.strip():
        raise RefusedError("the file is empty")
    # NaN, deep nesting and what is no JSON: Python's own parser judges.
    with suppress(orjson.JSONDecodeError, orjson.JSONEncodeError):
        value = orjson.loads(data.removeprefix(BOM_UTF8))
        # else a key may be given twice, and its value lost; an escaped colon would make up for a lost one
        if orjson.dumps(value).count(b":") == data.count(b":") and b"\\u003" not in data:
            return value
    try:
        return json.loads(data.removeprefix(BOM_UTF8).decode(), object_pairs_hook=keyed)
    except DocumentError as why:
        raise RefusedError(str(why)) from None
    except UnicodeDecodeError as error:
        raise RefusedError("not UTF-8 text", byte=error.start) from None
    except json.JSONDecodeError as error:
        raise RefusedError(f"not JSON: {error.msg}", byte=len(error.doc[: error.pos].encode())) from None
    except RecursionError:
        raise RefusedError("not a clip: JSON nested too deeply") from None
    except ValueError:  # a whole number longer than Python converts
        raise RefusedError("a number of thousands of digits") from None


def documents(data: bytes) -> list[Any]:
    """The documents of a file with one a line (JSON lines), or the one that it is."""
    lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    if len(lines) > 1 and lines[0][1].strip()[-1:] in (b"}", b"]") and lines[1][1].strip()[:1] in (b"{", b"["):
        found = []
        for number, line in lines:
            try:
                found.append(load_json(line))
            except RefusedError as why:
                raise RefusedError(why.reason, line=number) from None
        return found
    return [load_json(data)]


def an_object(value: Any, where: str) -> dict[str, Any]:
    """The value, which must be an object."""
    if not isinstance(value, dict):
        raise RefusedError(f"{where}: expected an object, found {shown(value)}")
    return value


def a_list(value: Any, where: str) -> list[Any]:
    """The value, which must be a list."""
    if not isinstance(value, list):
        raise RefusedError(f"{where}: expected a list, found {shown(value)}")
    return value


def numbers(value: Any, where: str) -> NDArray[np.float64]:
    """An array of a number or of lists of numbers, equally long; null is nan, a text counts as the number it holds."""
    flat: Any = value
    shape: list[int] = []
    while len(shape) < _MOST_NESTED and _are_lists(flat):  # of a flat list numpy takes half the time
        shape = [*(shape or [len(flat)]), len(flat[0])]
        flat = [*chain.from_iterable(flat)]
    try:
        array = np.asarray(flat, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise RefusedError(f"{where}: expected numbers, found {shown(value)}") from None
    return array.reshape(*shape, *array.shape[1:]) if shape else array


def _are_lists(values: Any) -> bool:
    """Whether it is a list of lists, all as long as each other."""
    return bool(type(values) is list and set(map(type, values)) == {list} and len(set(map(len, values))) == 1)


def rows_of(value: Any, width: int, where: str) -> NDArray[np.float64]:
    """Numbers in rows of a width, whether they are written flat or as rows -> (n, width)."""
    array = numbers(value, where)
    if not array.size or array.size % width or (array.ndim > 1 and array.shape[-1] != width):
        raise RefusedError(f"{where}: {array.size} numbers, expected {width} for each joint")
    return array.reshape(-1, width)


def numbers_of_each(values: Sequence[Any], places: Sequence[str], name: str) -> Arrays:
    """`numbers` of each value, converted at once where all have one shape, which takes a third of the time.

    Args:
        places: where each value stands, for messages.
        name: what it is called there.
    """
    try:
        return numbers(values, name)
    except RefusedError:  # shapes differ, or one is wrong: each for itself, which says which one
        return [numbers(value, f"{place}: {name}") for value, place in zip(values, places, strict=True)]


def rows_of_each(values: Sequence[Any], width: int, places: Sequence[str], name: str) -> Arrays:
    """`rows_of` each value, converted at once where all have one shape."""
    arrays = numbers_of_each(values, places, name)
    if isinstance(arrays, np.ndarray) and arrays.size:
        flat, rows = arrays.ndim == 2 and arrays.shape[1] % width == 0, arrays.ndim == 3 and arrays.shape[2] == width
        if flat or rows:
            return arrays.reshape(len(arrays), -1, width)
    return [rows_of(array, width, f"{place}: {name}") for array, place in zip(arrays, places, strict=True)]


def a_whole(value: Any, where: str) -> int:
    """A whole number, also where it is written as a text or as 3.0; RefusedError for anything else."""
    if type(value) in (int, float) and abs(value) < 2**53 and value % 1 == 0:
        return int(value)
    number = numbers(value, where)
    if number.size != 1 or not abs(float(number.reshape(-1)[0])) < 2**53 or float(number.reshape(-1)[0]) % 1:
        raise RefusedError(f"{where}: {shown(value)} is not a whole number")
    return int(number.reshape(-1)[0])


def shown(value: Any) -> str:
    """What a value is, in a few words."""
    if isinstance(value, (dict, list)):
        kind = "an object" if isinstance(value, dict) else "a list"
        return f"{kind} of {len(value)}" if value else f"an empty {kind.split()[1]}"
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        return f"a {type(value).__name__}"
    return text if len(text) <= 43 else f"{text[:40]}..."
