"""Measured growth -> one figure: time and memory of the matching as queries, ways, frames or joints grow.

Both are drawn as multiples of what the standard shape takes, both axes logarithmic: a line as steep as `in proportion`
grows with its size, one as steep as `squared` with the square.
"""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from dastm.bench.table import duration, megabytes
from dastm.report.figures.svg import FAINT, PALETTE, drawing, to_svg

LOOKS: dict[str, dict[str, Any]] = {
    "time": {"color": PALETTE[0], "marker": "o"},
    "memory": {"color": PALETTE[1], "marker": "s"},
}
KEYS = {"time": "seconds", "memory": "memory_mb"}
"""Where an entry of bench.json has them."""
GUIDES: dict[str, dict[str, Any]] = {
    "in proportion": {"linestyle": "--", "color": FAINT},
    "squared": {"linestyle": ":", "color": FAINT},
}


def growth_figure(cases: Mapping[str, Any]) -> str:
    """The entries of bench.json that have an axis, a panel each -> SVG text.

    Raises: ValueError if no case has one.
    """
    entries = {name: entry for name, entry in cases.items() if "axis" in entry}
    if not entries:
        raise ValueError("no case has an axis along which it grows")
    n_columns = min(2, len(entries))
    n_rows = -(-len(entries) // n_columns)
    tooltips: dict[str, list[str]] = {}
    with drawing(3.9 * n_columns, 2.7 * n_rows + 0.4) as figure:
        grid = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).flatten()
        for axes, (name, entry) in zip(grid, entries.items(), strict=False):
            tooltips |= _panel(axes, name.replace(" ", "-"), entry)
        for axes in grid[len(entries) :]:
            axes.remove()
        figure.legend(handles=_legend(), loc="outside lower center", ncols=4)
        return to_svg(figure, "Cost of the matching as one size grows, as multiples of the standard shape", tooltips)


def _panel(axes: Axes, gid: str, entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """Two lines and two guides; what their marks say."""
    variants, base = entry["variants"], entry["variants"][entry["compared_with"]]
    sizes = [int(name) for name in variants]
    for power, guide in enumerate(GUIDES.values(), 1):
        shares = [(size / int(entry["compared_with"])) ** power for size in sizes]
        axes.plot(sizes, shares, linewidth=1, **guide)
    tooltips = {}
    for kind, look in LOOKS.items():
        known = {name: of for name, of in variants.items() if of[KEYS[kind]] > 0 and base[KEYS[kind]] > 0}
        points = [int(name) for name in known], [of[KEYS[kind]] / base[KEYS[kind]] for of in known.values()]
        axes.plot(*points, linewidth=1.4, color=look["color"], gid=f"{gid}-{kind}")
        axes.scatter(*points, s=22, zorder=3, gid=f"{gid}-{kind}-marks", **look)
        tooltips[f"{gid}-{kind}-marks"] = [_told(kind, f"{name} {entry['axis']}", of) for name, of in known.items()]
    _logarithmic(axes, sizes)
    axes.set(xlabel=f"{entry['axis']} (standard: {entry['compared_with']})", ylabel="cost, multiples")
    return tooltips


def _told(kind: str, size: str, of: Mapping[str, Any]) -> str:
    return f"{size}: {duration(of['seconds']) if kind == 'time' else megabytes(of['memory_mb'])}"


def _logarithmic(axes: Axes, sizes: list[int]) -> None:
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(alpha=0.25)


def _legend() -> list[Line2D]:
    lines = [Line2D([], [], linewidth=1.4, markersize=4, label=kind, **look) for kind, look in LOOKS.items()]
    return lines + [Line2D([], [], linewidth=1, label=name, **look) for name, look in GUIDES.items()]
