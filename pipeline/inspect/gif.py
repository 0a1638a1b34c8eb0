"""A clip as a GIF, for a chat or a slide: both sides, frame after frame, as the page plays them.

In: a scene. Out: the file's bytes, the same for the same scene. Seen from the front; the page is there to turn it.
"""

import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image

from pipeline.inspect.scene import Panel, Scene, View, view_of

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0508e")
FAINT = "#a3abb4"
MOST_FRAMES = 120
"""Most frames of a GIF; of a longer clip every second, third .. frame is drawn."""
WHOLE = {"linewidths": 2.2}
BROKEN = {"linewidths": 0.8, "linestyles": "dashed", "alpha": 0.5}
"""Bones with and without both ends measured."""
DPI = 100
COMMENT = b"made by dastm-data show"
"""The comment in a GIF that this module writes, by which a command recognises it."""
COLOURS_OF_A_FRAME = 32
RATE = 30
"""Source frames a second, as both data sets were recorded."""
SMALLEST_DELAY = 20
"""Milliseconds; browsers show shorter ones slowly."""


def gif(scene: Scene) -> bytes:
    """The bytes of the animation as a GIF."""
    stride = -(-scene.frames // MOST_FRAMES)
    with style.context(["default", {"text.parse_math": False}], after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")  # a class may be named in any script
        images = [picture.quantize(COLOURS_OF_A_FRAME) for picture in _pictures(scene, range(0, scene.frames, stride))]
    buffer = io.BytesIO()
    delay = max(SMALLEST_DELAY, round(1000 * stride / RATE / 10) * 10)
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=delay, loop=0, comment=COMMENT)
    return buffer.getvalue()


def _pictures(scene: Scene, frames: range) -> Iterator[Image.Image]:
    figure = Figure(figsize=(3.6 * len(scene.panels), 4.0), dpi=DPI, facecolor="white")
    several = np.atleast_1d(figure.subplots(1, len(scene.panels)))
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.07, top=0.86, wspace=0.02)
    figure.text(0.5, 0.945, _fitting(scene.title, 34 * len(scene.panels)), ha="center", fontsize=11)
    width, height = (int(side) for side in figure.get_size_inches() * DPI)
    at = figure.text(0.5, 0.02, "", ha="center", fontsize=9)
    sides = [(axes, panel, view_of(panel)) for axes, panel in zip(several, scene.panels, strict=True)]
    for side in sides:
        _frame(*side)
    for frame in frames:
        drawn = [artist for side in sides for artist in _draw(*side, scene.layout.bones, frame)]
        at.set_text(f"source frame {frame + 1} of {scene.frames}")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="rgba", dpi=DPI)
        yield Image.frombytes("RGBA", (width, height), buffer.getvalue()).convert("RGB")
        for artist in drawn:
            artist.remove()


def _frame(axes: Axes, panel: Panel, view: View) -> None:
    """What stays: title and limits."""
    radius = view.radius
    axes.set(xlim=(-radius, radius), ylim=(-radius, radius), aspect="equal", xticks=[], yticks=[])
    axes.set_title(panel.title, fontsize=10)
    axes.spines[:].set_color("#d5dae0")


def _draw(axes: Axes, panel: Panel, view: View, bones: tuple[tuple[int, int], ...], frame: int) -> Iterator[Artist]:
    """Bones of all bodies of a frame, whole ones as lines and the others dashed, and joints; what was added."""
    step = int(np.argmin(np.abs(np.array(panel.steps) - frame)))
    for p in np.flatnonzero(panel.step_P == step):
        colour = FAINT if panel.slot_P[p] < 0 else COLOURS[panel.slot_P[p] % len(COLOURS)]
        points, seen = panel.points_PV3[p, :, :2] - view.centres_S3[step, :2], panel.measured_PV[p]
        for whole in (True, False):
            lines = [points[list(bone)] for bone in bones if seen[list(bone)].all() == whole]
            look: dict[str, Any] = WHOLE if whole else BROKEN
            yield axes.add_collection(LineCollection(lines, colors=colour, **look))
        faces = [colour if one else "white" for one in seen]
        yield axes.scatter(points[:, 0], points[:, 1], s=14, c=faces, edgecolors=colour, linewidths=0.8, zorder=3)


def _fitting(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
