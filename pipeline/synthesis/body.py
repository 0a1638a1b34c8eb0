"""The parametric skeleton: joint angles over time -> points in space, with bones that never change their length.

In: `angles_TD` (T frames, one column for each of `CHANNELS`; radians, and fractions of the body height for the three
displacements) and a `Subject`. Out: 30 points: the 25 joints of NTU, then nose, right and left eye, right and left ear.
Body axes at rest: x to the body's right, y up, z to its back, so that a body facing the camera has the camera's axes.
Proportions are near those of Drillis & Contini (1966), moved to where a Kinect v2 sees the joints.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ARM = ("flex", "out", "across", "roll", "elbow", "wrist")
"""Shoulder forwards-up, sideways-up, across the chest, upper arm turned (forearm up); elbow and wrist bent."""
LEG = ("hip", "hip_out", "knee", "ankle")
TRUNK = ("bend", "lean", "twist", "nod", "tilt", "look")
"""Spine forwards, to the right, to the left about itself; head down, to the right, to the left."""
ROOT = ("turn", "forward", "sideways", "lift")
"""Heading to the left; way along the heading, to its right, and above the ground, as fractions of the height."""
CHANNELS = (*(f"{side}_{part}" for side in "rl" for part in ARM + LEG), *TRUNK, *ROOT)
COLUMN = {name: i for i, name in enumerate(CHANNELS)}
N_POINTS = 30
FEET = (14, 15, 18, 19)

Turns = tuple[tuple[str, str, float], ...]


def _arm(side: str, first: int, tip: int) -> dict[int, tuple[int, tuple[float, float, float], Turns]]:
    s = 1.0 if side == "r" else -1.0
    shoulder = (("y", "across", s), ("z", "out", s), ("x", "flex", 1.0), ("y", "roll", -s))
    return {
        first: (20, (s * 0.105, -0.015, 0.0), ()),
        first + 1: (first, (0.0, -0.172, 0.0), tuple((axis, f"{side}_{name}", k) for axis, name, k in shoulder)),
        first + 2: (first + 1, (0.0, -0.15, 0.0), (("x", f"{side}_elbow", 1.0),)),
        first + 3: (first + 2, (0.0, -0.045, 0.0), (("x", f"{side}_wrist", 1.0),)),
        tip: (first + 3, (0.0, -0.045, 0.0), ()),
        tip + 1: (first + 3, (-s * 0.012, -0.02, -0.022), ()),
    }


def _leg(side: str, first: int) -> dict[int, tuple[int, tuple[float, float, float], Turns]]:
    s = 1.0 if side == "r" else -1.0
    return {
        first: (0, (s * 0.048, -0.022, -0.01), ()),
        first + 1: (first, (0.0, -0.235, 0.0), (("z", f"{side}_hip_out", s), ("x", f"{side}_hip", 1.0))),
        first + 2: (first + 1, (0.0, -0.235, 0.0), (("x", f"{side}_knee", -1.0),)),
        first + 3: (first + 2, (0.0, -0.028, -0.07), (("x", f"{side}_ankle", 1.0),)),
    }


TREE: dict[int, tuple[int, tuple[float, float, float], Turns]] = {
    0: (-1, (0.0, 0.0, 0.0), (("y", "turn", 1.0),)),
    1: (0, (0.0, 0.14, 0.0), (("y", "twist", 0.4), ("z", "lean", -0.5), ("x", "bend", -0.6))),
    20: (1, (0.0, 0.135, 0.01), (("y", "twist", 0.6), ("z", "lean", -0.5), ("x", "bend", -0.4))),
    2: (20, (0.0, 0.035, 0.0), ()),
    3: (2, (0.0, 0.085, -0.015), (("y", "look", 1.0), ("z", "tilt", -1.0), ("x", "nod", -1.0))),
    **_arm("l", 4, 21),
    **_arm("r", 8, 23),
    **_leg("l", 12),
    **_leg("r", 16),
    25: (3, (0.0, 0.0, -0.062), ()),
    26: (3, (0.018, 0.02, -0.052), ()),
    27: (3, (-0.018, 0.02, -0.052), ()),
    28: (3, (0.042, 0.008, 0.0), ()),
    29: (3, (-0.042, 0.008, 0.0), ()),
}
"""point -> (the point it hangs on, rest offset in body heights, turns of its bone, outermost first); parents first."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One person: lengths, and how this person stands and moves."""

    height: float
    """Body height in metres."""
    offsets_V3: Array
    """Rest offset of each point from the one it hangs on, metres."""
    posture_D: Array
    """Angles of the relaxed stance, radians."""
    style_D: Array
    """Factor on every motion of a channel: some people swing wide."""
    pace: float
    """Factor on the speed of every motion."""


def draw_subject(rng: np.random.Generator) -> Subject:
    """A person of 1.5 to 1.95 m with own proportions (about 4 % a limb, left and right alike), posture and style."""
    height = float(rng.uniform(1.5, 1.95))
    arms, legs, spine, width = 1.0 + np.clip(rng.normal(0.0, 0.04, 4), -0.1, 0.1)
    offsets = np.zeros((N_POINTS, 3))
    for point, (_, rest, _) in TREE.items():
        limb = legs if 12 <= point <= 19 else spine if point in (1, 2, 3, 20) or point > 24 else arms
        offsets[point] = np.asarray(rest) * height * limb * np.array([width, 1.0, 1.0])
    relaxed = {"flex": (0, 6), "out": (8, 3), "roll": (-14, 10), "elbow": (16, 6), "knee": (3, 1.5), "hip_out": (3, 2)}
    posture = np.zeros(len(CHANNELS))
    for name, (mean, spread) in relaxed.items():
        for side in "rl":
            posture[COLUMN[f"{side}_{name}"]] = np.radians(mean + spread * np.clip(rng.normal(), -2, 2))
    posture[COLUMN["bend"]], posture[COLUMN["nod"]] = np.radians(rng.uniform((-1, -4), (8, 10)))
    style = np.exp(np.clip(rng.normal(0.0, 0.14, len(CHANNELS)), -0.35, 0.35))
    return Subject(
        height=height, offsets_V3=offsets, posture_D=posture, style_D=style, pace=float(rng.uniform(0.88, 1.3))
    )


def pose(angles_TD: Array, subject: Subject) -> tuple[Array, Array]:
    """Forward kinematics, feet kept on the ground (y = 0) except where `lift` raises them.

    Shapes: angles_TD (T, len(CHANNELS)) -> points_TV3 (T, 30, 3) metres, rotations_TV33 (T, 30, 3, 3) of every bone.
    """
    n_frames = len(angles_TD)
    points = np.zeros((n_frames, N_POINTS, 3))
    rotations = np.empty((n_frames, N_POINTS, 3, 3))
    rotations[:, 0] = np.eye(3)
    for point, (parent, _, turns) in TREE.items():
        bone = rotations[:, max(parent, 0)]
        for axis, channel, factor in turns:
            bone = bone @ axis_rotation(axis, factor * angles_TD[:, COLUMN[channel]])
        rotations[:, point] = bone
        if parent >= 0:
            points[:, point] = points[:, parent] + bone @ subject.offsets_V3[point]
    points += _path(angles_TD, subject.height)[:, None]
    points[..., 1] -= points[:, FEET, 1].min(axis=1)[:, None]
    points[..., 1] += subject.height * angles_TD[:, COLUMN["lift"], None]
    return points, rotations


def axis_rotation(axis: str, angles_T: Array) -> Array:
    """(T, 3, 3) right-handed rotations about x, y or z by (T,) radians."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cos, sin = np.cos(angles_T), np.sin(angles_T)
    matrices = np.zeros((len(angles_T), 3, 3))
    matrices[:] = np.eye(3)
    matrices[:, i, i] = matrices[:, j, j] = cos
    matrices[:, i, j], matrices[:, j, i] = -sin, sin
    return matrices


def _path(angles_TD: Array, height: float) -> Array:
    """(T, 3) position of the hips in the plane: steps summed along the heading of their moment."""
    heading = angles_TD[:, COLUMN["turn"]]
    steps = np.diff(angles_TD[:, [COLUMN["forward"], COLUMN["sideways"]]], axis=0, prepend=0.0) * height
    path = np.zeros((len(angles_TD), 3))
    path[:, 0] = np.cumsum(-np.sin(heading) * steps[:, 0] + np.cos(heading) * steps[:, 1])
    path[:, 2] = np.cumsum(-np.cos(heading) * steps[:, 0] - np.sin(heading) * steps[:, 1])
    return path
