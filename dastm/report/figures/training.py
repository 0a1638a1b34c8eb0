"""How a training went and how sure its accuracy is. In: rows of curves, accuracies of episodes. Out: SVG text."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from dastm.report.figures.svg import INK, PALETTE, drawing, to_svg

PANELS = {
    "loss": "loss",
    "cross_entropy": "cross entropy",
    "rank": "rank term",
    "accuracy": "accuracy, %",
}
LOOKS: dict[str, dict[str, Any]] = {
    "train": {"linewidth": 0.8, "alpha": 0.6},
    "val": {"linewidth": 1.6, "marker": "o", "markersize": 2.5},
}
MOST_POINTS = 300
WORDS = {
    "episode": ("an episode", "episodes"),
    "class": ("a class", "classes"),
    "subject": ("a subject", "subjects"),
    "camera": ("a camera", "cameras"),
    "setup": ("a setup", "setups"),
}
"""What accuracies may be of: one, and several."""

Rows = Sequence[Mapping[str, Any]]


def curves(rows: Rows) -> str:
    """Loss, its terms and accuracy against the number of training episodes; one colour a seed.

    Args:
        rows: mappings with `seed`, `episode` (training episodes so far) and `part` (train or val), and any of `loss`,
            `cross_entropy`, `rank`, `accuracy` (a share) and `accuracy_interval` (half its width), missing or None
            where unknown. A panel is drawn for what some row knows. Long curves are averaged to 300 points.

    Raises: ValueError if there are no rows, none has a value, or one lacks seed, episode or part.
    """
    series = _series(rows)
    panels = [key for key in PANELS if any(row.get(key) is not None for row in rows)]
    if not panels:
        raise ValueError(f"curves: no row has any of {', '.join(PANELS)}")
    seeds = sorted({seed for seed, _ in series})
    colours = {seed: PALETTE[i % len(PALETTE)] for i, seed in enumerate(seeds)}
    n_columns = min(2, len(panels))
    n_rows = -(-len(panels) // n_columns)
    with drawing(4.3 * n_columns, 2.7 * n_rows + 0.4) as figure:
        grid = figure.subplots(n_rows, n_columns, squeeze=False).flatten()
        for axes, key in zip(grid, panels, strict=False):
            for (seed, subset), points in series.items():
                _draw_curve(axes, points, key, f"{key}-{subset}-{seed}", colours[seed], LOOKS[subset])
            axes.set(ylabel=PANELS[key], xlabel="training episodes")
            axes.locator_params(axis="x", nbins=5)
            axes.grid(axis="y", alpha=0.25)
        for axes in grid[len(panels) :]:
            axes.remove()
        figure.legend(handles=_legend(colours, {subset for _, subset in series}), loc="outside lower center", ncols=6)
        return to_svg(figure, f"Training curves of {len(seeds)} seed(s)")


def accuracy_histogram(accuracies: NDArray[Any], interval: float, of: str = "episode") -> str:
    """Distribution of the accuracies (shares) of episodes, classes or subjects, their mean and its 95 % interval.

    Args:
        interval: half its width, a share, as `evaluator.interval95` gives it.
        of: what each accuracy is of, one of `WORDS`.

    Raises: ValueError if there are fewer than two, or one is outside [0, 1].
    """
    percent = 100 * np.asarray(accuracies, dtype=np.float64)
    if percent.ndim != 1 or len(percent) < 2 or not ((percent >= 0) & (percent <= 100)).all():
        raise ValueError("accuracies: expected at least two shares between 0 and 1")
    mean, half, (one, many) = percent.mean(), 100 * interval, WORDS[of]
    lefts, counts, width = _bars(percent)
    with drawing(4.6, 2.6) as figure:
        axes = figure.subplots()
        bars = axes.bar(lefts, counts, width, align="edge", color=PALETTE[5], edgecolor="white", linewidth=0.6)
        for bar, left, count in zip(bars, lefts, counts, strict=True):
            bar.set_gid(f"bar-{left + width / 2:.4g}-{count}")
        axes.axvspan(mean - half, mean + half, color=PALETTE[1], alpha=0.3, linewidth=0, gid="interval")
        axes.axvline(mean, color=PALETTE[1], linewidth=1.5, gid="mean")
        axes.set(xlabel=f"accuracy of {one}, %", ylabel=many)
        axes.set_title(f"mean {mean:.1f} ± {half:.1f} % (95 % interval, {len(percent)} {many})", fontsize=10)
        return to_svg(figure, f"Accuracies of {len(percent)} {many}, mean {mean:.1f} %")


def _bars(percent: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """Left edges, heights and width of bars, each of equally many possible accuracies and at least 1 % wide.

    Accuracies are multiples of 1 / queries: bins of any other width would hold now more, now fewer of them.
    """
    gaps = np.diff(np.unique(percent.round(6)))
    step = gaps.min() if len(gaps) else 1.0
    merged = int(np.ceil(1 / step - 1e-6))
    bins, counts = np.unique(np.round(percent / step).astype(np.int64) // merged, return_counts=True)
    return (bins * merged - 0.5) * step, counts, merged * step


def _series(rows: Rows) -> dict[tuple[int, str], Rows]:
    """(seed, subset) -> its rows by episode."""
    if not rows:
        raise ValueError("curves: no rows")
    for row in rows:
        if row.get("seed") is None or row.get("episode") is None or row.get("part") not in LOOKS:
            raise ValueError(f"curves: a row needs seed, episode and part (train or val), got {dict(row)}")
    keys = sorted({(row["seed"], row["part"]) for row in rows})
    return {key: sorted((r for r in rows if (r["seed"], r["part"]) == key), key=_episode) for key in keys}


def _episode(row: Mapping[str, Any]) -> float:
    return float(row["episode"])


def _draw_curve(axes: Axes, rows: Rows, key: str, gid: str, colour: str, look: Mapping[str, Any]) -> None:
    known = [row for row in rows if row.get(key) is not None]
    if not known:
        return
    scale = 100.0 if key == "accuracy" else 1.0
    episodes, values = _thinned([_episode(r) for r in known]), _thinned([scale * r[key] for r in known])
    if len(episodes) == 1:  # of a single epoch no line is left to see
        look = {"marker": "o", "markersize": 4, **look}
    axes.plot(episodes, values, color=colour, gid=gid, **look)
    if key == "accuracy" and all(row.get("accuracy_interval") is not None for row in known):
        half = _thinned([scale * row["accuracy_interval"] for row in known])
        band = axes.fill_between(episodes, values - half, values + half, color=colour, alpha=0.25, linewidth=0)
        band.set_gid(f"{gid}-interval")


def _thinned(values: Sequence[float]) -> NDArray[np.float64]:
    """Means of equally many neighbours, so that no curve has more than `MOST_POINTS` points."""
    group = -(-len(values) // MOST_POINTS)
    return np.array([np.mean(values[i : i + group]) for i in range(0, len(values), group)])


def _legend(colours: Mapping[int, str], subsets: set[str]) -> list[Line2D]:
    seeds = [Line2D([], [], color=colour, linewidth=3, label=f"seed {seed}") for seed, colour in colours.items()]
    return seeds + [
        Line2D([], [], color=INK, label=subset, **look) for subset, look in LOOKS.items() if subset in subsets
    ]
