"""Documents and tables with a digest that the reader compares, so that damage is never taken for a result.

In: a JSON document or the bytes of a table. Out: the same with a digest, and errors that name the file and how to make
it again. A digest finds damage and mistakes; it does not protect against deliberate changes.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from errno import ENOENT
from pathlib import Path
from typing import Any

from dastm.contract.documents import cut
from dastm.contract.errors import RunError
from dastm.contract.shard_format import checksum

DIGEST = "digest"


def sealed(document: Mapping[str, Any], *, but: Sequence[str] = ()) -> dict[str, Any]:
    """The document with a digest of all its keys, except those that may change."""
    return {**document, DIGEST: _digest(document, but)}


def check_seal(document: Any, where: Path, again: str, *, but: Sequence[str] = ()) -> dict[str, Any]:
    """Check a document -> the document without its digest.

    Raises: RunError naming the file and saying `again` if the digest is wrong or missing.
    """
    if not isinstance(document, dict):
        raise RunError(f"{where}: damaged (expected a mapping, got {type(document).__name__}); {again}")
    plain = {key: value for key, value in document.items() if key != DIGEST}
    if DIGEST not in document:
        raise RunError(f"{where}: has no digest (damaged, or an older version wrote it); {again}")
    if document[DIGEST] != _digest(plain, but):
        raise RunError(f"{where}: damaged (its digest is of another text); {again}")
    return plain


def _digest(document: Mapping[str, Any], but: Sequence[str]) -> str:
    told = {key: value for key, value in document.items() if key not in but}
    read = json.loads(json.dumps(told))  # as whoever checks it has it: keys are texts, which changes their order
    return checksum(json.dumps(read, sort_keys=True).encode())


def facts_of(data: bytes, rows: int) -> dict[str, Any]:
    """The facts about a table that a document beside it keeps: its number of rows and the digest of its bytes."""
    return {"rows": rows, DIGEST: checksum(data)}


def read_beside(path: Path, facts: Any, again: str) -> bytes:
    """The bytes of a table, checked against its `facts`.

    Raises: RunError naming the table and saying `again` if it is missing or another one.
    """
    try:
        if not path.is_file():
            raise FileNotFoundError(ENOENT, "no regular file there")
        data = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}); {again}") from error
    if not isinstance(facts, dict) or checksum(data) != facts.get(DIGEST):
        raise RunError(f"{path}: damaged, or another than was written; {again}")
    return data


def read_csv_beside(
    path: Path, facts: Any, again: str, kinds: Mapping[str, Callable[[str], Any]]
) -> list[dict[str, Any]]:
    """The rows of a CSV table with all columns of `kinds`, whose cells are converted by their kind; others are texts.

    Raises: as `read_beside`; also if the number of rows differs, or the content is not a table with these columns.
    """
    try:
        rows = [_row(row, kinds) for row in csv.DictReader(io.StringIO(read_beside(path, facts, again).decode()))]
    except (ValueError, csv.Error) as error:  # another version wrote it, or another program with a digest that fits
        raise RunError(f"{path}: not the table that this version writes ({cut(error)}); {again}") from None
    if len(rows) != facts.get("rows"):
        raise RunError(f"{path}: {len(rows)} rows, expected {facts.get('rows')}; {again}")
    return rows


def _row(row: Mapping[Any, Any], kinds: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """ValueError where it has more or fewer cells than the header, lacks a column, or a cell is of another kind."""
    if None in row or None in row.values():
        raise ValueError("a row has more or fewer cells than the header")
    missing = [name for name in kinds if name not in row]
    if missing:
        raise ValueError(f"no column {missing[0]}")
    return {name: kinds.get(name, str)(text) for name, text in row.items()}
