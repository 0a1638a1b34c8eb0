"""The vocabulary of motion: some sixty moves, each a few numbers.

A move lasts `seconds` and runs over its phase u = 0 .. 1 as
    envelope(u) * (hold + sine * sin(2 pi beats u) + cosine * cos(2 pi beats u))
    + pulse * sin(pi beats u)^2 + ramp * s(u)
with envelope rising from 0 to 1 and back, and s the smooth step from 0 to 1 that stays (walking, turning).
Written in degrees, and in hundredths of the body height for `forward`, `sideways` and `lift`; for the right side,
the left one being its mirror image. Out: `MOVES`, name -> `Move`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.synthesis.body import CHANNELS, COLUMN, Array

PARTS = ("hold", "sine", "cosine", "pulse", "ramp")
LENGTHS = ("forward", "sideways", "lift")
MIRRORED = ("lean", "twist", "tilt", "look", "turn", "sideways")

Angles = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Move:
    """One move: `parts_KD` holds hold, sine, cosine, pulse and ramp (rows) for every channel, in radians or heights."""

    name: str
    seconds: float
    beats: int
    parts_KD: Array

    @property
    def limbs(self) -> frozenset[str]:
        """Parts of the body it needs; moves that share none can be made at once."""
        used = np.asarray(self.parts_KD.any(axis=0))
        return frozenset(_limb(name) for name, column in COLUMN.items() if used[column])


def _limb(channel: str) -> str:
    side, _, part = channel.partition("_")
    if part and part.partition("_")[0] in ("hip", "knee", "ankle"):
        return "legs"
    if part:
        return f"{side} arm"
    if channel in ("nod", "tilt", "look"):
        return "head"
    return "trunk" if channel in ("bend", "lean", "twist") else "legs"


def angles(values: Angles) -> Array:
    """(D,) radians, and fractions of the height, from degrees and hundredths by the names of `CHANNELS`.

    >>> angles({"r_hip": 180.0, "lift": 16.0})[[COLUMN["r_hip"], COLUMN["lift"]]].tolist()
    [3.141592653589793, 0.16]
    """
    vector = np.zeros(len(CHANNELS))
    for channel, value in values.items():
        vector[COLUMN[channel]] = value / 100 if channel in LENGTHS else np.radians(value)
    return vector


def make_move(name: str, seconds: float, beats: int = 1, **parts: Angles) -> Move:
    """Build from mappings channel -> degrees (or hundredths of the height), one for each of `PARTS` in use."""
    parts_KD = np.zeros((len(PARTS), len(CHANNELS)))
    for part, values in parts.items():
        parts_KD[PARTS.index(part)] = angles(values)
    return Move(name=name, seconds=seconds, beats=beats, parts_KD=parts_KD)


def _both_sides(name: str, seconds: float, beats: int = 1, **parts: Angles) -> tuple[Move, Move]:
    """The move as given, for the right (`{side}` in the name), and its mirror image."""
    left = {part: {mirror_channel(c): -v if c in MIRRORED else v for c, v in a.items()} for part, a in parts.items()}
    return (
        make_move(name.format(side="right"), seconds, beats, **parts),
        make_move(name.format(side="left"), seconds, beats, **left),
    )


def mirror_channel(channel: str) -> str:
    """The channel of the other side; itself where there is but one."""
    return {"r_": "l_", "l_": "r_"}.get(channel[:2], channel[:2]) + channel[2:]


def _pair(**angles: float) -> dict[str, float]:
    """Angles of both sides: each name with `r_` and with `l_`, with the same value."""
    return {f"{side}_{name}": value for side in "rl" for name, value in angles.items()}


_JUMP = _pair(knee=50, hip=25, ankle=25)
_WALK = {"r_hip": 28, "l_hip": -28, "r_flex": -18, "l_flex": 18}
_MARCH = {"r_hip": 30, "l_hip": -30, "r_knee": 35, "l_knee": -35}
SOLO_MOVES = (
    *_both_sides("wave {side} hand", 1.8, 4, hold={"r_out": 80, "r_roll": 88, "r_elbow": 95}, sine={"r_elbow": 30}),
    make_move("bow", 1.6, hold={"bend": 68, "nod": 15}),
    *_both_sides("kick with {side} leg", 1.5, 2, pulse={"r_hip": 78, "r_knee": 12, "bend": -12}),
    make_move("clap", 1.5, 4, hold=_pair(flex=58, elbow=52, roll=-12), sine=_pair(across=20)),
    *_both_sides(
        "punch with {side} fist",
        1.6,
        3,
        hold={"r_flex": 28, "r_elbow": 118, "r_out": 8},
        pulse={"r_flex": 58, "r_elbow": -108, "twist": 22},
    ),
    make_move("squat", 1.8, 2, pulse={**_pair(hip=62, knee=118, ankle=35), "bend": 22}),
    *_both_sides("raise {side} arm", 1.4, hold={"r_flex": 168}),
    make_move("nod", 1.3, 3, sine={"nod": 22}),
    make_move(
        "walk forward",
        2.0,
        2,
        hold=_pair(knee=20),
        sine=_WALK,
        cosine={"r_knee": 18, "l_knee": -18},
        ramp={"forward": 62},
    ),
    *_both_sides(
        "salute with {side} hand",
        1.4,
        hold={"r_flex": 20, "r_out": 100, "r_across": 14, "r_roll": 90, "r_elbow": 106},
    ),
    make_move("jump", 1.6, 2, hold=_JUMP, pulse={**{c: -v for c, v in _JUMP.items()}, **_pair(flex=40), "lift": 16}),
    *_both_sides("lean to the {side}", 1.5, hold={"lean": 30, "tilt": 8}),
    make_move("circle both arms", 1.8, 3, hold=_pair(out=88), sine=_pair(out=32), cosine=_pair(flex=32)),
    *_both_sides("turn to the {side}", 1.3, 2, sine={"r_hip": 14, "l_hip": -14}, ramp={"turn": -90}),
    make_move("shake head", 1.4, 4, sine={"look": 34}),
    *_both_sides(
        "drink with {side} hand", 1.6, hold={"r_flex": 66, "r_out": 16, "r_across": 8, "r_elbow": 105, "nod": -8}
    ),
    make_move("sit down and get up", 2.1, hold={**_pair(hip=85, knee=88, ankle=3), "forward": -23, "bend": 12}),
    *_both_sides("point with {side} hand", 1.4, hold={"r_flex": 88}),
    make_move("march in place", 1.8, 3, hold=_pair(hip=30, knee=38), sine=_MARCH),
    *_both_sides("swing {side} arm", 1.5, 2, hold={"r_flex": 22}, sine={"r_flex": 68}),
    make_move("twist the trunk", 1.6, 2, sine={"twist": 48}),
    *_both_sides("step to the {side}", 1.4, 2, pulse=_pair(hip_out=17), ramp={"sideways": 38}),
    make_move("push with both hands", 1.5, 2, hold=_pair(flex=22, elbow=122), pulse=_pair(flex=62, elbow=-112)),
    *_both_sides("raise {side} knee", 1.4, hold={"r_hip": 88, "r_knee": 92}),
    make_move("fold arms", 1.6, hold=_pair(flex=24, elbow=98, roll=-62)),
    *_both_sides(
        "throw with {side} hand",
        1.2,
        1,
        hold={"r_out": 85, "r_roll": 85, "r_elbow": 95, "twist": -22},
        pulse={"r_roll": -110, "r_elbow": -75, "r_across": 50, "twist": 48},
    ),
    make_move("pick something up", 1.7, hold={**_pair(hip=38, knee=70, ankle=20), "bend": 72, **_pair(flex=62)}),
    *_both_sides("swipe with {side} hand", 1.6, 2, hold={"r_flex": 82, "r_elbow": 18}, sine={"r_across": 42}),
    make_move("star jump", 1.6, 3, pulse={**_pair(out=140, hip_out=22), "lift": 5}),
    *_both_sides("lunge with {side} leg", 1.6, hold={"r_hip": 62, "r_knee": 66, "l_hip": -24, "l_knee": 32}),
    make_move("drum", 1.6, 4, hold=_pair(elbow=72), sine={"r_elbow": 26, "l_elbow": -26}),
    *_both_sides(
        "hold phone to {side} ear",
        1.6,
        hold={"r_flex": 82, "r_out": 30, "r_across": -12, "r_roll": 30, "r_elbow": 120, "tilt": 9},
    ),
    make_move("flap both arms", 1.6, 4, pulse=_pair(out=78, elbow=35)),
    make_move("put hands on hips", 1.6, hold=_pair(out=42, elbow=78, roll=-66)),
    make_move("look around", 1.6, 1, sine={"look": 62, "twist": 8}),
    make_move("raise both arms", 1.6, hold=_pair(out=162)),
)
"""What one body can do."""

_STROLL = {"r_hip": 24, "l_hip": -24, "r_flex": -12, "l_flex": 12}
_DUO_MOVES = (
    make_move("shake hands", 1.6, 3, hold={"r_flex": 48, "r_elbow": 34}, sine={"r_elbow": 14}),
    make_move("high five", 1.2, 1, hold={"r_flex": 70, "r_elbow": 78}, pulse={"r_flex": 40, "r_elbow": -50}),
    make_move("hug", 1.8, hold={**_pair(flex=68, across=22, elbow=32), "bend": 10}, pulse={"forward": 8}),
    make_move("recoil", 1.3, hold={"bend": -22, "nod": -14, **_pair(flex=22)}, ramp={"forward": -14}),
    make_move("step back", 1.5, 1, hold=_pair(knee=12), sine={"r_hip": -20, "l_hip": 20}, ramp={"forward": -32}),
    make_move("hand over", 1.6, hold={"r_flex": 62, "r_elbow": 18, "bend": 10}),
    make_move(
        "walk", 1.8, 2, hold=_pair(knee=18), sine=_STROLL, cosine={"r_knee": 16, "l_knee": -16}, ramp={"forward": 42}
    ),
)
"""What only makes sense with somebody opposite."""

MOVES = {move.name: move for move in (*SOLO_MOVES, *_DUO_MOVES)}
