"""Writes one pickle piece by piece, so that memory holds one clip of it; what `pickle.load` reads with numpy 1 and 2.

In: plain values and float32 arrays. Out: opcodes of protocol 4, the same bytes for the same values. Nothing but numpy's
own array constructor is named in it. Reader: `pipeline.parse.sources.pickles`, or any `pickle.load`.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCH = 1000
"""Items appended to a list at a time, as Python's own pickler does."""

_RECONSTRUCT, _NDARRAY, _FLOAT32 = b"h\x00", b"h\x01", b"h\x02"
"""Memo entries 0 to 2, made at the start and used by every array."""


def start() -> bytes:
    """The head of the file: protocol, and the three things that all arrays share (kept in the memo, then popped)."""
    # numpy 2 still takes the old module name, without a warning, for the sake of pickles
    reconstruct = _global("numpy.core.multiarray", "_reconstruct")
    dtype = _global("numpy", "dtype") + b"".join(map(encoded, ("f4", False, True))) + b"\x87R"
    order = b"(" + b"".join(map(encoded, (3, "<", None, None, None, -1, -1, 0))) + b"tb"
    return b"\x80\x04" + b"".join(made + b"\x940" for made in (reconstruct, _global("numpy", "ndarray"), dtype + order))


def end() -> bytes:
    """The foot of the file, after its one value."""
    return b"."


def dict_of(items: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """A dict from keys and the pieces of each value."""
    yield b"}"
    for key, pieces in items:
        yield encoded(key)
        yield from pieces
        yield b"s"


def list_of(items: Iterable[bytes]) -> Iterator[bytes]:
    """A list from its encoded items."""
    yield b"]"
    count = 0
    for count, item in enumerate(items, 1):
        yield b"(" + item if count % BATCH == 1 else item
        if count % BATCH == 0:
            yield b"e"
    if count % BATCH:
        yield b"e"


def encoded(value: Any) -> bytes:
    """One value; TypeError for a kind that annotations do not need, ValueError for an array that is not float32."""
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        return _int(value)
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return (b"\x8c" + bytes([len(text)]) if len(text) < 256 else b"X" + struct.pack("<I", len(text))) + text
    if isinstance(value, dict):
        return b"".join(dict_of((key, [encoded(item)]) for key, item in value.items()))
    if isinstance(value, list):
        return b"".join(list_of(map(encoded, value)))
    if isinstance(value, tuple):
        return b"(" + b"".join(map(encoded, value)) + b"t"
    if isinstance(value, np.ndarray):
        return _array(value)
    raise TypeError(f"{type(value).__name__}: no value of an annotation")


def _global(module: str, name: str) -> bytes:
    return encoded(module) + encoded(name) + b"\x93"


def _int(value: int) -> bytes:
    if 0 <= value < 2**8:
        return b"K" + struct.pack("<B", value)
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def _array(array: NDArray[Any]) -> bytes:
    """What numpy's own `__reduce__` gives: an empty array, then its state."""
    if array.dtype != np.float32:
        raise ValueError(f"an array of {array.dtype}, expected float32")
    data = np.ascontiguousarray(array, "<f4").tobytes()
    made = _RECONSTRUCT + _NDARRAY + encoded((0,)) + b"C\x01b" + b"\x87R"
    numbers = b"\x8e" + struct.pack("<Q", len(data)) + data
    return made + b"(" + encoded(1) + encoded(array.shape) + _FLOAT32 + encoded(False) + numbers + b"tb"
