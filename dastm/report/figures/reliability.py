"""How reliable scores are: the share of right answers over the score. In: bins of scores. Out: SVG text.

It is drawn in the page's own colours, so that light and dark both work. A point below the line has scores that are too
high.
Source: Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017), Fig. 1.
"""

from collections.abc import Mapping, Sequence
from html import escape

SIDE, LEFT, BOTTOM, TOP = 260.0, 48.0, 44.0, 12.0
"""Side of the square of shares, and the room beside it, in units of the picture."""
LEAST, MOST = 2.5, 11.0
"""Radius of a point with hardly any answers, and of one with all."""
TICKS = (0, 25, 50, 75, 100)


def reliability(bins: Sequence[Mapping[str, float]], about: str) -> str:
    """One point per bin of `dastm.evaluation.open_set.reliability`; its area shows the number of answers.

    Raises: ValueError without a bin.
    """
    if not bins:
        raise ValueError("reliability: no bin of scores")
    answers = sum(one["queries"] for one in bins)
    places = [(_x(one["score"]), _y(one["right"])) for one in bins]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    shapes = [
        *_axes(),
        f'<line class="perfect" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>',
        f'<polyline class="held" points="{line}"/>',
        *(
            f'<circle class="held" cx="{x:.1f}" cy="{y:.1f}" r="{_radius(one["queries"] / answers):.1f}">'
            f"<title>{_words(one)}</title></circle>"
            for one, (x, y) in zip(bins, places, strict=True)
        ),
    ]
    size = f"{LEFT + SIDE + MOST:.0f} {TOP + SIDE + BOTTOM:.0f}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(about)}" viewBox="0 0 {size}"'
    width, height = size.split()
    return f'{head} width="{width}" height="{height}">{"".join(shapes)}</svg>'


def _axes() -> list[str]:
    shapes = [f'<rect class="frame" x="{_x(0)}" y="{_y(1)}" width="{SIDE}" height="{SIDE}"/>']
    for tick in TICKS:
        x, y = _x(tick / 100), _y(tick / 100)
        shapes.append(f'<text class="soft" x="{x}" y="{_y(0) + 16}" text-anchor="middle">{tick}</text>')
        shapes.append(f'<text class="soft" x="{_x(0) - 6}" y="{y + 4}" text-anchor="end">{tick}</text>')
    middle = TOP + SIDE / 2
    shapes.append(f'<text x="{LEFT + SIDE / 2}" y="{_y(0) + 36}" text-anchor="middle">score, %</text>')
    shapes.append(f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">right, %</text>')
    return shapes


def _words(one: Mapping[str, float]) -> str:
    ends = f"scores from {100 * one['from']:.0f} to {100 * one['to']:.0f} %"
    return f"{ends}: {one['queries']:.0f} answers, {100 * one['score']:.0f} % sure, {100 * one['right']:.0f} % right"


def _radius(share: float) -> float:
    return float(LEAST + (MOST - LEAST) * share**0.5)


def _x(share: float) -> float:
    return LEFT + SIDE * share


def _y(share: float) -> float:
    return TOP + SIDE * (1 - share)
