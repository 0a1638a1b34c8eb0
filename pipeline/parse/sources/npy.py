"""Reads one row of a large .npy array at a time from its position in the file: the array is never read as a whole.

In: a seekable file. Out: its header, and rows. numpy's own readers of headers are used (they evaluate literals only);
arrays of Python objects are refused, and so is Fortran order, whose rows are scattered over the file.
"""

import io
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from pipeline.parse.raw_files import MAX_BYTES

CHUNK_ROWS = 4096
_BAD_HEADER = (ValueError, TypeError, SyntaxError, OverflowError, EOFError, TokenError, MemoryError, RecursionError)


@dataclass(frozen=True)
class NpyHeader:
    """An array in a file, as its header claims; whether its rows exist shows only when they are read."""

    shape: tuple[int, ...]
    dtype: str
    offset: int
    """Position of its first number in the file, in bytes."""
    fortran: bool = False

    @property
    def row_bytes(self) -> int:
        """Bytes of one entry along the first axis."""
        return math.prod(self.shape[1:]) * np.dtype(self.dtype).itemsize


def read_header(file: BinaryIO) -> NpyHeader:
    """The header of a .npy file of numbers; RefusedError where it is none."""
    file.seek(0)
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 2 wrote shapes as (5L,): slower to read, says numpy
            shape, fortran, dtype = read(file)
    except KeyError:
        raise RefusedError("a .npy file of a version that plain numbers do not need") from None
    except _BAD_HEADER as error:
        raise RefusedError(f"not a .npy array ({' '.join(str(error).split())[:100]})") from None
    if dtype.kind not in "fiub" or dtype.itemsize > 8 or not shape:
        raise RefusedError(f"an array of {dtype} {shape}, expected numbers with at least one axis")
    if not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        raise RefusedError(f"an array of shape {shape}")
    header = NpyHeader(shape, dtype.str, file.tell(), fortran)
    if header.row_bytes > MAX_BYTES:
        raise RefusedError(
            f"an array of {header.row_bytes} bytes a row, more than the {MAX_BYTES} that a clip may have"
        )
    return header


def read_row(file: BinaryIO, header: NpyHeader, row: int) -> NDArray[Any]:
    """Entry `row` along the first axis; RefusedError where the file ends before it does."""
    if header.fortran and len(header.shape) > 1:
        raise RefusedError("an array in Fortran order; save it with numpy.ascontiguousarray")
    file.seek(header.offset + row * header.row_bytes)
    data = file.read(header.row_bytes)
    if len(data) != header.row_bytes:
        raise RefusedError(f"the file ends {header.row_bytes - len(data)} bytes before row {row} does; it is cut off")
    return np.frombuffer(data, header.dtype).reshape(header.shape[1:])


def read_chunks(file: BinaryIO, header: NpyHeader) -> Iterator[NDArray[Any]]:
    """All rows, some thousands at a time; if the header claims too many, RefusedError before the memory is full."""
    step = max(1, min(CHUNK_ROWS, MAX_BYTES // max(1, header.row_bytes)))
    for start in range(0, header.shape[0], step):
        shape = (1, min(step, header.shape[0] - start), *header.shape[1:])
        offset = header.offset + start * header.row_bytes
        yield read_row(file, NpyHeader(shape, header.dtype, offset, header.fortran), 0)


def _header_of(data: bytes) -> NpyHeader:
    """The header of a whole file; files of one clip begin with the same bytes, which are evaluated once."""
    if data[6:8] != b"\x01\x00":
        return read_header(io.BytesIO(data))
    return _evaluated(data[: 10 + int.from_bytes(data[8:10], "little")])


@lru_cache(maxsize=16)
def _evaluated(head: bytes) -> NpyHeader:
    return read_header(io.BytesIO(head))


def read_array(data: bytes) -> NDArray[Any]:
    """A whole small .npy file, with exactly the numbers that its header claims; RefusedError where it is none."""
    header = _header_of(data)
    n_bytes = header.shape[0] * header.row_bytes
    if len(data) - header.offset != n_bytes:
        raise RefusedError(f"{len(data) - header.offset} bytes of numbers, the header claims {n_bytes}")
    flat: NDArray[Any] = np.frombuffer(data, header.dtype, offset=header.offset)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")
