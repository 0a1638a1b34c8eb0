"""Writes predictions for other programs: a CSV table, or JSON with one object per line.

In: predictions, one after the other; only one is in memory at a time. Out: a file that appears only when it is
complete. Only files that these functions wrote are replaced.
"""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from dastm.contract.errors import RunError
from dastm.contract.os_errors import os_line
from dastm.contract.ownership import (
    FileKind,
    begins_with,
    check_file,
    check_plain,
    remove_unfinished,
    unfinished_name,
)
from dastm.contract.spreadsheet import cell

COLUMNS = ("source", "key", "body", "action", "score", "distance", "margin")
"""Columns of the CSV; `action` is empty for none of these."""
EVENT_COLUMNS = (*COLUMNS, "start_frame", "end_frame", "start_s", "end_s")
JSON_LINES = FileKind("JSON lines of predictions", begins_with(b'{"source": ', b'"score": '))
EXACT = 1e4
"""Numbers below this have three digits behind the point among seven."""
Write = Callable[[Mapping[str, Any]], None]


@contextmanager
def csv_results(path: Path, columns: tuple[str, ...] = COLUMNS) -> Iterator[Write]:
    """A function that writes one row of a CSV table. The file appears when the block ends without an error; `-` is
    standard output.

    Raises: NotOurs if another file is there; RunError if it cannot be written.
    """
    kind = FileKind("a table of predictions", begins_with(f"{','.join(columns)}\n".encode()))
    with _whole(path, kind) as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        yield lambda row: writer.writerow({name: cell(_plain(row[name])) for name in columns})


@contextmanager
def json_results(path: Path) -> Iterator[Write]:
    """A function that writes one JSON object as a line; otherwise as `csv_results`."""
    with _whole(path, JSON_LINES) as file:
        yield lambda row: print(json_line(row), file=file, flush=file is sys.stdout)


def json_line(row: Mapping[str, Any]) -> str:
    """A prediction as a line of JSON; numbers have seven digits, the precision of float32, and times milliseconds."""
    return json.dumps({key: _rounded(value) for key, value in row.items()}, ensure_ascii=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(_digits(value))
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return value


def _plain(value: Any) -> Any:
    return "" if value is None else _digits(value) if isinstance(value, float) else value


def _digits(value: float) -> str:
    """Seven digits; at least three behind the point, for a time may be the seconds since 1970."""
    return f"{value:.7g}" if abs(value) < EXACT else f"{value:.3f}"


@contextmanager
def _whole(path: Path, kind: FileKind) -> Iterator[TextIO]:
    if str(path) == "-":
        yield sys.stdout
        return
    check_plain(path)
    check_file(path, kind)
    unfinished = unfinished_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path.parent, path.name.__eq__)
        with unfinished.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BrokenPipeError:  # of the screen: a file is none
        raise
    except OSError as error:
        raise RunError(os_line(error, path, "cannot be written")) from None
    finally:
        with suppress(NotADirectoryError):
            unfinished.unlink(missing_ok=True)
