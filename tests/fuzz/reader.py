"""What it takes to fuzz a reader: what reads, its slow twin if any, valid files, what else a file may hold."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
from hypothesis import strategies as st

from dastm.contract.errors import RefusedError

BINARY = st.binary(max_size=300)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One row: whatever `read` does with bytes but to return or to raise RefusedError is a finding."""

    read: Callable[[bytes], object]
    seeds: list[bytes]
    """Valid files, small ones."""
    twin: Callable[[bytes], object] | None = None
    """Slow and obvious; `read` has to agree with it, refusals included."""
    pieces: tuple[bytes, ...] = ()
    """What the format's files are made of, put where it does not belong."""
    allowance: int = 4_000_000
    """Bytes of memory that it may take whatever the file's size."""
    least_read: int = 20
    """Of 200 inputs so many are whole enough to be read; a checksum leaves the valid files alone."""
    least_refused: int = 20
    """Of 200 inputs so many are wrong; a list of names may hold nearly anything."""
    documents: st.SearchStrategy[bytes] = BINARY
    """Files made up by hypothesis."""


def outcome(read: Callable[[bytes], object], data: bytes) -> object:
    """What came of it, to be compared with ==: the reason and place of a refusal, or all values to the bit."""
    try:
        return _plain(read(data))
    except RefusedError as why:
        return "refused", why.reason, why.line, why.byte


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value):
        return {of.name: _plain(getattr(value, of.name)) for of in fields(value)}
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value
