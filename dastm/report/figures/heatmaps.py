"""Square tables as heatmaps: similarity of joints (DASTM Fig. 3) and the alignment of two sequences of frames.

In: numpy arrays. Out: SVG text. Axes: V joints, D features, T query frames, S prototype frames, P steps of a path.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from numpy.typing import NDArray

from dastm.report.figures.svg import PALETTE, drawing, to_svg

Array = NDArray[Any]


def cosine_similarity(features_VD: Array) -> NDArray[np.float64]:
    """Cosine of the angle between the features of every two joints; a joint without features (all zero) has 0.

    Shapes: (V, D) -> (V, V), symmetric, in [-1, 1].
    """
    features = np.asarray(features_VD, dtype=np.float64)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit = np.divide(features, norms, out=np.zeros_like(features), where=norms > 0)
    cosines: NDArray[np.float64] = np.clip(unit @ unit.T, -1, 1)
    return cosines


def joint_similarity(similarity_VV: Array, joint_names: Sequence[str], title: str, signed: bool | None = None) -> str:
    """Heatmap of `cosine_similarity`. Its scale is 0 to 1 where nothing is negative, else -1 to 1, and says so.

    Args:
        signed: whether the scale is -1 to 1; None: as this matrix needs it.

    Raises: ValueError if the matrix is not (V, V) for V names, or holds values outside [-1, 1].
    """
    similarity = checked(similarity_VV, (len(joint_names), len(joint_names)), "similarity")
    if abs(similarity).max() > 1 + 1e-6:
        raise ValueError(f"similarity: cosines are in [-1, 1], got {similarity.flat[abs(similarity).argmax()]:g}")
    signed = similarity.min() < 0 if signed is None else signed
    with drawing(6.8, 6.1) as figure:
        axes = figure.subplots()
        limits, colours = ((-1.0, 1.0), "PuOr_r") if signed else ((0.0, 1.0), "viridis")
        cells = draw_cells(axes, similarity, limits, colours)
        name_ticks(axes, joint_names, joint_names, 350)
        axes.set_title(title)
        label = f"cosine similarity, scale {limits[0]:g} to 1"
        draw_scale(axes, cells, label=label, shrink=0.8)
        return to_svg(
            figure,
            f"Cosine similarity of joints: {title}",
            {"cells": cell_texts(similarity, joint_names, joint_names, "{} / {}: {:.2f}")},
        )


def alignment(
    cost_TS: Array, path_P2: Array, expected_TS: Array, title: str, limits: tuple[float, float] | None = None
) -> str:
    """Cost of pairing every query frame with every prototype frame, and how the two are aligned.

    Left: the cost with the best path. Right: the expected alignment (gradient of soft-DTW: the share of all soft paths
    that passes a cell) with the same path over it.

    Args:
        limits: of the colours of costs, the same for what is compared; None: those of this cost.

    Shapes: cost and expected (T, S), path (P, 2) of (t, s) from the first to the last step.
    Raises: ValueError for other shapes, values that are not finite, or a path that leaves the matrix.
    """
    cost = checked(cost_TS, np.shape(cost_TS), "cost")
    expected = checked(expected_TS, cost.shape, "expected")
    path = np.asarray(path_P2)
    if path.ndim != 2 or path.shape[1] != 2 or (path < 0).any() or (path >= cost.shape).any():
        raise ValueError(f"path: steps (t, s) inside a {cost.shape} matrix, got shape {path.shape}")
    panels = (
        ("cost", "cost of a pair of frames", cost, limits or cost_limits(cost), "cividis"),
        ("expected", "expected alignment", expected, (0.0, max(1.0, expected.max())), "Blues"),
    )
    tooltips = {}
    with drawing(8.6, 3.9) as figure:
        for axes, (gid, label, values, ends, colours) in zip(figure.subplots(1, 2), panels, strict=True):
            cells = draw_cells(axes, values, ends, colours, gid)
            axes.set_aspect("auto")
            axes.set(xlabel="prototype frame", ylabel="query frame", title=label)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.yaxis.get_major_locator().set_params(integer=True)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(lambda place, _: f"{place + 1:.0f}")  # people count frames from 1
            _draw_path(axes, path, f"{gid}-path")
            draw_scale(axes, cells)
            rows, columns = ([str(i + 1) for i in range(n)] for n in values.shape)
            tooltips[gid] = cell_texts(values, rows, columns, "query {}, prototype {}: {:.3g}")
        figure.suptitle(title, fontsize=11)
        return to_svg(figure, f"Alignment of query and prototype: {title}", tooltips)


def cost_limits(*costs: Array) -> tuple[float, float]:
    """Limits of the colours of some matrices of costs: 0, or what is below it, to the largest."""
    return min(0.0, *(float(cost.min()) for cost in costs)), max(float(cost.max()) for cost in costs)


def checked(values: Array, shape: tuple[int, ...], name: str) -> NDArray[np.float64]:
    """The values as float64.

    Raises: ValueError if they are not a finite, non-empty matrix of this shape.
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape != shape or not matrix.size or not np.isfinite(matrix).all():
        raise ValueError(f"{name}: expected finite values of shape {shape}, got {matrix.shape}")
    return matrix


def draw_cells(
    axes: Axes, values: NDArray[np.float64], limits: tuple[float, float], colours: str, gid: str = "cells"
) -> QuadMesh:
    """One square a value, first row on top; the group of squares is named `gid`, row after row."""
    edges = [np.arange(n + 1) - 0.5 for n in values.shape]
    # Thin edges in the colour of the cell hide the seams that browsers leave between neighbours.
    cells = axes.pcolormesh(
        edges[1], edges[0], values, vmin=limits[0], vmax=limits[1], cmap=colours, edgecolors="face", linewidth=0.3
    )
    cells.set(gid=gid, clip_on=False)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    return cells


def draw_scale(axes: Axes, cells: QuadMesh, label: str = "", shrink: float = 1.0) -> None:
    """Which colour is which value, beside the cells; as shapes, since the policy of the pages leaves images out."""
    bar = axes.figure.colorbar(cells, ax=axes, label=label, shrink=shrink)
    bar.outline.set_visible(False)
    steps: QuadMesh = bar.solids  # type: ignore[assignment]
    steps.set(rasterized=False, edgecolor="face", linewidth=0.3)


def cell_texts(values: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], pattern: str) -> list[str]:
    """One text a cell, row after row: `pattern` with the names of row and column and the value."""
    return [pattern.format(row, column, values[i, j]) for i, row in enumerate(rows) for j, column in enumerate(columns)]


def name_ticks(axes: Axes, rows: Sequence[str], columns: Sequence[str], points: float) -> None:
    """Names on both axes, as large as fit on a side of this number of points."""
    size = min(9.0, max(3.0, 0.75 * points / max(len(rows), len(columns))))
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=size)
    axes.set_yticks(range(len(rows)), rows, fontsize=size)
    axes.tick_params(length=0)


def _draw_path(axes: Axes, path: Array, gid: str) -> None:
    """White under colour, so that the line shows on dark and on light cells."""
    axes.plot(path[:, 1], path[:, 0], color="white", linewidth=4.5, solid_capstyle="round")
    axes.plot(path[:, 1], path[:, 0], color=PALETTE[1], linewidth=2.2, marker="o", markersize=4.5, gid=gid)
