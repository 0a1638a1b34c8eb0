"""Predictions, or events of long recordings -> one HTML page: counts of actions, a timeline, every row.

In: rows of `Prediction.to_dict` or `Event.to_dict`. Out: the bytes of the page; the same rows give the same bytes.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dastm.contract.ownership import PAGE, check_file, remove_unfinished
from dastm.report.template import rendered
from dastm.runs.files import write_bytes

NONE = "none of these"
MOST_ROWS = 5000
"""A longer table is cut, and says so: CSV and JSON have all rows."""
LANE = 22
"""Height of an action's lane in a timeline, in units of its drawing, which is 1000 wide."""
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Span:
    """An event in a timeline."""

    x: float
    width: float
    """Both from 0 to 1000."""
    lane: int
    words: str


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The events of one recording."""

    source: str
    lanes: tuple[str, ...]
    """Actions, from the top."""
    spans: tuple[Span, ...]
    end: str
    """Where the drawing ends."""

    @property
    def height(self) -> int:
        """Of the drawing."""
        return LANE * len(self.lanes)


@contextmanager
def page_results(path: Path, recogniser: str) -> Iterator[Callable[[Row], None]]:
    """What takes rows; the page is written when the block ends well.

    Raises: NotOurs, at once, if another file lies there; OSError if it cannot be written.
    """
    check_file(path, PAGE)
    rows: list[Row] = []
    yield rows.append
    write_predictions(rows, path, recogniser)


def write_predictions(rows: Sequence[Row], path: Path, recogniser: str) -> None:
    """Write the page. Raises: as `page_results`."""
    check_file(path, PAGE)
    counts = Counter(NONE if row["action"] is None else str(row["action"]) for row in rows)
    page = rendered(
        "predictions.html",
        recogniser=recogniser,
        counts=sorted(counts.items(), key=lambda item: (item[0] == NONE, -item[1], item[0])),
        most=max(counts.values(), default=1),
        total=len(rows),
        rows=rows[:MOST_ROWS],
        hidden=max(0, len(rows) - MOST_ROWS),
        timelines=timelines(rows),
        lane=LANE,
        none=NONE,
    )
    remove_unfinished(path.parent, path.name.__eq__)
    write_bytes(path, page.encode("utf-8", "backslashreplace"))


def timelines(rows: Sequence[Row]) -> list[Timeline]:
    """One for each recording that has events; in seconds where they are known, else in frames."""
    of_source: dict[str, list[Row]] = {}
    for row in rows:
        if "start_frame" in row:
            of_source.setdefault(str(row["source"]), []).append(row)
    return [_timeline(source, events) for source, events in of_source.items()]


def _timeline(source: str, events: Sequence[Row]) -> Timeline:
    known = all(row["start_s"] is not None for row in events)
    start, end, unit = ("start_s", "end_s", "s") if known else ("start_frame", "end_frame", "frames")
    last = max(float(row[end]) for row in events) or 1.0
    lanes = tuple(sorted({str(row["action"]) for row in events}))
    spans = tuple(
        Span(
            x=1000 * float(row[start]) / last,
            width=max(2.0, 1000 * (float(row[end]) - float(row[start])) / last),
            lane=lanes.index(str(row["action"])),
            words=f"{row['action']}, {row[start]:.4g} to {row[end]:.4g} {unit}, score {row['score']:.2f}",
        )
        for row in events
    )
    return Timeline(source=source, lanes=lanes, spans=spans, end=f"{last:.4g} {unit}")
