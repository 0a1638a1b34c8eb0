"""The open vocabulary: any number of classes of composed motion; class number -> `Recipe`, the same for ever.

In: a class number. Out: one, two or three stages, in each of which arms, legs or trunk do something together.
Four classes are a family: the first, and three that differ from it in one thing (`variants`).
All content is here (and the arms' poses in `arm_poses`, what hands draw and strike in `strokes`): the tables say what
there is and how often, the functions below them how it becomes tracks. How a person does it is drawn in `render`, what
a sensor makes of it in `sensor`.
Where a table has two numbers, a class has one between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np

from pipeline.synthesis.arm_poses import ArmPose, beside, draw_arm_pose, of_sides
from pipeline.synthesis.body import ARM, Array
from pipeline.synthesis.moves import angles
from pipeline.synthesis.stages import Recipe, Stage, Track, Wave, mirrored
from pipeline.synthesis.strokes import drawing_track, stroke_track
from pipeline.synthesis.variants import (
    Change,
    mirrored_sides,
    nudged,
    other_arms,
    reversed_order,
    same_motion,
    with_other_tracks,
    without_one,
)

Value = TypeVar("Value")
Amount = float | tuple[float, float]
Pose = Mapping[str, Amount]

VOCABULARY = 77
"""Which vocabulary: the seed of all recipes."""
FAMILY = 4
SIT: Pose = {"r_hip": 85, "l_hip": 85, "r_knee": 88, "l_knee": 88}

# What is done at once, and one after the other
STAGES = {1: 0.55, 2: 0.33, 3: 0.12}
ARMS = {"r": 0.42, "r,l": 0.10, "rl": 0.20, "": 0.28}
"""One arm; both, each on its own; both alike; none."""
MORE_RATE, LEGS_ALONE_RATE = 0.25, 0.7
"""Legs, and trunk, beside arms; legs where no arm moves."""
WALK_RATE = 0.38
STANCES = {"stand": 0.80, "sit": 0.10, "hold": 0.10}
"""`hold`: arms stay in a pose all through, as with a telephone or a box."""

# Arms
ARM_MOTIONS = {"poses": 0.5, "drawing": 0.25, "stroke": 0.25}
ARM_POSES = {1: 0.45, 2: 0.30, 3: 0.17, 4: 0.08}
ARM_REPEATS = {1: 0.65, 2: 0.20, 3: 0.10, 4: 0.05}
STROKE_RATE, STROKE_DEGREES = 0.5, 35.0
"""How often further poses are near the first one: pushes, swipes, strokes."""
ARM_WAVE_RATE, ARM_WAVE_DEGREES, ARM_WAVE_HERTZ, ARM_WAVE_BEATS = 0.35, (12.0, 40.0), (1.2, 3.2), (2, 5)
ARM_SINE_SHARE, ARM_COSINE_SHARE, OPPOSITE_RATE = 0.45, 0.3, 0.5
"""How many of an arm's angles take part in a wave, in time with it and a quarter later; arms against each other."""
ARM_SECONDS, ARM_PAUSE, ARM_PAUSE_RATE, SHORT_PAUSE = (0.45, 0.35), (0.2, 1.0), 0.25, 0.1
"""Median time to a pose and the standard deviation of its logarithm."""
RETURN_RATE = 0.8


class LegMove(NamedTuple):
    """Poses in degrees and hundredths of the height, as the right leg does them; scaled as a whole by `size`."""

    share: float
    poses: tuple[Pose, ...]
    size: tuple[float, float] = (0.6, 1.15)
    can_stay: bool = False


LEG_MOVES = {
    "kick": LegMove(0.14, ({"r_hip": -15, "r_knee": (20, 70)}, {"r_hip": 80, "r_knee": 10, "bend": -10})),
    "kick aside": LegMove(0.10, ({"r_hip_out": 45, "lean": -15},)),
    "kick back": LegMove(0.06, ({"r_hip": -35, "r_knee": (10, 90), "bend": 15},)),
    "squat": LegMove(
        0.14,
        ({"r_hip": 62, "l_hip": 62, "r_knee": 110, "l_knee": 110, "r_ankle": 35, "l_ankle": 35, "bend": 22},),
        can_stay=True,
    ),
    "knee": LegMove(0.10, ({"r_hip": 88, "r_knee": 90},)),
    "lunge": LegMove(0.08, ({"r_hip": 60, "r_knee": 64, "l_hip": -24, "l_knee": 32},)),
    "sit": LegMove(0.12, ({**SIT, "forward": -23, "bend": (5, 30)},), size=(1.0, 1.0), can_stay=True),
    "crouch": LegMove(
        0.10,
        ({"r_hip": 30, "l_hip": 30, "r_knee": 60, "l_knee": 60, "r_ankle": 25, "l_ankle": 25, "bend": 50},),
        can_stay=True,
    ),
    "step aside": LegMove(0.06, ({"r_hip_out": 17, "l_hip_out": 17}, {"sideways": 35}), can_stay=True),
    "jump": LegMove(
        0.06,
        (
            {"r_knee": 50, "l_knee": 50, "r_hip": 25, "l_hip": 25, "r_ankle": 25, "l_ankle": 25},
            {"lift": (10, 18)},
        ),
        size=(1.0, 1.0),
    ),
    "tiptoe": LegMove(0.04, ({"r_ankle": -30, "l_ankle": -30, "lift": 3},), size=(1.0, 1.0)),
}
LEG_REPEATS = {1: 0.65, 2: 0.22, 3: 0.13}
LEG_SECONDS, LEG_PAUSE, STAY_RATE = (0.5, 0.3), (0.1, 0.6), 0.4

# Walking
STEP_BEATS, STEP_HERTZ, STEP_SIZE, ON_THE_SPOT_RATE = (1, 4), (0.8, 1.4), (0.5, 1.3), 0.25
WALK_WAY, BACKWARDS_RATE, BACKWARDS = (20.0, 110.0), 0.15, -0.6
TURNS = {"none": 0.55, "some": 0.25, "quarter": 0.20}
QUARTERS = (-90.0, 90.0, 180.0, -180.0)

# Trunk and head
TRUNK = {
    "bend": (0.5, (-15, 75)),
    "lean": (0.5, (-30, 30)),
    "twist": (0.5, (-50, 50)),
    "nod": (0.5, (-25, 30)),
    "look": (0.5, (-60, 60)),
    "tilt": (0.33, (-20, 20)),
}
"""Channel -> how often it takes part, and its degrees."""
TRUNK_WAVES = ("nod", "look", "twist", "lean", "bend")
TRUNK_WAVE_RATE, TRUNK_WAVE_DEGREES, TRUNK_WAVE_HERTZ, TRUNK_WAVE_BEATS = 0.25, (12.0, 35.0), (0.8, 2.2), (2, 4)
TRUNK_SECONDS, TRUNK_PAUSE = (0.6, 0.3), (0.1, 0.7)

# Fidgets, which belong to no class
FIDGET_SIZE = (0.1, 0.4)


def recipe(class_id: int) -> Recipe:
    """What class `class_id` does. Left and right are equally often the side of a family."""
    family, place = divmod(class_id, FAMILY)
    rng = np.random.default_rng([VOCABULARY, family])
    first = _first_of_family(rng)
    change = CHANGES[rng.permutation(len(CHANGES))[place - 1]]
    if place == 0:
        return first
    own = np.random.default_rng([VOCABULARY, family, place])
    changed = change(first, own)
    return CHANGES[-1](first, own) if same_motion(changed, first) else changed


def _first_of_family(rng: np.random.Generator) -> Recipe:
    n_stages = _pick(STAGES, rng)
    made = Recipe(stance_D=_stance(rng), stages=tuple(_stage(rng) for _ in range(n_stages)))
    return mirrored_sides(made, rng) if rng.random() < 0.5 else made


def fidget(rng: np.random.Generator) -> Track:
    """A small motion that has nothing to do with the class: of an arm, or of trunk and head."""
    track = arm_track(str(rng.choice(["r", "l"])), rng) if rng.random() < 0.5 else trunk_track(rng)
    return replace(track, keys_KD=track.keys_KD * rng.uniform(*FIDGET_SIZE, (len(track.keys_KD), 1)), wave=None)


def arm_track(sides: str, rng: np.random.Generator) -> Track:
    """Arms `r`, `l`, or both alike (`rl`): poses, a drawing in the air or a stroke."""
    make = {"poses": _posed, "drawing": drawing_track, "stroke": stroke_track}[_pick(ARM_MOTIONS, rng)]
    return make(sides, rng)


def _posed(sides: str, rng: np.random.Generator) -> Track:
    """Some poses, perhaps several times over, perhaps with a wave at the end."""
    n_poses = _pick(ARM_POSES, rng)
    repeats = _pick(ARM_REPEATS, rng) if n_poses <= 2 else 1
    poses: list[ArmPose] = [draw_arm_pose(rng) for _ in range(n_poses)]
    if n_poses > 1 and rng.random() < STROKE_RATE:
        poses[1:] = [beside(poses[0], STROKE_DEGREES, rng) for _ in poses[1:]]
    wave = _arm_wave(sides, rng) if rng.random() < ARM_WAVE_RATE else None
    pauses = wave is not None or rng.random() < ARM_PAUSE_RATE
    return Track(
        keys_KD=np.stack([of_sides(arm, sides) for arm in poses] * repeats),
        seconds_K=_seconds(ARM_SECONDS, n_poses * repeats, rng),
        pause=float(rng.uniform(*ARM_PAUSE)) if pauses else SHORT_PAUSE,
        returns=bool(rng.random() < RETURN_RATE),
        wave=wave,
    )


def leg_track(rng: np.random.Generator) -> Track:
    """A move of `LEG_MOVES` on either side, once or several times."""
    move = LEG_MOVES[_pick({name: move.share for name, move in LEG_MOVES.items()}, rng)]
    size, repeats = rng.uniform(*move.size), _pick(LEG_REPEATS, rng)
    keys = np.stack([_pose(pose, rng) for pose in move.poses] * repeats) * size
    return Track(
        keys_KD=mirrored(keys) if rng.random() < 0.5 else keys,
        seconds_K=_seconds(LEG_SECONDS, len(keys), rng),
        pause=float(rng.uniform(*LEG_PAUSE)),
        returns=not (move.can_stay and rng.random() < STAY_RATE),
    )


def walk_track(rng: np.random.Generator) -> Track:
    """Some steps, forwards, backwards or on the spot, perhaps with a turn."""
    size = rng.uniform(*STEP_SIZE)
    way = 0.0 if rng.random() < ON_THE_SPOT_RATE else rng.uniform(*WALK_WAY) * size
    way *= BACKWARDS if rng.random() < BACKWARDS_RATE else 1.0
    kind = _pick(TURNS, rng)
    turn = {"none": 0.0, "some": rng.uniform(-180.0, 180.0), "quarter": rng.choice(QUARTERS)}[kind]
    beats = int(rng.integers(STEP_BEATS[0], STEP_BEATS[1] + 1))
    steps = Wave(
        sine_D=angles({"r_hip": 28 * size, "l_hip": -28 * size, "r_flex": -22 * size, "l_flex": 22 * size}),
        cosine_D=angles({"r_knee": 20 * size, "l_knee": -20 * size}),
        bias_D=angles({"r_knee": 20 * size, "l_knee": 20 * size}),
        beats=beats,
        hertz=None,
    )
    keys = angles({"forward": float(way), "turn": float(turn)})[None]
    seconds = np.array([beats / rng.uniform(*STEP_HERTZ)])
    return Track(keys_KD=keys, seconds_K=seconds, pause=0.05, returns=False, wave=steps)


def trunk_track(rng: np.random.Generator) -> Track:
    """Trunk and head take a pose, or go to and fro, or both."""
    keys = angles({name: rng.uniform(*span) * (rng.random() < share) for name, (share, span) in TRUNK.items()})[None]
    wave = None
    if rng.random() < TRUNK_WAVE_RATE:
        sine = angles({str(rng.choice(TRUNK_WAVES)): float(rng.uniform(*TRUNK_WAVE_DEGREES))})
        wave = _wave(sine, 0.0 * sine, TRUNK_WAVE_HERTZ, TRUNK_WAVE_BEATS, rng)
        keys = keys * (rng.random() < 0.5)
    return Track(
        keys_KD=keys,
        seconds_K=_seconds(TRUNK_SECONDS, 1, rng),
        pause=float(rng.uniform(*TRUNK_PAUSE)),
        returns=bool(rng.random() < RETURN_RATE),
        wave=wave,
    )


def _stance(rng: np.random.Generator) -> Array:
    kind = _pick(STANCES, rng)
    if kind == "stand":
        return angles({})
    if kind == "sit":
        return _pose({**SIT, "bend": 5}, rng)
    return of_sides(draw_arm_pose(rng), "r" if rng.random() < 0.5 else "rl")


def _arms(rng: np.random.Generator) -> Stage:
    return tuple(arm_track(sides, rng) for sides in _pick(ARMS, rng).split(",") if sides)


def _stage(rng: np.random.Generator) -> Stage:
    tracks = [*_arms(rng)]
    rates = (MORE_RATE, MORE_RATE) if tracks else (LEGS_ALONE_RATE, 1.0)
    if rng.random() < rates[0]:
        tracks.append(walk_track(rng) if rng.random() < WALK_RATE else leg_track(rng))
    if rng.random() < rates[1]:
        tracks.append(trunk_track(rng))
    return tuple(tracks)


def _arm_wave(sides: str, rng: np.random.Generator) -> Wave:
    size = rng.uniform(*ARM_WAVE_DEGREES)
    sine, cosine = (
        {name: size * float(rng.normal()) * bool(rng.random() < share) for name in ARM}
        for share in (ARM_SINE_SHARE, ARM_COSINE_SHARE)
    )
    parts = np.stack([of_sides(sine, sides[0]), of_sides(cosine, sides[0])])
    if len(sides) > 1:
        other = mirrored(parts) * (-1.0 if rng.random() < OPPOSITE_RATE else 1.0)
        parts = parts + other
    return _wave(parts[0], parts[1], ARM_WAVE_HERTZ, ARM_WAVE_BEATS, rng)


def _wave(
    sine_D: Array, cosine_D: Array, hertz: tuple[float, float], beats: tuple[int, int], rng: np.random.Generator
) -> Wave:
    return Wave(
        sine_D=sine_D,
        cosine_D=cosine_D,
        bias_D=0.0 * sine_D,
        beats=int(rng.integers(beats[0], beats[1] + 1)),
        hertz=float(rng.uniform(*hertz)),
    )


def _some_arms(rng: np.random.Generator) -> Stage:
    return _arms(rng) or (arm_track("r", rng),)


CHANGES: tuple[Change, ...] = (
    *(reversed_order, other_arms, nudged, without_one, mirrored_sides),
    with_other_tracks(_some_arms),
)
"""What a further class of a family differs in: three of these, each once."""


def _pose(pose: Pose, rng: np.random.Generator) -> Array:
    return angles(
        {name: float(rng.uniform(*value)) if isinstance(value, tuple) else value for name, value in pose.items()}
    )


def _seconds(about: tuple[float, float], n_keys: int, rng: np.random.Generator) -> Array:
    median, spread = about
    seconds: Array = median * np.exp(rng.normal(0.0, spread, n_keys))
    return seconds


def _pick(table: Mapping[Value, float], rng: np.random.Generator) -> Value:
    """A key of the table, by its share."""
    keys: Sequence[Value] = tuple(table)
    return keys[rng.choice(len(keys), p=tuple(table.values()))]
