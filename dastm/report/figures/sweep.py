"""Accuracy as one knob turns (as Fig. 5 of DASTM). In: means and deviations along an axis. Out: SVG text."""

import math
from collections.abc import Mapping, Sequence

from dastm.report.figures.svg import PALETTE, drawing, to_svg

WIDE = 20.0
"""From this ratio of the largest to the smallest value on, an axis is logarithmic."""
Point = tuple[float, float, float | None]


def sweep_curves(lines: Mapping[str, Sequence[Point]], axis: str) -> str:
    """One line a column of a table, with bars of one deviation: that over seeds, or half an interval.

    Args:
        lines: name -> points (value, mean accuracy in %, deviation or None).
        axis: what the values are of.

    Raises: ValueError if there is no point, or one is not finite.
    """
    values = sorted({value for points in lines.values() for value, _, _ in points})
    if not values or not all(
        math.isfinite(number) for points in lines.values() for v, m, _ in points for number in (v, m)
    ):
        raise ValueError("sweep: expected points of finite value and accuracy")
    tooltips = {}
    with drawing(5.4, 3.4) as figure:
        axes = figure.subplots()
        for number, (name, points) in enumerate(lines.items()):
            along = sorted(points, key=lambda point: point[0])
            places, means = [point[0] for point in along], [point[1] for point in along]
            colour = PALETTE[number % len(PALETTE)]
            axes.errorbar(
                places, means, [point[2] or 0.0 for point in along], color=colour, linewidth=1.4, capsize=3, label=name
            )
            axes.scatter(places, means, s=22, color=colour, zorder=3, gid=f"marks-{number}")
            tooltips[f"marks-{number}"] = [_told(name, *point) for point in along]
        if values[0] > 0 and values[-1] >= WIDE * values[0]:
            axes.set_xscale("log")
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.set_xticks([], minor=True)
        axes.set(xlabel=axis, ylabel="accuracy, %")
        axes.grid(axis="y", alpha=0.25)
        axes.legend()
        return to_svg(figure, f"Accuracy by {axis}", tooltips)


def _told(name: str, value: float, mean: float, deviation: float | None) -> str:
    return f"{name}, {value:g}: {mean:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")
