"""Checks whether `parse` may replace the files in a folder.

In: the folder that `parse` is about to write into. Out: nothing, or an error that names a file that is not ours. Table
files, the plan and the summary are replaced if they look like ours; files with other names are not touched.
"""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dastm.contract.errors import DataError
from dastm.contract.ownership import (
    FileKind,
    NotOurs,
    check_file,
    check_plain,
    finished_name,
    json_with,
    remove_unfinished,
)
from pipeline.parse.refused_csv import HEADER, NAME
from pipeline.storage.table import PLAN_NAME, SUMMARY_NAME
from pipeline.work.paths import all_in, on_this_machine, readable
from pipeline.work.resume import check_notes, notes_folder

PLAN = b"{}\n"
"""The whole content of plan.json."""
KINDS = ("clips", "refused")
_FILE_NAME = re.compile(r"(?:clips|refused)-(\d{5,})\.parquet")
_NAMES = re.compile("|".join((_FILE_NAME.pattern, *map(re.escape, (PLAN_NAME, SUMMARY_NAME, NAME)))))
_NOTE_NAMES = re.compile(r"\d{5,}\.json")


def table_files_in(out: Path) -> list[Path]:
    """All files of a folder that readers take for table files."""
    return [path for kind in KINDS for path in out.glob(f"{kind}-*.parquet")]


def check_table(out: Path) -> None:
    """Check that everything `parse` would overwrite or remove in `out` is its own.

    Raises: DataError where `out` holds files, but none of a parsed table; NotOurs names a file that is not ours.
    """
    check_notes(out)
    files, plan, summary = table_files_in(out), out / PLAN_NAME, out / SUMMARY_NAME
    if any(map(_is_finished, all_in(out))) and not files and not plan.is_file():
        check_plain(plan)
        raise DataError(f"{out}: holds files but no parsed table, so it is left alone; empty it or name another")
    check_plain(*files, plan, summary, out / NAME)
    check_file(plan, FileKind("the plan of a parse", lambda path: path.read_bytes() == PLAN))
    check_file(out / NAME, FileKind("the refused files of a parse", lambda path: path.read_bytes().startswith(HEADER)))
    check_file(summary, FileKind("the summary of a parse", json_with("files", "clips", "refused")))
    noted = {path.stem for path in all_in(notes_folder(out)) if _NOTE_NAMES.fullmatch(path.name)}
    for path in files:
        named = _FILE_NAME.fullmatch(path.name)
        if named is None:
            raise NotOurs(f"{path}: no file of a parsed table is called so; move it away, or name another folder")
        if named[1] not in noted:  # what is noted there is ours, even where it is damaged
            check_file(path, FileKind("a file of a parsed table", _is_table_file))


def remove_half_written(out: Path) -> None:
    """Remove the unfinished files of a killed `parse`; does nothing if `out` is in an object store."""
    for folder, names in ((out, _NAMES), (notes_folder(out), _NOTE_NAMES)):
        here = on_this_machine(folder)
        if here is not None:
            remove_unfinished(here, names.fullmatch)


def _is_finished(path: Path) -> bool:
    name = finished_name(path.name)
    return name == path.name or not _NAMES.fullmatch(name)


def _is_table_file(path: Path) -> bool:
    """Whether a file is a table file of this or an older schema."""
    try:
        with readable(path) as source:
            schema = pq.read_schema(source)
    except pa.ArrowException:
        return False
    return b"schema_version" in (schema.metadata or {}) and "source" in schema.names
