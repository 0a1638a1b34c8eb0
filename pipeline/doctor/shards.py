"""A shard folder -> its findings: those of the independent audit, and clips whose arrays are copies of each other.

In: a shard folder. Out: `ExaminedShards`. What `pipeline.audit.run` checks is not checked again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dastm.contract.shard_format import ShardError
from dastm.contract.shard_reading import read_index
from pipeline.audit.run import audit
from pipeline.doctor.findings import Finding

_COLUMNS = ("key", "class_id", "part", "shard", "checksum")


@dataclass(frozen=True, kw_only=True)
class ExaminedShards:
    """What came of one shard folder."""

    clips: int
    classes: frozenset[int]
    findings: tuple[Finding, ...]


def examine_shards(folder: Path) -> ExaminedShards:
    """Audit a folder; problems make it unusable, warnings and copies are suspicious."""
    report = audit(folder)
    rows = _index(folder)
    keys = {row["key"] for row in rows}
    findings = [_finding(folder, "shards", line, keys) for line in report["problems"]]
    findings += [_finding(folder, "shard_warning", line, keys) for line in report["warnings"]]
    findings += _copies(folder, rows)
    classes = frozenset(row["class_id"] for row in rows)
    return ExaminedShards(clips=report["clips"], classes=classes, findings=tuple(findings))


def _index(folder: Path) -> list[dict[str, Any]]:
    """The rows of the index; none where it cannot be read, which the audit has a line on."""
    try:
        rows: list[dict[str, Any]] = read_index(folder, _COLUMNS).to_pylist()
    except (ShardError, ValueError):
        return []
    return [row for row in rows if set(row) == set(_COLUMNS)]


def _finding(folder: Path, check: str, line: str, keys: set[str]) -> Finding:
    """A line of the audit, `file: key: what` or `file: what`, taken apart."""
    file, _, rest = line.partition(": ")
    key, _, what = rest.partition(": ")
    if key in keys and what:
        return Finding(check=check, source=str(folder / file), key=key, what=what)
    known = Path(file).suffix in (".tar", ".json", ".parquet")
    return Finding(check=check, source=str(folder / file if known else folder), what=rest if known else line)


def _copies(folder: Path, rows: list[dict[str, Any]]) -> list[Finding]:
    first: dict[str, dict[str, Any]] = {}
    found = []
    for row in rows:
        one = first.setdefault(row["checksum"], row)
        if one is not row:
            what = (
                f"the same joints as '{one['key']}' of class {one['class_id']} in {one['part']}; this is of class"
                f" {row['class_id']} in {row['part']}"
            )
            found.append(Finding(check="duplicate", source=str(folder / row["shard"]), key=row["key"], what=what))
    return found
