"""JSON as pose estimation tools and their users write it: the document, and numbers of any nesting in it.

In: bytes, or a value of a document. Out: the value as Python's `json` reads it, or an array; RefusedError with the
place for anything else. NaN and null are joints that were not measured: Python programs write both.
"""

import json
from codecs import BOM_UTF8
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError

MAX_JSON_BYTES = 128 * 2**20
"""A larger document is refused: read, it takes ten times as much memory."""


def load_json(data: bytes) -> Any:
    """The document; RefusedError with the byte where it is not JSON."""
    if len(data) > MAX_JSON_BYTES:
        raise RefusedError(f"{len(data)} bytes, more than the {MAX_JSON_BYTES} that a JSON file may have")
    if not data.strip():
        raise RefusedError("the file is empty")
    with suppress(orjson.JSONDecodeError):  # NaN, deep nesting and what is no JSON: Python's own parser judges
        return orjson.loads(data.removeprefix(BOM_UTF8))
    try:
        return json.loads(data.removeprefix(BOM_UTF8).decode())
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
    try:
        if isinstance(value, list) and value and type(value[0]) is list:
            width = len(value[0])
            if all(type(row) is list and len(row) == width for row in value):  # flat, numpy takes half the time
                flat = np.asarray([*chain.from_iterable(value)], np.float64)
                return flat.reshape(len(value), width, *flat.shape[1:])
        return np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise RefusedError(f"{where}: expected numbers, found {shown(value)}") from None


def rows_of(value: Any, width: int, where: str) -> NDArray[np.float64]:
    """Numbers in rows of a width, whether they are written flat or as rows -> (n, width)."""
    array = numbers(value, where)
    if not array.size or array.size % width or (array.ndim > 1 and array.shape[-1] != width):
        raise RefusedError(f"{where}: {array.size} numbers, expected {width} for each joint")
    return array.reshape(-1, width)


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
