"""The table of a sweep: Markdown, CSV, LaTeX, HTML, and the curve of its axis. The same cells give the same bytes."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from dastm.config.evaluation import EvalConfig
from dastm.contract.ownership import remove_unfinished
from dastm.report.figures import sweep_curves
from dastm.runs.files import csv_bytes, write_together
from dastm.runs.run_folder import TABLE_NAMES, check_sweep
from dastm.sweep.cells import Sweep, read_sweep
from dastm.sweep.published_accuracies import published_table
from dastm.sweep.results import CellResult, read_results
from dastm.sweep.statistics import Column, Entry, baseline_rows, columns, entries

CURVE_NAME = "curve.svg"
FIELDS = (
    *("row", "backbone", "dataset", "evaluation", "status", "seeds", "of_seeds", "failed"),
    *("mean", "deviation", "over_seeds", "over_episodes"),
    *("published_mean", "published_deviation", "reference", "difference", "difference_interval", "p"),
)
LATEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: f"{{{sign}}}" for sign in "[*"},  # behind the \\ of the line before they would be its arguments
        "±": r"$\pm$",
        "−": "$-$",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "×": r"$\times$",
    }
)
LATEX_MARKS: dict[str, Any] = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
}
"""Delimiters of Jinja that do not clash with LaTeX's braces."""
UNESCAPED = re.compile(r"(?<!\\)\|")
"""A bar that Markdown takes as the end of a cell."""
MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_|<>[]#"})


def write_table(folder: Path) -> str:
    """Write table.md, table.csv, table.tex, table.html and, of an axis, curve.svg into a sweep's folder -> Markdown.

    Raises: RunError if the folder holds no sweep.
    """
    sweep = read_sweep(folder)
    check_sweep(folder)
    remove_unfinished(folder, TABLE_NAMES.__contains__)
    results = read_results(sweep, folder)
    found = entries(sweep, results)
    curve = _curve(sweep, found)
    facts = {
        "title": " ".join(sweep.grid.title.split()),
        "rows": sweep.rows,
        "reference": sweep.reference,
        "columns": [column_title(sweep, column) for column in columns(sweep)],
        "entries": [found[i : i + len(columns(sweep))] for i in range(0, len(found), len(columns(sweep)))],
        "notes": notes(sweep, results, found),
        "axis": None if sweep.grid.axis is None else sweep.grid.axis.title or sweep.grid.axis.key,
        "curve": None if curve is None else Markup(curve),
        "column_title": lambda column: column_title(sweep, column),
    }
    pages = {kind: _environment(kind).get_template(f"table.{kind}").render(**facts) for kind in ("md", "tex", "html")}
    pages["md"] = aligned(pages["md"])
    written = {CURVE_NAME: curve.encode()} if curve is not None else {}
    written["table.csv"] = csv_bytes(FIELDS, [_csv_row(sweep, entry) for entry in found])
    written |= {f"table.{kind}": page.encode() for kind, page in pages.items()}
    write_together({folder / name: data for name, data in written.items()})
    return pages["md"]


def _environment(kind: str) -> Environment:
    """Jinja with the escapes of one kind of file."""
    marks = LATEX_MARKS if kind == "tex" else {}
    environment = Environment(
        loader=PackageLoader("dastm.sweep", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **marks,
    )
    escapes: dict[str, Callable[[Any], str]] = {
        "md": lambda text: " ".join(str(text).split()).translate(MARKDOWN),  # a line of the file is a line of the table
        "tex": lambda text: " ".join(str(text).split()).translate(LATEX),
    }
    environment.filters |= {
        "own": escapes.get(kind, str),
        "comment": lambda text: " ".join(str(text).split()),  # a line break would end it
        "ours": ours,
        "published": published,
        "apart": apart,
        "half": half,
    }
    return environment


def aligned(page: str) -> str:
    """Markdown whose tables read as they stand: cells of a column padded to one width."""
    blocks = groupby(page.split("\n"), key=lambda line: line.startswith("|"))
    return "\n".join(line for is_table, lines in blocks for line in (_padded(list(lines)) if is_table else lines))


def _padded(lines: Sequence[str]) -> list[str]:
    rows = [[cell.strip() for cell in UNESCAPED.split(line)[1:-1]] for line in lines]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    rows[1] = ["-" * width for width in widths]
    return [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]


def column_title(sweep: Sweep, column: Column) -> str:
    """Backbone and data set; the evaluation where there are several."""
    title = f"{column.backbone}, {column.dataset}"
    if len(sweep.grid.evaluate) == 1:
        return title
    shape = column.evaluation
    return f"{title}, {shape.subset} {shape.n_way}-way {shape.k_shot}-shot"


def ours(entry: Entry) -> str:
    """`74.01 ± 2.10`, and how many of its seeds where some lack; `missing` or `failed`."""
    if entry.mean is None:
        return entry.status
    deviation = "" if entry.deviation is None else f" ± {entry.deviation:.2f}"
    seeds = "" if entry.seeds == entry.of_seeds else f" [{entry.seeds} of {entry.of_seeds} seeds]"
    return f"{entry.mean:.2f}{deviation}{seeds}"


def published(entry: Entry) -> str:
    """`74.0 ± 2.1`, or nothing."""
    return "" if entry.published is None else f"{entry.published.mean:.1f} ± {entry.published.deviation:.1f}"


def half(value: float | None) -> str:
    """Half an interval, or nothing."""
    return "" if value is None else f"{value:.2f}"


def apart(entry: Entry) -> str:
    """`+1.20 ± 0.43, p = 0.021`, or nothing."""
    if entry.difference is None:
        return ""
    p = "p < 0.0001" if entry.difference.p < 1e-4 else f"p = {entry.difference.p:.4f}"
    return f"{entry.difference.mean:+.2f} ± {entry.difference.interval:.2f}, {p}"


def notes(sweep: Sweep, results: Mapping[str, CellResult], found: Sequence[Entry]) -> list[str]:
    """Notes that explain the table."""
    grid = sweep.grid
    trained = [result.record for result in results.values() if result.record is not None]
    statuses = [result.status for result in results.values()]
    counts = [
        f"{statuses.count(status)} {status}" for status in ("finished", "failed", "missing") if status in statuses
    ]
    lines = [
        f"Recipe {' + '.join(grid.preset)}; seeds {', '.join(map(str, grid.seeds))}; cells: {', '.join(counts)}.",
        *(
            f"Scored on {shape.subset}{_seen(shape)}: {shape.n_way}-way {shape.k_shot}-shot, "
            f"{shape.n_query} queries a class, {shape.episodes} episodes (seed {shape.seed}), the same for every row."
            for shape in grid.evaluate
        ),
        "Accuracies in %. After a mean: ± standard deviation over seeds with divisor n, as the paper computes it.",
        "Intervals are half widths at 95 % (Student's t); over episodes: seeds averaged first.",
        f"Difference: {sweep.reference} minus the row, on the same episodes and seeds; its interval and the paired "
        "t-test are over episodes, so they speak of these trained networks, not of other trainings.",
    ]
    if beside := baseline_rows(sweep):
        lines.append(f"Without training, as scored beside {sweep.reference}: {', '.join(beside)}.")
    if grid.published is not None:
        lines.append(f"In brackets, as published: {published_table(grid.published).source}.")
    if trained:
        # No revision: an unrelated commit between two halves of a sweep would show in its table.
        codes = sorted({f"dastm {record.versions.get('dastm', '?')} (code {record.code[:8]})" for record in trained})
        lines.append(f"Trained by {', '.join(codes)}.")
    if any(entry.status == "mixed" for entry in found):
        lines.append("mixed: its seeds were trained on different shards; `dastm sweep` trains the older ones again.")
    lines += [
        f"Left out: {line}; `dastm sweep` makes it again." for result in results.values() for line in result.damaged
    ]
    if len({record.code for record in trained}) > 1:
        lines.append("Not all cells were trained by the same code; `dastm sweep --replace` trains older ones again.")
    return lines


def _seen(shape: EvalConfig) -> str:
    """What a number on classes of the training must say."""
    if shape.subset != "test":
        return ", whose classes the training has seen"
    return ", whose classes the training may have seen" if shape.allow_seen else ""


def _csv_row(sweep: Sweep, entry: Entry) -> dict[str, Any]:
    column, apart, said = entry.column, entry.difference, entry.published
    return {
        "row": entry.row,
        "backbone": column.backbone,
        "dataset": column.dataset,
        "evaluation": column.evaluation.name,
        **{name: getattr(entry, name) for name in ("status", "seeds", "of_seeds", "failed")},
        **{name: _number(getattr(entry, name)) for name in ("mean", "deviation", "over_seeds", "over_episodes")},
        "published_mean": _number(said.mean if said else None),
        "published_deviation": _number(said.deviation if said else None),
        "reference": sweep.reference if apart else None,
        "difference": _number(apart.mean if apart else None),
        "difference_interval": _number(apart.interval if apart else None),
        "p": f"{apart.p:.3g}" if apart else None,
    }


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _curve(sweep: Sweep, found: Sequence[Entry]) -> str | None:
    """Accuracy along the axis, a line a column; None without an axis or before there is anything to draw."""
    axis = sweep.grid.axis
    if axis is None:
        return None
    places = dict(zip(sweep.rows, axis.values, strict=True))
    lines: dict[str, list[tuple[float, float, float | None]]] = {}
    for entry in found:
        place = places.get(entry.row, "")  # a baseline has no place on the axis
        if entry.mean is not None and not isinstance(place, str):
            title = column_title(sweep, entry.column)
            lines.setdefault(title, []).append((float(place), entry.mean, entry.deviation))
    return sweep_curves(lines, axis.title or axis.key) if lines else None
