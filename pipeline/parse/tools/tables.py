"""Tables of numbers as text, as spreadsheets and users' own scripts write them.

In: bytes, with whatever stands between the columns. Out: the lines of names before the numbers, and the rows. An empty
field, nan in any letters, None and null are numbers that are not there; 0,5 is a half where commas do not part columns.
"""

import csv
import io
import re
from array import array
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from pipeline.parse.formats.number_text import field_number
from pipeline.parse.sources.times import UNITS, Rate, rate_of, rate_of_texts, two_columns, unit_in
from pipeline.parse.tools.quick_tables import after_lines, text_column

MAX_TEXT_BYTES = 256 * 2**20
"""A larger text is refused."""
_DELIMITERS = (",", "\t", ";")


def text_of(data: bytes) -> str:
    """The text of a file; RefusedError where it is none, or is empty."""
    if len(data) > MAX_TEXT_BYTES:
        raise RefusedError(f"{len(data)} bytes, more than the {MAX_TEXT_BYTES} that a text may have")
    try:
        text = data.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise RefusedError("not UTF-8 text", byte=error.start) from None
    if not text.strip():
        raise RefusedError("the file is empty", line=1)
    return text


def lines_of(text: str) -> list[str]:
    """The lines of a text as editors count them: a newline or a carriage return ends one, no other sign does."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def delimiter_of(data: bytes, said: str = ",") -> str:
    """What stands between the columns; `,` stands for what the first line that has any has: comma, tab or `;`."""
    lines = lines_of(data[:4096].decode(errors="replace"))
    first = next((line for line in lines if any(mark in line for mark in _DELIMITERS)), "")
    if said != "," or "," in first:
        return said
    return next((mark for mark in _DELIMITERS if mark in first), ",")


def rows_of_text(data: bytes, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """(line, fields) of every line that is not empty, parted as `delimiter_of` has it.

    Raises: RefusedError with the line for what is no CSV, and for the first line again: programs that append to a file
    write another recording below.
    """
    text = text_of(data)
    delimiter = delimiter_of(data, delimiter)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    has_blanks = not text.isascii() or " " in text or (delimiter != "\t" and "\t" in text)
    first: list[str] | None = None
    try:
        for row in reader:
            fields = [field.strip() for field in row] if has_blanks else row
            if fields and fields == first:
                raise RefusedError("the first line again: two recordings; save each as a file", line=reader.line_num)
            if any(fields):
                if first is None:
                    first = fields if _is_named(fields) else []
                yield reader.line_num, fields
    except csv.Error as error:
        raise RefusedError(f"not CSV: {error}", line=reader.line_num) from None


def _is_named(fields: Sequence[str]) -> bool:
    """Whether a first line has names of columns, and could be neither the title of a block nor a row of numbers."""
    return len(fields) >= 3 and sum(field[:1].isalpha() for field in fields) > len(fields) / 2


def first_row(rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    """The fields of the first line, without empty ones at its end; RefusedError where there is no line."""
    row = next(rows, None)
    if row is None:
        raise RefusedError("no line of names", line=1)
    return without_empty_end(row[1])


def check_given_once(names: Sequence[str], columns: Sequence[int]) -> None:
    """RefusedError for a name of one of these columns that another column has too: either could be meant."""
    count = Counter(names)
    twice = next((names[at] for at in columns if at >= 0 and count[names[at]] > 1), None)
    if twice is not None:
        raise RefusedError(f"{count[twice]} columns are called {twice[:40]!r}", line=1)


def rate_of_times(data: bytes, names: Sequence[str], n_heads: int, delimiter: str = ",") -> Rate:
    """Frames a second from the table's column of times, or its two of seconds and nanoseconds, with a note on the unit.

    Args:
        names: of the columns, in any letters.
        n_heads: lines of names before the rows.
    """
    halves = two_columns(names)
    if halves is not None:
        whole_texts, part_texts = (texts_of(data, n_heads, delimiter, at) for at in halves)
        try:
            return rate_of(np.array(whole_texts, np.float64) + np.array(part_texts, np.float64) * UNITS["ns"], "s")
        except ValueError:  # no numbers, or not as many
            return Rate(None)
    at = next((at for at, name in enumerate(names) if unit_in(name) is not None), None)
    return Rate(None) if at is None else rate_of_texts(names[at], texts_of(data, n_heads, delimiter, at))


def texts_of(data: bytes, n_heads: int, delimiter: str, at: int) -> list[str]:
    """The fields of a column."""
    delimiter = delimiter_of(data, delimiter)
    texts = text_column(data, after_lines(data, n_heads), delimiter, at)
    if texts is not None:
        return texts
    return [row[at] for _, row in islice(rows_of_text(data, delimiter), n_heads, None) if len(row) > at]


def with_points(data: bytes) -> bytes:
    """Bare numbers with points for commas, where tabs or `;` part them and none has a point."""
    commas = b"," in data and b"." not in data and (b";" in data or b"\t" in data)
    return data.replace(b",", b".") if commas else data


def without_remarks(data: bytes) -> bytes:
    """The same lines, those that begin with # empty."""
    return re.sub(rb"(?m)^[ \t]*#[^\r\n]*", b"", data) if b"#" in data else data


class Numbers:
    """Rows of numbers as they come line by line, eight bytes each."""

    def __init__(self) -> None:
        self._held = array("d")

    def add(self, fields: Sequence[str], line: int) -> None:
        """A row; RefusedError with the line for a field that is no number."""
        before = len(self._held)
        try:
            self._held.extend(map(float, fields))
        except ValueError:
            del self._held[before:]
            self._held.extend(_float(field.strip(), line) for field in fields)

    def rows(self, width: int) -> NDArray[np.float64]:
        """All rows of this width -> (N, width)."""
        return np.array(self._held, np.float64).reshape(-1, width)


def floats(fields: Sequence[str], line: int) -> list[float]:
    """The numbers of some fields; RefusedError with the line for one that is none."""
    try:
        return list(map(float, fields))
    except ValueError:
        return [_float(field, line) for field in fields]


def _float(field: str, line: int) -> float:
    try:
        return field_number(field)
    except ValueError:
        raise RefusedError(f"{field[:40]!r} is not a number", line=line) from None


def without_empty_end(row: Sequence[str]) -> list[str]:
    """The row without the empty fields at its end."""
    end = len(row)
    while end and not row[end - 1]:
        end -= 1
    return list(row[:end])


def of_width(row: Sequence[str], width: int, line: int) -> Sequence[str]:
    """The row without the empty fields at its end, which some programs write; RefusedError for another width."""
    if len(row) > width and not any(row[width:]):
        return row[:width]
    if len(row) != width:
        raise RefusedError(f"{len(row)} fields, expected {width}", line=line)
    return row
