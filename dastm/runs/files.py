"""Writes the files of a run completely or not at all (bytes, JSON, CSV), and reads its JSON.

In: bytes, documents, rows. Out: files, which get their final names only when every byte is written.
"""

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dastm.contract.documents import DocumentError
from dastm.contract.documents import read_json as read_document
from dastm.contract.errors import RunError
from dastm.contract.os_errors import naming, os_line
from dastm.contract.ownership import unfinished_name
from dastm.contract.spreadsheet import cell


def write_bytes(path: Path, data: bytes) -> None:
    """Write under a temporary name, then rename: a reader sees the old file or the new one, never a part."""
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """`write_bytes` for the files of one result: none is renamed before all are written, so on a full disk the old ones
    stay. They are renamed in this order."""
    unfinished = {path: unfinished_name(path) for path in files}
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with naming(path), unfinished[path].open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for path in files:
            with naming(path):
                unfinished[path].replace(path)
    finally:
        for path in unfinished.values():
            path.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise the OSError that writing this file would raise, before what is to be written is made."""
    probe = unfinished_name(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        probe.open("xb").close()
    probe.unlink()


def json_bytes(document: Any) -> bytes:
    """The bytes of a JSON document."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def write_json(path: Path, document: Any) -> None:
    """`write_bytes` of a JSON document."""
    write_bytes(path, json_bytes(document))


def csv_bytes(fields: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The bytes of a CSV table; a missing value becomes an empty cell, and a formula becomes a text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def write_rows(path: Path, fields: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """`write_bytes` of a CSV table."""
    write_bytes(path, csv_bytes(fields, rows))


def read_json(path: Path, again: str = "") -> Any:
    """Read a JSON document of a run folder; RunError as in `reading`."""
    with reading(path, again):
        return read_document(path)


@contextmanager
def reading(path: Path, again: str = "") -> Iterator[None]:
    """Turn a DocumentError of this block into a RunError that names the file and says how to make it again
    (`again`)."""
    try:
        yield
    except DocumentError as error:
        if isinstance(error.__cause__, OSError):
            raise RunError(os_line(error.__cause__, path, "cannot be read")) from error
        raise RunError(f"{path}: cannot be read ({error})" + f"; {again}" * bool(again)) from None
