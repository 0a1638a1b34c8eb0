"""The numbers of plain tables at once, converted by pyarrow; what is unusual is left to the readers of single lines.

In: the bytes of a text. Out: its rows, the same numbers as Python's `float` makes of them, nan for what is empty; or
None, and then the reader goes line by line, and says which one is wrong. So there is one grammar and one set of
messages, and what is here need only be right where it answers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

_MOST_BYTES = 64 * 2**20
"""Of larger texts the places of all fields would take too much memory."""
_ONE_A_LINE = bytes.maketrans(b" \t\r,;", b"\n\n\n\n\n")
_NAN = ["nan", "NaN", "NAN", "None", "none", "NONE", "null", "NULL", "NA", "N/A", "<NA>"]


def quick_rows(data: bytes) -> NDArray[np.float64] | None:
    """Lines of numbers parted by blanks, commas or semicolons, as many in each line; lines without any do not count."""
    if not _is_plain(data, 0):
        return None
    flat = data.translate(_ONE_A_LINE)
    signs, text = np.frombuffer(data, np.uint8), np.frombuffer(flat, np.uint8)
    begins = np.concatenate([[True], text[:-1] == 10]) & (text != 10)
    ends = np.append(np.flatnonzero(signs == 10), len(signs))
    counts = np.diff(np.cumsum(begins, dtype=np.int32)[np.maximum(ends - 1, 0)], prepend=0)
    widths = np.unique(counts[counts > 0])
    if len(widths) != 1:
        return None
    numbers = _read(flat, ",", ["n"], ["n"], _NAN)
    return None if numbers is None or numbers.size % widths[0] else numbers.reshape(-1, int(widths[0]))


def quick_columns(
    data: bytes, start: int, delimiter: str, wanted: Sequence[int], width: int | None = None
) -> NDArray[np.float64] | None:
    """Columns of the rows from byte `start` on; None as well where a row has nothing in any of them.

    Args:
        wanted: their numbers; -1: a column that is not there, all nan.
        width: how many columns there should be; those beyond must be empty.
    """
    if not _is_plain(data, start):
        return None
    first = data[start : data.find(b"\n", start) + 1 or None]
    beyond = range(width, first.count(delimiter.encode()) + 1) if width is not None else range(0)
    there = [column for column in wanted if column >= 0]
    numbers = _read(data[start:], delimiter, None, [f"f{column}" for column in (*there, *beyond)], ["", *_NAN])
    if numbers is None or not np.isnan(numbers[:, len(there) :]).all():
        return None
    chosen = numbers[:, : len(there)]
    if np.isnan(chosen).all(axis=1).any():
        return None
    return chosen if len(there) == len(wanted) else with_gaps(chosen, wanted)


def with_gaps(chosen: NDArray[np.float64], wanted: Sequence[int]) -> NDArray[np.float64]:
    """Columns of nan put between those chosen, where the wanted number is -1."""
    values_NK = np.full((len(chosen), len(wanted)), np.nan)
    values_NK[:, np.array(wanted) >= 0] = chosen
    return values_NK


def numbered_columns(
    data: bytes, start: int, delimiter: str, at_frame: int | None, wanted: Sequence[int], width: int | None = None
) -> tuple[list[int], NDArray[np.float64]] | None:
    """As `quick_columns`, with the number of each row's frame; rows are frames where no column has it."""
    if at_frame is None:
        values_NK = quick_columns(data, start, delimiter, wanted, width)
        return None if values_NK is None else (list(range(len(values_NK))), values_NK)
    values_NK = quick_columns(data, start, delimiter, [at_frame, *wanted], width)
    if values_NK is None:
        return None
    frame_N = values_NK[:, 0]
    if not ((frame_N >= 0) & (frame_N < 2**31)).all() or (frame_N % 1).any():
        return None
    return frame_N.astype(np.int64).tolist(), values_NK[:, 1:]


class Coded(NamedTuple):
    """The texts of a column: the different ones in order of appearance, and which of them each row has."""

    different: list[str]
    code_N: NDArray[np.int64]

    @staticmethod
    def of(texts: Sequence[str]) -> "Coded":
        """Of all texts, one a row."""
        places = {text: at for at, text in enumerate(dict.fromkeys(texts))}
        return Coded(list(places), np.array([places[text] for text in texts], np.int64))

    def at(self, row: int) -> str:
        """The beginning of a row's text, for messages."""
        return self.different[int(self.code_N[row])][:40]


def coded_column(data: bytes, start: int, delimiter: str, column: int) -> Coded | None:
    """As `text_column`, each text once."""
    texts_N = _texts(data, start, delimiter, column)
    if texts_N is None:
        return None
    coded = texts_N.combine_chunks().dictionary_encode()
    return Coded([text.strip() for text in coded.dictionary.to_pylist()], coded.indices.to_numpy().astype(np.int64))


def text_column(data: bytes, start: int, delimiter: str, column: int) -> list[str] | None:
    """The texts of a column of the rows from byte `start` on; None where the table is not plain."""
    texts_N = _texts(data, start, delimiter, column)
    return None if texts_N is None else [text.strip() for text in texts_N.to_pylist()]


def _texts(data: bytes, start: int, delimiter: str, column: int) -> pa.ChunkedArray | None:
    if not _is_plain(data, start):
        return None
    table = _table(data[start:], delimiter, None, {f"f{column}": pa.string()}, [])
    return None if table is None else table.columns[0]


def _is_plain(data: bytes, start: int) -> bool:
    """Whether there is no quoted field from byte `start` on, and every line ends as lines do."""
    whole_lines = data.count(b"\r") == data.count(b"\r\n")
    return whole_lines and start < len(data) <= _MOST_BYTES and data.find(b'"', start) < 0


def after_lines(data: bytes, n_lines: int) -> int:
    """The byte at which the line after the first `n_lines` lines begins."""
    at = 0
    for _ in range(n_lines):
        at = data.find(b"\n", at) + 1 or len(data)
    return at


def _read(
    data: bytes, delimiter: str, names: list[str] | None, wanted: list[str], nulls: list[str]
) -> NDArray[np.float64] | None:
    table = _table(data, delimiter, names, dict.fromkeys(wanted, pa.float64()), nulls)
    return None if table is None else np.column_stack([column.to_numpy() for column in table.columns])


def _table(
    data: bytes, delimiter: str, names: list[str] | None, wanted: dict[str, pa.DataType], nulls: list[str]
) -> pa.Table | None:
    try:
        return csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(use_threads=False, column_names=names, autogenerate_column_names=names is None),
            csv.ParseOptions(delimiter=delimiter, quote_char=False),
            csv.ConvertOptions(
                include_columns=list(wanted),
                column_types=wanted,
                null_values=nulls,
                decimal_point="," if delimiter != "," and b"," in data else ".",
            ),
        )
    except (pa.ArrowException, ValueError):
        return None
