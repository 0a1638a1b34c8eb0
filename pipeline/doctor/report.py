"""Findings as a table to print, as CSV and as JSON. Files are written line by line and appear only when complete.

In: findings one by one. Out: counts and the first few of each check, in a table; all of them in the files.
"""

import csv
import json
from codecs import getwriter
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from dastm.contract.errors import DataError
from dastm.contract.os_errors import os_line
from dastm.contract.spreadsheet import cell
from pipeline.doctor.findings import KINDS, SEVERITIES, Finding, Totals
from pipeline.work.paths import single_file

SHOWN = 3
"""Findings of each check that the table shows."""
FIELDS = ("severity", "check", "source", "key", "frame", "line", "byte", "what", "advice")


class Report:
    """Counts of all findings, and the first of each check; memory does not grow with them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._first: dict[str, list[Finding]] = {}

    def add(self, finding: Finding) -> None:
        """Count one finding."""
        self.counts[finding.check] += 1
        first = self._first.setdefault(finding.check, [])
        if len(first) < SHOWN:
            first.append(finding)

    @property
    def by_severity(self) -> dict[str, int]:
        """Severity -> findings, the worst first; 0 where there are none."""
        return {
            severity: sum(n for check, n in self.counts.items() if KINDS[check].severity == severity)
            for severity in SEVERITIES
        }

    def lines(self, totals: Totals) -> list[str]:
        """A line on what was looked at, then for each check a line, its first findings, and what to do."""
        looked = f"{totals.clips} clip{'s' * (totals.clips != 1)} of {len(totals.classes)} class"
        looked += "es" * (len(totals.classes) != 1)
        if totals.outside_split:
            looked += f", {totals.outside_split} more are outside the class split"
        lines = [f"{looked}: {self._verdict()}"]
        if self.counts:
            lines.append(f"{'severity':<10}  {'check':<17} {'count':>6}  what to do")
        for severity in SEVERITIES:
            for check in KINDS:
                if check in self.counts and KINDS[check].severity == severity:
                    lines += self._lines_of(check)
        return lines

    def _verdict(self) -> str:
        found = [f"{count} {severity}" for severity, count in self.by_severity.items() if count]
        return ", ".join(found) or "nothing found"

    def _lines_of(self, check: str) -> Iterator[str]:
        severity, advice = KINDS[check]
        yield f"{severity:<10}  {check:<17} {self.counts[check]:>6}  {advice}"
        for finding in self._first[check]:
            yield f"  {finding}"
        if self.counts[check] > SHOWN:
            yield f"  and {self.counts[check] - SHOWN} more"

    def summary(self, totals: Totals) -> dict[str, Any]:
        """The counts, as plain JSON."""
        return {
            "clips": totals.clips,
            "classes": len(totals.classes),
            "outside_split": totals.outside_split,
            "severities": self.by_severity,
            "checks": {check: self.counts[check] for check in KINDS if check in self.counts},
        }


def as_row(finding: Finding) -> dict[str, Any]:
    """A finding as a row of FIELDS."""
    return {name: getattr(finding, name) for name in FIELDS}


class Files:
    """The CSV and the JSON file, as far as they are wanted; see `open_files`."""

    def __init__(self, csv_file: IO[str] | None, json_file: IO[str] | None) -> None:
        self._rows = csv.DictWriter(csv_file, FIELDS, lineterminator="\n") if csv_file else None
        self._json = json_file
        self._n_written = 0
        if self._rows:
            self._rows.writeheader()
        if self._json:
            self._json.write('{"findings": [')

    def add(self, finding: Finding) -> None:
        """Write one finding."""
        row = as_row(finding)
        if self._rows:
            self._rows.writerow({name: cell(value) for name, value in row.items()})
        if self._json:
            self._json.write(("," if self._n_written else "") + "\n" + json.dumps(row, ensure_ascii=False))
        self._n_written += 1

    def finish(self, summary: dict[str, Any]) -> None:
        """Write what comes after the last finding."""
        if self._json:
            self._json.write(f'\n], "summary": {json.dumps(summary)}}}\n')


@contextmanager
def open_files(csv_path: Path | None, json_path: Path | None) -> Iterator[Files]:
    """Open the files for findings; they get their names at the end. Raises: DataError if they cannot be written."""
    try:
        with ExitStack() as stack:
            csv_file, json_file = (
                stack.enter_context(_replaced(path)) if path is not None else None for path in (csv_path, json_path)
            )
            yield Files(csv_file, json_file)
    except OSError as error:
        raise DataError(os_line(error, csv_path or json_path, "cannot be written")) from None


@contextmanager
def _replaced(path: Path) -> Iterator[IO[str]]:
    with single_file(path) as file:
        yield cast(IO[str], getwriter("utf-8")(file, "backslashreplace"))
