"""Stats as a page, and as sections of the audit's page.

In: `Stats`. Out: `StatsView`, which the template `parts.html` shows; the bytes of a page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.inspect import plots
from pipeline.inspect.numbers import missing_line
from pipeline.inspect.page import render
from pipeline.inspect.stats import Stats
from pipeline.parse.summary import kind_with_example, ordered

MOST_ODDITIES = 30
Row = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """An inline drawing and what it shows."""

    svg: Markup
    caption: str


@dataclass(frozen=True, kw_only=True)
class StatsView:
    """One section of a page: the stats of a table or of shards, ready to be shown."""

    of: str
    """`parsed` or `shards`; the section's id."""
    heading: str
    first: str
    subsets: tuple[Row, ...]
    missing: str
    empty: str
    figures: tuple[Figure, ...]
    classes: Figure
    oddities: tuple[Row, ...]


def stats_page(several: Sequence[Stats]) -> bytes:
    """The page; ValueError without anything to show."""
    if not several:
        raise ValueError("a page of no stats")
    names = dict.fromkeys(stats.dataset for stats in several)
    return render(
        "stats.html",
        title=f"Data set {', '.join(names)}",
        views=[view_of(stats) for stats in several if stats.clips],
        animated=False,
    )


def view_of(stats: Stats) -> StatsView:
    """What is to be shown of stats of at least one clip."""
    quantiles = stats.length_quantiles()
    kind = "Parsed table" if stats.of == "parsed" else "Shards"
    empty = f"{stats.empty_frames} frames without a body, in {stats.empty_clips} clips."
    dropped = ((f"body dropped by the step {step}", n) for step, n in ordered(stats.dropped).items())
    found = [
        *ordered(stats.notes).items(),
        *dropped,
        *((f"refused: {kind_with_example(r, stats.refused_examples)}", n) for r, n in ordered(stats.refused).items()),
    ]
    return StatsView(
        of=stats.of,
        heading=f"{kind} of {stats.dataset}",
        first=f"{stats.clips:,} clips of {len(stats.classes)} classes, {stats.frames:,} source frames;"
        f" a clip has {quantiles['min']:g} to {quantiles['max']:g} frames, half of them {quantiles['25 %']:g} to"
        f" {quantiles['75 %']:g}.",
        subsets=tuple(
            (subset, *(f"{value:,}" for value in counts.values())) for subset, counts in stats.subsets().items()
        ),
        missing=f"M{missing_line(stats)[1:]}.",
        empty=empty if stats.empty_frames else "",
        figures=tuple(_figures(stats)),
        classes=Figure(svg=plots.classes(stats), caption="Clips of each class; blue train, orange val, green test."),
        oddities=tuple((name, f"{count:,}") for name, count in found[:MOST_ODDITIES]),
    )


def _figures(stats: Stats) -> Iterator[Figure]:
    what = "Body tracks of a clip" if stats.of == "parsed" else "Bodies kept of a clip"
    yield Figure(svg=plots.lengths(stats), caption="How long clips are.")
    yield Figure(svg=plots.bodies(stats), caption=f"{what}.")
    drawn = plots.missing(stats)
    if drawn is not None and stats.missing:
        yield Figure(svg=drawn, caption="Missing joints: the larger, the more often.")
        yield Figure(svg=plots.missing_by_joint(stats), caption="Share of the frames of a body that lack the joint, %.")
    for name in (name for name, counts in stats.people_and_places.items() if len(counts) > 1):
        yield Figure(svg=plots.people_and_places(stats, name), caption=f"Clips of each {name}.")
