"""The refused files of a parsed table as CSV, for people and spreadsheets: source, key, line, byte, reason.

In: the refused files of the table, in order. Out: the bytes of refused.csv; none if nothing was refused.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dastm.contract.spreadsheet import cell
from pipeline.storage.table import read_file_refused

NAME = "refused.csv"
FIELDS = ("source", "key", "line", "byte", "reason")
HEADER = (",".join(FIELDS) + "\n").encode()


def refused_csv(table_files: Iterable[Path]) -> bytes:
    """The table as CSV; a missing value is an empty cell, and a text that looks like a formula gets an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    for path in table_files:
        writer.writerows(map(_row, read_file_refused(path).select(list(FIELDS)).to_pylist()))
    rows = text.getvalue()
    return HEADER + rows.encode() if rows else b""


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the table. File names come from others, so a spreadsheet must show them and calculate nothing."""
    return {name: cell(value) for name, value in row.items()}
