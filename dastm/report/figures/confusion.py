"""A confusion matrix. In: shares by class. Out: SVG text.

It is drawn in the page's own colours, so that light and dark both work; more frequent confusions are less transparent.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 22
"""Number of letters of a name that are drawn; the whole name is in the tooltip."""
LETTER, ROW, LINE = 6.4, 18.0, 14.0
"""Width of a letter, side of a cell and height of a line, in units of the picture."""
HEAD = 140.0
"""Room for what stands above the names of the rows."""
STRONG = 0.55
"""From this share on, a cell is so dark that its number is drawn in the colour of the paper."""


def confusion(shares_RC: NDArray[Any], rows: Sequence[str], columns: Sequence[str], about: str) -> str:
    """The matrix with its names; cells of 1 % and more have their percentage, and all say it when pointed at.

    Raises: ValueError for another shape than (rows, columns), or values that are no shares.
    """
    shares = np.asarray(shares_RC, dtype=np.float64)
    if shares.shape != (len(rows), len(columns)) or not shares.size:
        raise ValueError(f"confusion: expected shares of shape {(len(rows), len(columns))}, got {shares.shape}")
    if not ((shares >= -1e-9) & (shares <= 1 + 1e-9)).all():
        raise ValueError("confusion: expected shares between 0 and 1")
    cell = ROW * 1.5
    left = max(HEAD, 26 + LETTER * max(len(_short(name)) for name in rows))
    top = 26 + LETTER * max(len(_short(name)) for name in columns)
    width, height = left + cell * len(columns) + 4, top + ROW * len(rows) + 4
    shapes = [
        *_names(rows, columns, left, top, cell),
        *(
            _cell(shares[r, c], row, column, left + c * cell, top + r * ROW, cell)
            for r, row in enumerate(rows)
            for c, column in enumerate(columns)
        ),
    ]
    size = f'width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(about)}" {size}>'
    return f"{head}{''.join(shapes)}</svg>"


def _names(rows: Sequence[str], columns: Sequence[str], left: float, top: float, cell: float) -> list[str]:
    shapes = [f'<text class="soft" x="{_n(left - 8)}" y="{_n(top - 10)}" text-anchor="end">true ↓ taken for →</text>']
    for r, name in enumerate(rows):
        at = f'x="{_n(left - 8)}" y="{_n(top + r * ROW + LINE - 1)}"'
        shapes.append(f'<text {at} text-anchor="end">{escape(_short(name))}{_title(name)}</text>')
    for c, name in enumerate(columns):
        x, y = _n(left + c * cell + cell / 2 + 4), _n(top - 8)
        turned = f'transform="rotate(-90 {x} {y})"'
        shapes.append(f'<text x="{x}" y="{y}" {turned}>{escape(_short(name))}{_title(name)}</text>')
    return shapes


def _cell(share: float, row: str, column: str, x: float, y: float, side: float) -> str:
    words = _title(f"{row} taken for {column}: {100 * share:.1f} %")
    kind = "right" if row == column else "wrong"
    at = f'x="{_n(x)}" y="{_n(y)}" width="{_n(side - 1)}" height="{_n(ROW - 1)}"'
    shape = f'<rect class="{kind}" {at} fill-opacity="{max(0.0, min(1.0, share)):.3f}">{words}</rect>'
    if share < 0.01:
        return shape
    style = ' class="strong"' if share >= STRONG else ""
    number = f"{100 * share:.0f}"
    return (
        shape + f'<text{style} x="{_n(x + side / 2 - 0.5)}" y="{_n(y + LINE - 1)}" text-anchor="middle">{number}</text>'
    )


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _title(words: str) -> str:
    return f"<title>{escape(words)}</title>"


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")
