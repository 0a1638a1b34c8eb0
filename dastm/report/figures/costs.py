"""A map of costs: what every pair of frames of two clips would add to their distance, with the path that is taken.

In: costs, the path, and what the frames are called. Out: SVG text in the page's own colours. The picture is the same
size for all maps, and `most` makes the colours comparable.
"""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 300.0
LEFT, RIGHT, BOTTOM = 56.0, 24.0, 40.0
FEW = 4
"""Names on an axis."""


def cost_map(
    cost_TS: NDArray[Any],
    path_P2: NDArray[np.int64],
    names: tuple[Sequence[str], Sequence[str]],
    most: float,
    about: str,
) -> str:
    """Frames of the query downwards, of the example to the right.

    Args:
        names: of the frames of the query (T,) and of the example (S,), for tooltips and axes.
        most: the cost of the darkest colour.

    Raises: ValueError where names and costs differ in number.
    """
    rows, columns = names
    cost = np.asarray(cost_TS, dtype=np.float64)
    if cost.shape != (len(rows), len(columns)) or not cost.size:
        raise ValueError(f"costs: expected shape {(len(rows), len(columns))}, got {cost.shape}")
    high, wide = SIDE / len(rows), SIDE / len(columns)
    cells = [
        f'<rect class="cost" x="{_n(LEFT + s * wide)}" y="{_n(t * high)}" width="{_n(wide)}" height="{_n(high)}"'
        f' fill-opacity="{min(1.0, max(0.0, cost[t, s] / most if most else 0.0)):.2f}">'
        f"<title>{escape(f'clip {row}, example {column}: {cost[t, s]:.3f}')}</title></rect>"
        for t, row in enumerate(rows)
        for s, column in enumerate(columns)
    ]
    points = " ".join(f"{_n(LEFT + (s + 0.5) * wide)},{_n((t + 0.5) * high)}" for t, s in path_P2.tolist())
    now = f'<circle class="now" cx="{points.split(",")[0]}" cy="{points.split(" ")[0].split(",")[1]}" r="6"/>'
    path = f'<polyline class="under" points="{points}"/><polyline class="path" points="{points}"/>{now}'
    size = f'width="{_n(LEFT + SIDE + RIGHT)}" height="{_n(SIDE + BOTTOM)}"'
    box = f'viewBox="0 0 {_n(LEFT + SIDE + RIGHT)} {_n(SIDE + BOTTOM)}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="costs" role="img" aria-label="{escape(about)}" {size} {box}>'
    )
    return f"{head}{''.join(cells)}{path}{_axes(rows, columns, high, wide)}</svg>"


def _axes(rows: Sequence[str], columns: Sequence[str], high: float, wide: float) -> str:
    def down(t: int) -> str:
        return f'x="{_n(LEFT - 6)}" y="{_n((t + 0.5) * high + 4)}" text-anchor="end"'

    def across(s: int) -> str:
        return f'x="{_n(LEFT + (s + 0.5) * wide)}" y="{_n(SIDE + 16)}" text-anchor="middle"'

    texts = [*_some(rows, down), *_some(columns, across)]
    middle = _n(LEFT + SIDE / 2)
    texts.append(f'<text class="soft" x="{middle}" y="{_n(SIDE + 34)}" text-anchor="middle">example →, clip ↓</text>')
    return "".join(texts)


def _some(names: Sequence[str], at: Callable[[int], str]) -> list[str]:
    places = sorted({round(i * (len(names) - 1) / (FEW - 1)) for i in range(FEW)})
    return [f"<text {at(place)}>{escape(_short(names[place]))}</text>" for place in places]


def _short(name: str) -> str:
    return name.removeprefix("frame ")


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")
