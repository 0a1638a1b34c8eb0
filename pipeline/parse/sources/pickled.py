"""The objects that a pickle may hold: plain Python values and numpy arrays of numbers, built by our own code.

In: the calls that a pickle asks for, by name and arguments, as numpy writes them (numpy 1.x and 2.x, Python 2 and 3).
Out: `Array`s that say where in the file their numbers lie; `numbers` reads one. Nothing is imported or called by name:
the few names below are all that is known, and each stands for a function of this file. numpy strings become strings;
its other kinds (objects, dates) become `Odd`, because one odd clip is no reason to refuse the file.
"""

import codecs
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError

MAX_ARRAY_BYTES = 512 * 2**20
"""An array that claims more than this is refused; a clip has at most a few MB."""
MAX_DIMENSIONS = 8

Coding = Literal["raw", "utf8", "unicode_escape", "string_escape"]
_SWELLS: Mapping[str, tuple[int, int]] = {"raw": (1, 0), "utf8": (2, 0), "unicode_escape": (6, 0)}
"""Most bytes of the file for one of the array, and more for the whole; a Python 2 string has quotes as well."""


class Name(NamedTuple):
    """A module's function or class that the pickle names; a label to us and no more."""

    name: str


class Span(NamedTuple):
    """A long text or byte string that was left in the file."""

    offset: int
    length: int
    coding: Coding
    is_text: bool
    """Whether it is text, which still has to be encoded to bytes."""


class Odd(NamedTuple):
    """A numpy value that no clip needs: a clip that uses it is refused with the reason; the others are read."""

    reason: str


@dataclass(slots=True)
class DType:
    """A numpy dtype under construction: kind and size, then the byte order."""

    code: str
    order: str = "="


@dataclass(slots=True)
class Array:
    """A numpy array whose numbers are still in the file; empty until its state is set. It travels to workers."""

    shape: tuple[int, ...] = ()
    dtype: str = ""
    fortran: bool = False
    data: bytes | Span = b""
    odd: str = ""
    """The reason why its contents cannot be used and are left out."""
    items: list[Any] = field(default_factory=list)
    """What an array of Python objects holds."""

    @property
    def n_bytes(self) -> int:
        """Bytes of its numbers, as shape and dtype claim; they have been compared with what the file holds."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize if self.dtype else 0


def call(name: Name, args: Any) -> Any:
    """What the call of a known name gives; RefusedError for another name, or arguments that are not numpy's own."""
    function = CALLS.get(name.name)
    if function is None or not isinstance(args, tuple):
        raise RefusedError(f"a call of '{name.name}', which no data needs")
    return function(args)


def set_state(target: Any, state: Any) -> None:
    """What BUILD does to an array or a dtype; RefusedError for anything else."""
    if not isinstance(state, tuple):
        raise RefusedError(f"{shown(state)} as the state of {shown(target)}")
    if isinstance(target, Array):
        _set_array(target, state)
    elif isinstance(target, DType):
        match state:
            case (3, str() as order, None, None, None, int(), int(), int()) if target.code[0] == "U" and order in "<>":
                target.order = order
            case (3, str() as order, None, None, None, -1, -1, 0) if order in _orders(target.code):
                target.order = order
            case _:
                raise RefusedError("a dtype that is not of plain numbers")
    elif isinstance(target, Odd):
        return  # odd it stays, whatever more is said of it
    else:
        raise RefusedError(f"state for {shown(target)}")


def _orders(code: str) -> tuple[str, ...]:
    return ("|",) if code[1] == "1" else ("<", ">")


def numbers(file: BinaryIO, array: Array) -> NDArray[Any]:
    """The numbers of one array, in the machine's byte order, shaped, as a new array.

    Raises: RefusedError where the file no longer holds them.
    """
    if not array.dtype:
        raise RefusedError(array.odd or "an array without contents")
    flat = np.frombuffer(_data(file, array), np.dtype(array.dtype))
    shaped = flat.reshape(array.shape, order="F" if array.fortran else "C")
    return _native(shaped)


def _native(values: NDArray[Any]) -> NDArray[Any]:
    """A copy in the machine's byte order; RefusedError where texts hold what is no character."""
    values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind == "U" and values.size and int(np.atleast_1d(values).ravel().view(np.uint32).max()) > 0x10FFFF:
        raise RefusedError("texts that hold no characters")
    return values


def shown(value: Any) -> str:
    """A value for a message: short, and never a walk through what it holds."""
    if isinstance(value, Odd):
        return value.reason
    if value is None or isinstance(value, bool | int | float | str):
        text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "a huge number"
        return text if len(text) <= 43 else f"{text[:40]}..."
    return f"a {type(value).__name__.lower()}"


def _set_array(array: Array, state: Any) -> None:
    match state:
        case (int(), tuple() as shape, DType() as dtype, bool() | int() as fortran, data):
            _fill(array, shape, dtype, bool(fortran), data)
        case (int(), tuple(), Odd() as dtype, bool() | int(), data):
            array.odd = f"an array of {dtype.reason}"
            array.items = data if isinstance(data, list) else []
        case _:
            raise RefusedError("an array with a state that numpy does not write")


def _fill(array: Array, shape: tuple[Any, ...], dtype: DType, fortran: bool, data: Any) -> None:
    if isinstance(data, str):  # a string of Python 2 is bytes
        data = _latin1(data)
    if not isinstance(data, bytes | Span) or (isinstance(data, Span) and data.is_text and data.coding != "raw"):
        raise RefusedError("an array whose numbers are not bytes")
    if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise RefusedError("an array with a shape that is none")
    claimed = Array(shape, f"{dtype.order}{dtype.code}", fortran, data)
    if claimed.n_bytes > MAX_ARRAY_BYTES:
        raise RefusedError(f"an array of {claimed.n_bytes} bytes, more than the {MAX_ARRAY_BYTES} that a clip may have")
    if not _fits(claimed.n_bytes, data):
        raise RefusedError(f"an array of shape {shape} and type {dtype.code}, but with another number of bytes")
    array.shape, array.dtype, array.fortran, array.data = shape, claimed.dtype, fortran, data


def _fits(n_bytes: int, data: bytes | Span) -> bool:
    if isinstance(data, bytes):
        return len(data) == n_bytes
    most, more = _SWELLS.get(data.coding, (4, 2))
    return n_bytes <= data.length <= most * n_bytes + more


def _data(file: BinaryIO, array: Array) -> bytes:
    if isinstance(array.data, bytes):
        return array.data
    file.seek(array.data.offset)
    stored = file.read(array.data.length)
    try:
        data = DECODERS[array.data.coding](stored)
    except ValueError as error:
        raise RefusedError(f"not bytes in a text ({error})", byte=array.data.offset) from None
    if len(data) != array.n_bytes:
        raise RefusedError(f"{len(data)} bytes for an array of {array.n_bytes}", byte=array.data.offset)
    return data


def _latin1(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise RefusedError("a text that holds no bytes") from None


def unescape(quoted: bytes) -> bytes:
    """The bytes of a string as Python 2 writes it between quotes; ValueError where it is none."""
    if len(quoted) < 2 or quoted[:1] != quoted[-1:] or quoted[:1] not in (b"'", b'"'):
        raise ValueError("a string without its quotes")
    return codecs.escape_decode(quoted[1:-1])[0]  # as pickle itself does


DECODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "utf8": lambda stored: stored.decode("utf-8").encode("latin-1"),
    "unicode_escape": lambda stored: stored.decode("raw-unicode-escape").encode("latin-1"),
    "string_escape": unescape,
}
"""Bytes of the file -> the bytes that they stand for."""


def _encode(args: tuple[Any, ...]) -> Any:
    match args:
        case (Span(is_text=True) as span, "latin1" | "latin-1"):
            return span._replace(is_text=False)
        case (str() as text, "latin1" | "latin-1"):
            return _latin1(text)
    raise RefusedError("_codecs.encode with other arguments than numpy's own")


def _reconstruct(args: tuple[Any, ...]) -> Any:
    match args:
        case (Name("numpy.ndarray"), (0,), b"b" | "b"):
            return Array()
    raise RefusedError("numpy's _reconstruct with other arguments than numpy's own")


def _dtype(args: tuple[Any, ...]) -> Any:
    match args:
        case (str() as code, *_) if re.fullmatch(r"[iu][1248]|f[248]|b1|U[1-9][0-9]{0,4}", code):
            return DType(code)
        case (str() as code, *_) if re.fullmatch(r"O8?|[Mm]8|[SUV][0-9]{1,9}|c[0-9]{1,2}|f1[026]", code):
            return Odd(f"dtype {shown(code)}, expected plain numbers")
        case (str() as code, *_):
            raise RefusedError(f"dtype {shown(code)}, expected plain numbers")
    raise RefusedError("numpy.dtype with other arguments than numpy's own")


def _scalar(args: tuple[Any, ...]) -> Any:
    match args:
        case (DType() as dtype, bytes() | str() as data):
            raw = _latin1(data) if isinstance(data, str) else data
            if len(raw) == np.dtype(dtype.code).itemsize:
                return _native(np.frombuffer(raw, f"{dtype.order}{dtype.code}"))[0].item()
        case (Odd() as odd, _):
            return odd
    raise RefusedError("numpy's scalar with other arguments than numpy's own")


def _frombuffer(args: tuple[Any, ...]) -> Any:
    match args:
        case (bytes() | Span() as data, DType() as dtype, tuple() as shape, "C" | "F" as order):
            array = Array()
            _fill(array, shape, dtype, order == "F", data)
            return array
        case (bytes() | Span(), Odd() as dtype, tuple(), "C" | "F"):
            return Array(odd=f"an array of {dtype.reason}")
    raise RefusedError("numpy's _frombuffer with other arguments than numpy's own")


def _bytes(args: tuple[Any, ...]) -> Any:
    match args:
        case ():
            return b""
        case (bytes() | Span(is_text=False) as data,):
            return data
        case (str() | Span() as text, "latin1" | "latin-1"):
            return _encode((text, "latin1"))
    raise RefusedError("bytes with other arguments than numpy's own")


def _ordered_dict(args: tuple[Any, ...]) -> Any:
    if args:
        raise RefusedError("an OrderedDict with contents of its own")
    return {}


_NUMPY = {"multiarray._reconstruct": _reconstruct, "multiarray.scalar": _scalar, "numeric._frombuffer": _frombuffer}
CALLS: Mapping[str, Callable[[tuple[Any, ...]], Any]] = {
    **{f"numpy.{core}.{name}": function for core in ("core", "_core") for name, function in _NUMPY.items()},
    **{f"{module}.bytes": _bytes for module in ("builtins", "__builtin__")},
    **{f"{module}.bytearray": _bytes for module in ("builtins", "__builtin__")},
    "_codecs.encode": _encode,
    "numpy.dtype": _dtype,
    "collections.OrderedDict": _ordered_dict,
}
KNOWN = frozenset({*CALLS, "numpy.ndarray"})
"""Every name that a pickle may mention."""
