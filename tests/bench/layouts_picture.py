"""The picture of all known layouts in docs/formats.md: every joint with its number, every bone, left and right.

python -m tests.bench.layouts_picture docs/layouts.svg

In: nothing but `KNOWN_LAYOUTS` and the common ones. Out: one SVG, light or dark as the reader's system is, the same
bytes each time. A person faces the reader, so that the left side of the body is on the right. Places are of a person
who stands, four units tall; they say nothing of any recording.
"""

import math
import sys
from html import escape
from pathlib import Path

from dastm.contract.layouts import KNOWN_LAYOUTS, plain
from dastm.contract.skeleton import COMMON, Layout

COLUMNS, WIDTH, HEIGHT, MARGIN, TITLE = 5, 190, 270, 26, 34
MOST_NUMBERED = 33
"""Numbers of more joints would hide each other."""
_MIDDLE = {
    0.35: ("head",),
    0.4: ("face",),
    0.45: ("nose",),
    0.6: ("neck nose",),
    0.8: ("neck",),
    0.98: ("spine shoulder", "shoulder centre", "thorax"),
    1.27: ("spine chest", "spine3"),
    1.5: ("spine", "torso", "belly", "spine2"),
    1.7: ("spine navel", "spine1"),
    2.0: ("hip centre", "mid hip", "pelvis"),
}
"""How far below the top -> joints in the middle of the body."""
_SIDE = {
    "eye inner": (0.05, 0.33),
    "eye": (0.1, 0.32),
    "eye outer": (0.15, 0.33),
    "ear": (0.24, 0.4),
    "mouth": (0.07, 0.6),
    "clavicle": (0.16, 0.95),
    "collar": (0.16, 0.95),
    "shoulder": (0.45, 1.0),
    "elbow": (0.68, 1.55),
    "wrist": (0.8, 2.05),
    "hand": (0.86, 2.24),
    "hand tip": (0.94, 2.46),
    "thumb": (0.66, 2.36),
    "index": (0.92, 2.38),
    "pinky": (1.04, 2.3),
    "hip": (0.24, 2.1),
    "knee": (0.28, 2.95),
    "ankle": (0.3, 3.7),
    "heel": (0.2, 3.88),
    "foot": (0.4, 3.92),
    "foot index": (0.46, 4.0),
    "big toe": (0.4, 4.0),
    "small toe": (0.56, 3.94),
}
"""Joint of a side -> how far from the middle, how far below the top."""
_FINGERS = ("thumb", "index finger", "middle finger", "ring finger", "pinky")
_PARTS = {"thumb": ("cmc", "mcp", "ip", "tip")} | dict.fromkeys(_FINGERS[1:], ("mcp", "pip", "dip", "tip"))
STYLE = """<style>
.card { fill: #ffffff; stroke: #d0d7de }
text { font-family: sans-serif; fill: #1f2328 }
.n { font-size: 7px }
line { stroke: #8b949e; stroke-width: 1.5 }
.middle { fill: #57606a }
.left { fill: #0072b2; stroke: #0072b2 }
.right { fill: #d55e00; stroke: #d55e00 }
@media (prefers-color-scheme: dark) {
  .card { fill: #0d1117; stroke: #30363d }
  text { fill: #e6edf3 }
  .middle { fill: #b1bac4 }
  .left { fill: #56b4e9; stroke: #56b4e9 }
  .right { fill: #e69f00; stroke: #e69f00 }
}
</style>"""


def place(joint: str) -> tuple[float, float]:
    """Where a joint of this name is on a person who stands."""
    name = plain(joint)
    if name.startswith("mouth "):
        name = f"{name.removeprefix('mouth ')} mouth"
    side = {"left": 1, "right": -1}.get(name.partition(" ")[0], 0)
    part = name.partition(" ")[2] if side else name
    if part.startswith("face "):
        turn = 2 * math.pi * int(part.removeprefix("face ")) / 68
        return 0.3 * math.sin(turn), 0.4 + 0.36 * math.cos(turn)
    if part.startswith("hand ") and part != "hand tip":
        return _finger(part.removeprefix("hand "), side, *_SIDE["wrist"])
    if not side and (part == "wrist" or part.rsplit(" ", 1)[0] in _FINGERS):
        return _finger(part, 1, 0, 0)
    if not side:
        return 0.0, next(y for y, names in _MIDDLE.items() if part in names)
    x, y = _SIDE[part]
    return side * x, y


def _finger(part: str, side: int, x: float, y: float) -> tuple[float, float]:
    """A joint of a hand that points down, thumb towards the body."""
    if part == "wrist":
        return side * x, y
    finger, _, own = part.rpartition(" ")
    turn = (_FINGERS.index(finger) - 2.2) * 0.32
    reach = 0.16 + 0.09 * _PARTS[finger].index(own)
    return side * (x + reach * math.sin(turn)), y + reach * math.cos(turn)


def picture() -> str:
    """All layouts on one sheet; those of the same joints share a drawing."""
    groups: dict[tuple[str, ...], list[Layout]] = {}
    for layout in {**COMMON, **KNOWN_LAYOUTS}.values():
        groups.setdefault(layout.joints, []).append(layout)
    rows = -(-len(groups) // COLUMNS)
    width, height = COLUMNS * WIDTH, rows * HEIGHT
    cells = [_cell(group, n % COLUMNS * WIDTH, n // COLUMNS * HEIGHT) for n, group in enumerate(groups.values())]
    names = ", ".join(layout.name for group in groups.values() for layout in group)
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
    return "\n".join([start, f"<title>The layouts {escape(names)}</title>", STYLE, *cells, "</svg>\n"])


def _cell(group: list[Layout], left: int, top: int) -> str:
    layout = group[0]
    at_V = [place(joint) for joint in layout.joints]
    low_x, high_x = min(x for x, _ in at_V), max(x for x, _ in at_V)
    low_y, high_y = min(y for _, y in at_V), max(y for _, y in at_V)
    room = (WIDTH - 2 * MARGIN, HEIGHT - TITLE - 2 * MARGIN)
    scale = min(room[0] / max(high_x - low_x, 1e-9), room[1] / max(high_y - low_y, 1e-9))
    middle = (left + WIDTH / 2, top + TITLE + MARGIN + room[1] / 2)
    points = [
        (middle[0] + (x - (low_x + high_x) / 2) * scale, middle[1] + (y - (low_y + high_y) / 2) * scale)
        for x, y in at_V
    ]
    kinds = " and ".join(sorted({"2-D" if one.is_image else "3-D" for one in group}))
    said = ", ".join(one.name for one in group)
    lines = [
        f'<rect class="card" x="{left + 3}" y="{top + 3}" width="{WIDTH - 6}" height="{HEIGHT - 6}" rx="6"/>',
        f'<text x="{left + 10}" y="{top + 19}" font-size="{12 if len(said) < 24 else 9}">{escape(said)}</text>',
        f'<text x="{left + 10}" y="{top + 32}" font-size="10">{layout.n_joints} joints, {kinds}</text>',
    ]
    lines += [_bone(points[a], points[b], _side_of(layout.joints[a])) for a, b in layout.bones]
    lines += [_dot(layout, v, *point) for v, point in enumerate(points)]
    return "\n".join(lines)


def _dot(layout: Layout, v: int, x: float, y: float) -> str:
    """A joint, its number beside it."""
    name = layout.joints[v]
    side, few = _side_of(name), layout.n_joints <= MOST_NUMBERED
    dot = f'<circle class="{side or "middle"}" cx="{x:.1f}" cy="{y:.1f}" r="{2.2 if few else 1.4}">'
    dot += f"<title>{v} {escape(name)}</title></circle>"
    if not few:
        return dot
    shift, anchor = (-4, "end") if side == "right" else (4, "start")
    return f'{dot}<text class="n" x="{x + shift:.1f}" y="{y + 2.5:.1f}" text-anchor="{anchor}">{v}</text>'


def _bone(a: tuple[float, float], b: tuple[float, float], side: str) -> str:
    kind = f' class="{side}"' if side else ""
    return f'<line{kind} x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"/>'


def _side_of(joint: str) -> str:
    """left, right, or nothing for the middle of the body."""
    return next((word for word in plain(joint).split() if word in ("left", "right")), "")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), encoding="utf-8")
