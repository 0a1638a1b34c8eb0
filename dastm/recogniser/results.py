"""Predictions as files for other programs: a CSV table, or JSON with one object a line.

In: predictions, one after the other. Out: a file that appears whole, with memory for one of them. Only files that
these functions wrote are replaced.
"""

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from dastm.contract.documents import cut
from dastm.contract.errors import RunError
from dastm.contract.os_errors import os_line
from dastm.contract.ownership import NotOurs, check_plain, remove_unfinished, unfinished_name
from dastm.contract.spreadsheet import cell

COLUMNS = ("source", "key", "body", "action", "score", "distance", "margin")
"""`action` is empty for none of these."""
EVENT_COLUMNS = (*COLUMNS, "start_frame", "end_frame", "start_s", "end_s")
Write = Callable[[Mapping[str, Any]], None]


@contextmanager
def csv_results(path: Path, columns: tuple[str, ...] = COLUMNS) -> Iterator[Write]:
    """What writes rows of a CSV table; the file has its name when the block ends well.

    Raises: NotOurs if another file lies there; RunError if it cannot be written.
    """
    header = ",".join(columns)
    with _whole(path, lambda line: line == header, "a table of predictions") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        yield lambda row: writer.writerow({name: cell(_plain(row[name])) for name in columns})


@contextmanager
def json_results(path: Path) -> Iterator[Write]:
    """What writes one JSON object a line; otherwise as `csv_results`."""
    with _whole(path, _is_prediction, "JSON lines of predictions") as file:
        yield lambda row: print(json_line(row), file=file)


def json_line(row: Mapping[str, Any]) -> str:
    """A prediction as a line of JSON: numbers with seven digits, which is what float32 has."""
    return json.dumps({key: _rounded(value) for key, value in row.items()}, ensure_ascii=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return value


def _plain(value: Any) -> Any:
    return "" if value is None else f"{value:.7g}" if isinstance(value, float) else value


def _is_prediction(line: str) -> bool:
    try:
        return {"source", "key", "action", "score"} <= set(json.loads(line))
    except (ValueError, TypeError):
        return False


@contextmanager
def _whole(path: Path, is_ours: Callable[[str], bool], what: str) -> Iterator[TextIO]:
    check_plain(path)
    if path.is_dir() or (path.exists() and not _begins(path, is_ours)):
        raise NotOurs(f"{path}: not {what}; move it away, or name another file")
    unfinished = unfinished_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path.parent, path.name.__eq__)
        with unfinished.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise RunError(os_line(error, path, "cannot be written")) from None
    finally:
        with suppress(NotADirectoryError):
            unfinished.unlink(missing_ok=True)


def _begins(path: Path, is_ours: Callable[[str], bool]) -> bool:
    """Whether a file is empty, or begins with a line that we wrote."""
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(1 << 20)
    except UnicodeDecodeError:
        return False
    except OSError as error:
        raise RunError(os_line(error, path, f"cannot be read ({cut(error)})")) from None
    return not line or is_ours(line.rstrip("\n"))
