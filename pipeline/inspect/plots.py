"""The plots of a data set's page: inline SVG in the page's own colours, so that they follow its light and dark.

In: `Stats`. Out: SVG elements. Every mark says its value when pointed at; the same stats give the same text.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from dastm.contract.skeleton import Layout
from pipeline.inspect.poses import pose_of
from pipeline.inspect.stats import ClassCount, Stats

WIDTH, HEIGHT = 520, 240
LEFT, BOTTOM, TOP = 48, 40, 12
MOST_NAMED = 45
"""Classes in rows with their names; more of them become columns, whose names are shown when pointed at."""
MOST_BARS = 40
"""Bars of a histogram of lengths."""
LONGEST_NAME = 40


def classes(stats: Stats) -> Markup:
    """Clips of every class, coloured by subset."""
    draw = _class_rows if len(stats.classes) <= MOST_NAMED else _class_columns
    return draw(stats.classes)


def lengths(stats: Stats) -> Markup:
    """Histogram of the lengths of clips."""
    shortest, longest = min(stats.lengths), max(stats.lengths)
    width = _round_up((longest - shortest + 1) / MOST_BARS)
    start = shortest // width * width
    counts = [0] * ((longest - start) // width + 1)
    for frames, clips in stats.lengths.items():
        counts[(frames - start) // width] += clips
    spans = [start + i * width for i in range(len(counts))]
    words = [
        f"{a} frames: {n} clips" if width == 1 else f"{a} to {a + width - 1} frames: {n} clips"
        for a, n in zip(spans, counts, strict=True)
    ]
    every = -(-len(counts) // 8)
    labels = [str(a) if i % every == 0 else "" for i, a in enumerate(spans)]
    return _columns(counts, labels, words, ["bar"] * len(counts), "frames of a clip", "clips")


def bodies(stats: Stats) -> Markup:
    """Number of clips for each number of bodies."""
    return _by_number(stats.bodies, "bodies of a clip")


def people_and_places(stats: Stats, name: str) -> Markup:
    """Number of clips of each subject, camera or setup."""
    return _by_number(stats.people_and_places[name], name)


def missing(stats: Stats) -> Markup | None:
    """Which joints are missing, on a skeleton: the larger a joint, the more often. None where that is not known."""
    if stats.missing_V is None:
        return None
    layout, most = stats.layout, max(stats.missing_V)
    points = _placed(layout)
    shapes = [
        f'<line class="bone" x1="{_n(points[a][0])}" y1="{_n(points[a][1])}" x2="{_n(points[b][0])}"'
        f' y2="{_n(points[b][1])}"/>'
        for a, b in layout.bones
    ]
    for name, share, (x, y) in zip(layout.joints, stats.missing_V, points, strict=True):
        radius, kind = (3.0 + 10.0 * (share / most) ** 0.5, "joint") if share > 0 else (4.0, "whole")
        words = f"{name}: {100 * share:.2f} % missing"
        shapes.append(f'<circle class="{kind}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}">{_title(words)}</circle>')
    about = f"Missing joints on a skeleton, at most {100 * most:.1f} %"
    return _svg(300, 360, "".join(shapes), about)


def missing_by_joint(stats: Stats) -> Markup:
    """The share of each joint that is missing, the largest first."""
    worst = stats.worst_joints(len(stats.layout.joints))
    rows = [
        _Row(name, 100 * share, f"{100 * share:.1f}", "joint", f"{name}: {100 * share:.2f} %") for name, share in worst
    ]
    return _rows(rows, WIDTH, 130, "Share of each joint that is missing")


class _Row(NamedTuple):
    name: str
    value: float
    shown: str
    kind: str
    words: str


def _class_rows(of: Sequence[ClassCount]) -> Markup:
    rows = [
        _Row(
            f"{c.class_id} {c.name}" if c.name != f"class {c.class_id}" else c.name,
            c.clips,
            str(c.clips),
            c.subset,
            f"{c.class_id} {c.name} ({c.subset}): {c.clips} clips, {c.frames} frames",
        )
        for c in of
    ]
    return _rows(rows, 820, 290, f"Clips of {len(of)} classes")


def _rows(rows: Sequence[_Row], width: int, left: int, about: str) -> Markup:
    """Bars one below the other, their names on the left."""
    high = 19
    most = max((row.value for row in rows), default=0) or 1
    shapes = []
    for i, (name, value, shown, kind, words) in enumerate(rows):
        y, wide = 6 + i * high, (width - left - 60) * value / most
        shapes += [
            f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(_fitting(name))}{_title(words)}</text>',
            f'<rect class="{kind}" x="{left}" y="{y}" width="{_n(wide)}" height="{high - 5}">{_title(words)}</rect>',
            f'<text class="soft" x="{_n(left + wide + 6)}" y="{y + 12}">{shown}</text>',
        ]
    return _svg(width, 12 + high * len(rows), "".join(shapes), about)


def _class_columns(of: Sequence[ClassCount]) -> Markup:
    words = [f"{c.class_id} {c.name} ({c.subset}): {c.clips} clips, {c.frames} frames" for c in of]
    every = -(-len(of) // 12)
    labels = [str(c.class_id) if i % every == 0 else "" for i, c in enumerate(of)]
    return _columns([c.clips for c in of], labels, words, [c.subset for c in of], "class", "clips", width=1040)


def _by_number(counts: Counter[int], name: str) -> Markup:
    values = sorted(counts)
    every = -(-len(values) // 12)
    labels = [str(value) if i % every == 0 else "" for i, value in enumerate(values)]
    words = [f"{name} {value}: {counts[value]} clips" for value in values]
    return _columns([counts[value] for value in values], labels, words, ["bar"] * len(values), name, "clips")


def _columns(
    counts: Sequence[int],
    labels: Sequence[str],
    words: Sequence[str],
    kinds: Sequence[str],
    across: str,
    up: str,
    width: int = WIDTH,
) -> Markup:
    """Bars side by side; `labels` below them, `words` when pointed at."""
    step = min(64.0, (width - LEFT - 8) / len(counts))
    highest = _round_up(max(counts), (1, 2, 4, 6, 8))
    tall = HEIGHT - BOTTOM - TOP
    shapes = list(_axis(highest, tall, width, up))
    for i, (count, label, text, kind) in enumerate(zip(counts, labels, words, kinds, strict=True)):
        x, high = LEFT + i * step, tall * count / highest
        gap = min(6.0, 0.15 * step)
        shapes.append(
            f'<rect class="{kind}" x="{_n(x + gap / 2)}" y="{_n(TOP + tall - high)}" width="{_n(step - gap)}"'
            f' height="{_n(high)}">{_title(text)}</rect>'
        )
        if label:
            middle = _n(x + step / 2)
            shapes.append(f'<text x="{middle}" y="{TOP + tall + 15}" text-anchor="middle">{escape(label)}</text>')
    shapes.append(f'<text class="soft" x="{LEFT}" y="{HEIGHT - 6}">{escape(across)}</text>')
    return _svg(width, HEIGHT, "".join(shapes), f"{up} by {across}: {len(counts)} bars, at most {max(counts)}")


def _axis(highest: int, tall: int, width: int, up: str) -> Iterator[str]:
    """Grid lines at nothing, at half of the highest and there."""
    marks = [0, highest] if highest % 2 else [0, highest // 2, highest]
    for mark in marks:
        y = _n(TOP + tall - tall * mark / highest)
        yield f'<line class="axis" x1="{LEFT}" y1="{y}" x2="{width - 8}" y2="{y}"/>'
        yield f'<text class="soft" x="{LEFT - 6}" y="{_n(float(y) + 4)}" text-anchor="end">{mark}</text>'
    yield (
        f'<text class="soft" transform="translate(11 {_n(TOP + tall / 2)}) rotate(-90)" text-anchor="middle">'
        f"{escape(up)}</text>"
    )


def _round_up(value: float, steps: Sequence[int] = (1, 2, 5)) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ..

    >>> _round_up(3), _round_up(11)
    (5, 20)
    """
    ten = 1
    while True:
        for step in steps:
            if step * ten >= value:
                return step * ten
        ten *= 10


def _placed(layout: Layout) -> list[tuple[float, float]]:
    """The skeleton's joints within 300 x 360."""
    pose = np.array(pose_of(layout))
    low, high = pose.min(axis=0), pose.max(axis=0)
    scale = min(250 / max(high[0] - low[0], 1e-9), 310 / max(high[1] - low[1], 1e-9))
    middle = (low + high) / 2
    return [(float(150 + scale * (x - middle[0])), float(180 - scale * (y - middle[1]))) for x, y in pose]


def _svg(width: int, height: int, inside: str, about: str) -> Markup:
    return Markup(
        f'<svg role="img" aria-label="{escape(about)}" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}">{inside}</svg>'
    )


def _title(words: str) -> str:
    return f"<title>{escape(words)}</title>"


def _fitting(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _n(value: float) -> str:
    """A hundredth of a pixel at most, and never -0."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
