"""A clip as an animation in one HTML file: the data of the page's player, as plain values.

In: a scene. Out: `PlayerData`: the numbers as JSON for a script element, positions as base64 of little-endian int16 (a
third of the size of text, and finer than a screen can show).
"""

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from pipeline.inspect.scene import Panel, Scene, view_of
from pipeline.inspect.summary import about

FINEST = 8000
"""Steps of a position from the middle of the picture to its edge."""
MOST_ROWS = 12
"""Bodies whose time is drawn and that the legend lists, those that are kept first."""


@dataclass(frozen=True, kw_only=True)
class BodyLine:
    """A line of the legend."""

    text: str
    slot: int


@dataclass(frozen=True, kw_only=True)
class PlayerData:
    """What the template `player` shows."""

    panels: tuple[Panel, ...]
    frames: int
    first: int
    """The frame shown before anything is played: a sampled one in the middle."""
    bodies: tuple[BodyLine, ...]
    json: Markup


def player_data(scene: Scene) -> PlayerData:
    """The scene for the template; the same scene gives the same text."""
    rows = sorted(range(len(scene.bodies)), key=lambda b: (scene.slots[b] < 0, scene.slots[b], b))
    lines = [
        BodyLine(text=f"body {scene.bodies[b].source_id}, {about(scene.bodies[b])}", slot=scene.slots[b])
        for b in rows[:MOST_ROWS]
    ]
    if len(rows) > MOST_ROWS:
        lines.append(BodyLine(text=f"and {len(rows) - MOST_ROWS} more", slot=-1))
    sampled = scene.sampled
    document = {
        "frames": scene.frames,
        "joints": list(scene.layout.joints),
        "bones": [list(bone) for bone in scene.layout.bones],
        "sampled": list(sampled),
        "strips": [_strip(scene.bodies[b].shares()) for b in rows[:MOST_ROWS]],
        "slots": [scene.slots[b] for b in rows[:MOST_ROWS]],
        "panels": [_panel(panel) for panel in scene.panels],
    }
    text = json.dumps(document, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return PlayerData(
        panels=scene.panels,
        frames=scene.frames,
        first=sampled[len(sampled) // 2] if sampled else scene.frames // 2,
        bodies=tuple(lines),
        json=Markup(text),
    )


def _panel(panel: Panel) -> dict[str, Any]:
    view = view_of(panel)
    quantum = view.radius / FINEST
    limits = np.iinfo(np.int16)
    places = (panel.points_PV3 - view.centres_S3[panel.step_P][:, None]) / quantum
    points = np.clip(np.rint(places), limits.min, limits.max).astype("<i2")
    return {
        "is_3d": panel.is_3d,
        "radius": _short(view.radius),
        "quantum": _short(quantum),
        "floor": _short(view.floor - float(view.centres_S3[0, 1])),
        "across": [_short(x) for x in view.centres_S3[:, 0]],
        "away": [_short(z) for z in view.centres_S3[:, 2]],
        "steps": list(panel.steps),
        "step": panel.step_P.tolist(),
        "body": panel.body_P.tolist(),
        "slot": panel.slot_P.tolist(),
        "bodies": list(panel.names),
        "points": base64.b64encode(points.tobytes()).decode("ascii"),
        "measured": base64.b64encode(panel.measured_PV.astype(np.uint8).tobytes()).decode("ascii"),
    }


def _short(value: Any) -> float:
    """Six digits: whatever is beyond them differs from one processor to the next."""
    return float(f"{value:.6g}")


def _strip(share_T: NDArray[np.float64]) -> str:
    """A letter a frame: a dot where the body is absent, else 0 .. 9 for the share of measured joints."""
    return "".join("." if np.isnan(share) else str(int(9 * share)) for share in share_T)
