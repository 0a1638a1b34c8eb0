"""Predictions, or events of long recordings -> one HTML page: counts of actions, a timeline, every row.

In: rows of `Prediction.to_dict` or `Event.to_dict`. Out: the bytes of the page; the same rows give the same bytes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dastm.contract.ownership import PAGE, check_file, remove_unfinished
from dastm.recogniser.examples import NONE
from dastm.report.template import rendered
from dastm.runs.files import write_bytes

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
    """The events of one body in a recording."""

    source: str
    lanes: tuple[str, ...]
    """Actions, from the top."""
    spans: tuple[Span, ...]
    end: str
    """Where the drawing ends."""

    @property
    def height(self) -> int:
        """The height of the drawing."""
        return LANE * len(self.lanes)


@dataclass(kw_only=True)
class Page:
    """What a page shows."""

    rows: list[Row] = field(default_factory=list)
    lengths: Mapping[str, float] = field(default_factory=dict)
    """Seconds that recordings last in which events were looked for."""
    quiet: Sequence[str] = ()
    """Recordings without an event."""
    left_out: Sequence[str] = ()
    """A line for each recording that could not be used."""


@contextmanager
def page_results(path: Path, recogniser: str) -> Iterator[Page]:
    """Yield a `Page` to fill; it is written when the block ends without an error.

    Raises: NotOurs, at once, if another file lies there; OSError if it cannot be written.
    """
    check_file(path, PAGE)
    page = Page()
    yield page
    write_predictions(page, path, recogniser)


def write_predictions(content: Page, path: Path, recogniser: str) -> None:
    """Write the page. Raises: as `page_results`."""
    check_file(path, PAGE)
    rows = content.rows
    counts = Counter(NONE if row["action"] is None else str(row["action"]) for row in rows)
    page = rendered(
        "predictions.html",
        recogniser=recogniser,
        counts=sorted(counts.items(), key=lambda item: (item[0] == NONE, -item[1], item[0])),
        most=max(counts.values(), default=1),
        total=len(rows),
        rows=rows[:MOST_ROWS],
        hidden=max(0, len(rows) - MOST_ROWS),
        timelines=timelines(rows, content.lengths),
        several=any(row["body"] not in (0, None) for row in rows),
        quiet=content.quiet,
        left_out=content.left_out,
        lane=LANE,
        refused=NONE,
    )
    remove_unfinished(path.parent, path.name.__eq__)
    write_bytes(path, page.encode("utf-8", "backslashreplace"))


def timelines(rows: Sequence[Row], lengths: Mapping[str, float]) -> list[Timeline]:
    """One for each body that has events, in seconds."""
    of_body: dict[tuple[str, Any], list[Row]] = {}
    for row in rows:
        if "start_s" in row:
            of_body.setdefault((str(row["source"]), row["body"]), []).append(row)
    bodies = Counter(source for source, _ in of_body)
    places = {source: place for place, source in enumerate(bodies)}
    in_order = sorted(of_body.items(), key=lambda item: (places[item[0][0]], str(item[0][1])))
    return [
        _timeline(f"{source}, body {body}" if bodies[source] > 1 or body else source, events, lengths.get(source, 0.0))
        for (source, body), events in in_order
    ]


def _timeline(source: str, events: Sequence[Row], length_s: float) -> Timeline:
    last = max(length_s, *(float(row["end_s"]) for row in events)) or 1.0
    lanes = tuple(sorted({str(row["action"]) for row in events}))
    spans = tuple(
        Span(
            x=1000 * float(row["start_s"]) / last,
            width=max(2.0, 1000 * (float(row["end_s"]) - float(row["start_s"])) / last),
            lane=lanes.index(str(row["action"])),
            words=f"{row['action']}, {row['start_s']:.2f} to {row['end_s']:.2f} s, score {row['score']:.2f}",
        )
        for row in events
    )
    return Timeline(source=source, lanes=lanes, spans=spans, end=f"{last:.2f} s")
