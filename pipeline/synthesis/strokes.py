"""What one hand does along a path: drawings in the air, and strokes that wind up, go fast and come back.

In: which arms, and a generator. Out: a `Track` of poses. All content is in the tables: `DRAWINGS` are lines that a hand
follows in a plane, `STROKES` the poses of punches, throws and the like. A drawing becomes poses of the arm through the
derivative of the hand's place by the arm's angles, about a pose that has the hand in front of the body.

Axes: K points of a drawing, D channels, C coordinates (body heights: right, up, back).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipeline.synthesis.arm_poses import ArmPose, draw_arm_pose, hand_of, of_sides
from pipeline.synthesis.body import Array
from pipeline.synthesis.moves import angles
from pipeline.synthesis.stages import Track

Span = tuple[float, float]
BENDING = ("flex", "out", "across", "roll", "elbow")
"""The angles by which an arm moves its hand."""
DRAWN_SIZE, DRAWN_SECONDS, TO_THE_START = (0.09, 0.22), (0.9, 2.2), 0.45
"""Body heights; the time for the whole line; the time to reach where it begins."""
MOST_BENT, ELBOW_MOST = 75.0, 148.0
PLANES = {(0, 1): 0.65, (2, 1): 0.20, (0, 2): 0.15}
"""The axes that a drawing lies in: as on a wall in front, beside the body, on a table."""
TURN_SPREAD, FLIP_RATE, BACKWARDS_RATE = 0.15, 0.5, 0.3


def _arc(turns: float, n_points: int) -> Array:
    angle = np.linspace(0.0, 2.0 * np.pi * turns, n_points)
    return np.stack([np.cos(angle) - 1.0, np.sin(angle)], axis=1)


def _wave_down() -> Array:
    down = np.linspace(0.0, 1.0, 8)
    return np.stack([np.sin(2.0 * np.pi * down) / 2.0, -down], axis=1)


def _loop() -> Array:
    angle = np.linspace(0.0, 2.0 * np.pi, 10)
    return np.stack([np.sin(angle), 0.6 * np.sin(2.0 * angle)], axis=1)


DRAWINGS: tuple[Array, ...] = (
    *(_arc(1.0, 10), _arc(2.0, 16), _arc(0.3, 5), _arc(0.55, 7), _wave_down(), _loop()),
    np.array([[0, 0], [1.3, 0]]),
    np.array([[0, 0], [0.5, -1], [1, 0]]),
    np.array([[0, 0], [1, 0], [0, -1], [1, -1.0]]),
    np.array([[0, 0], [1, -1], [1, 0], [0, -1.0]]),
    np.array([[0, 0], [1, 0], [1, -1], [0, -1], [0, 0.0]]),
    np.array([[0, 0], [0.3, -0.5], [1, 0.6]]),
    np.array([[0.4 * i, 0.8 * (i % 2)] for i in range(5)]),
)


class Stroke(NamedTuple):
    """Two poses, wound up and done: each angle from where to where, degrees; what is not named is 0."""

    share: float
    wound: Mapping[str, Span]
    done: Mapping[str, Span]
    twist: Span = (0.0, 0.0)
    """Degrees that the trunk turns with it, where it does."""


AHEAD: Mapping[str, Span] = {"flex": (50, 110), "across": (-25, 35), "out": (-5, 20)}
STROKES = {
    "punch": Stroke(
        0.18,
        {"flex": (0, 40), "out": (5, 30), "elbow": (105, 140)},
        {**AHEAD, "elbow": (5, 25)},
        (10, 40),
    ),
    "throw": Stroke(
        0.18,
        {"flex": (0, 40), "out": (60, 110), "roll": (50, 95), "elbow": (70, 120)},
        {"flex": (50, 100), "across": (0, 50), "elbow": (10, 50)},
        (10, 40),
    ),
    "hammer": Stroke(
        0.16,
        {"flex": (70, 150), "across": (-10, 20), "elbow": (50, 115)},
        {"flex": (30, 70), "elbow": (20, 70)},
    ),
    "catch": Stroke(
        0.16,
        {"flex": (70, 165), "out": (-5, 40), "across": (-20, 40), "elbow": (5, 40)},
        {"flex": (10, 60), "elbow": (80, 130)},
    ),
    "swing inwards": Stroke(
        0.10,
        {"flex": (10, 80), "out": (30, 50), "across": (-45, -30), "elbow": (5, 60)},
        {"flex": (20, 110), "across": (45, 60), "elbow": (5, 60)},
        (10, 40),
    ),
    "swing outwards": Stroke(
        0.10,
        {"flex": (20, 110), "across": (45, 60), "elbow": (5, 60)},
        {"flex": (10, 80), "out": (30, 50), "across": (-45, -30), "elbow": (5, 60)},
        (-40, -10),
    ),
    "hook": Stroke(
        0.12,
        {"flex": (0, 40), "out": (20, 60), "elbow": (90, 130)},
        {"flex": (50, 95), "out": (30, 80), "across": (20, 70), "elbow": (60, 110)},
        (10, 40),
    ),
}
STROKE_REPEATS, WINDING, STRIKING, TWIST_RATE, WOUND_TWIST = (1, 1, 2, 3), (0.3, 0.6), (0.18, 0.4), 0.4, -0.4
PAUSE = (0.02, 0.3)


def drawing_track(sides: str, rng: np.random.Generator) -> Track:
    """The arms draw a line in the air, from its beginning to its end."""
    arm = _in_front(rng)
    points_KC = _placed(DRAWINGS[rng.integers(len(DRAWINGS))], rng)
    bent_KB = np.clip(points_KC @ np.linalg.pinv(_derivative(arm)).T, -MOST_BENT, MOST_BENT)
    poses = [_bent(arm, bent_B) for bent_B in bent_KB]
    seconds = np.full(len(poses), rng.uniform(*DRAWN_SECONDS) / len(poses))
    seconds[0] = TO_THE_START
    return _track(np.stack([of_sides(pose, sides) for pose in poses]), seconds, rng)


def stroke_track(sides: str, rng: np.random.Generator) -> Track:
    """The arms wind up and strike, once or several times; the trunk may turn with them."""
    kinds = tuple(STROKES.values())
    stroke = kinds[rng.choice(len(kinds), p=[kind.share for kind in kinds])]
    poses = [
        of_sides({name: float(rng.uniform(*span)) for name, span in pose.items()}, sides)
        for pose in (stroke.wound, stroke.done)
    ]
    if rng.random() < TWIST_RATE:
        degrees = float(rng.uniform(*stroke.twist))
        poses = [pose + angles({"twist": by * degrees}) for pose, by in zip(poses, (WOUND_TWIST, 1.0), strict=True)]
    repeats = int(rng.choice(STROKE_REPEATS))
    seconds = np.array([rng.uniform(*WINDING), rng.uniform(*STRIKING)] * repeats)
    return _track(np.stack(poses * repeats), seconds, rng)


def _track(keys_KD: Array, seconds_K: Array, rng: np.random.Generator) -> Track:
    return Track(keys_KD=keys_KD, seconds_K=seconds_K, pause=float(rng.uniform(*PAUSE)), returns=True)


def _in_front(rng: np.random.Generator) -> ArmPose:
    """A pose whose hand is in front of the body, from the waist up."""
    while True:
        arm = draw_arm_pose(rng)
        _, up, back = hand_of(arm)
        if back < -0.12 and up > -0.25:
            return arm


def _placed(drawing_K2: Array, rng: np.random.Generator) -> Array:
    """(K, C) the drawing as it lies about the hand: turned, flipped, begun at its end, of some size, in some plane."""
    angle = rng.integers(4) * np.pi / 2.0 + rng.normal(0.0, TURN_SPREAD)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    line_K2 = (drawing_K2 @ turn) * ([-1.0, 1.0] if rng.random() < FLIP_RATE else [1.0, 1.0])
    if rng.random() < BACKWARDS_RATE:
        line_K2 = line_K2[::-1]
    planes = tuple(PLANES)
    points_KC = np.zeros((len(line_K2), 3))
    points_KC[:, planes[rng.choice(len(planes), p=tuple(PLANES.values()))]] = line_K2 * rng.uniform(*DRAWN_SIZE)
    centred: Array = points_KC - points_KC.mean(0)
    return centred


def _derivative(arm: ArmPose, step: float = 2.0) -> Array:
    """(C, B) body heights by which the hand moves for each degree of each angle."""
    here = hand_of(arm)
    moved = [(hand_of({**arm, name: arm[name] + step}) - here) / step for name in BENDING]
    return np.stack(moved, axis=1)


def _bent(arm: ArmPose, bent_B: Array) -> ArmPose:
    pose = {**arm, **{name: arm[name] + float(by) for name, by in zip(BENDING, bent_B, strict=True)}}
    return {**pose, "elbow": float(np.clip(pose["elbow"], 0.0, ELBOW_MOST))}
