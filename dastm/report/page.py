"""Run folders -> one HTML page that opens offline: text, tables and inline SVG only.

In: run folders after train and eval. Out: the page's bytes; the same runs give the same bytes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dastm.contract.ownership import PAGE, check_file, remove_unfinished
from dastm.contract.progress import progress
from dastm.report.sections import run_section
from dastm.report.template import rendered
from dastm.runs.files import write_bytes


def write_report(runs: Sequence[Path], path: Path, shards: str | None = None) -> list[str]:
    """Write the page for some runs -> lines for the user: each evaluation that is left out, and other notes.

    Args:
        shards: a folder or URL of clips to draw; None: the shards of each training.

    Raises: RunError if a run is not trained, a result is damaged, or the shards are missing or do not fit.
    """
    check_file(path, PAGE)
    sections = [run_section(run, shards) for run in progress(runs, desc="report", unit="run")]
    plays = any(evaluation["explained"] for section in sections for evaluation in section.evaluations)
    page = rendered("report.html", sections=sections, settings_rows=settings_rows, plays=plays)
    remove_unfinished(path.parent, path.name.__eq__)
    write_bytes(path, page.encode())
    left_out = [f"{section.name}: left out: {line}" for section in sections for line in section.left_out]
    return left_out + [f"{section.name}: {line}" for section in sections for line in section.notes]


def settings_rows(config: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The configuration as (section.key, value) rows."""
    return [(f"{section}.{key}", value) for section, values in config.items() for key, value in values.items()]
