"""A clip before any camera: one script performed by one or two people -> bodies moving in a room.

In: `Script`, subjects, a generator. Out: `Scene`, true points in metres (y = 0 the ground, the scene around x = z = 0,
the camera on the side of negative z) and the bones' rotations, at 30 frames a second. Everything that makes two clips
of one class differ is drawn here: people, pace, delay, timing, size, posture, fidgeting.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.synthesis.body import CHANNELS, COLUMN, Array, Subject, axis_rotation, pose
from pipeline.synthesis.classes import Script, Stage
from pipeline.synthesis.moves import MOVES, SOLO_MOVES, Move

FPS = 30
SWAY_DEGREES = {"bend": 1.6, "lean": 1.6, "twist": 2.5, "nod": 4.0, "tilt": 2.5, "look": 7.0, "turn": 3.0}
ARM_SWAY_DEGREES, LEG_SWAY_DEGREES, ROOT_SWAY = 5.0, 1.2, 0.012
FIDGET_RATE, FIDGET_SIZE = 0.8, (0.3, 0.9)


class Tempo(NamedTuple):
    """How long recordings are, in frames."""

    fewest: int
    most: int
    idle: tuple[float, float, float] = (42.0, 14.0, 28.0)
    """The most before the first stage, between two, and after the last one."""
    haste: float = 1.0
    """Factor on everybody's pace."""
    spread: float = 0.28
    """How the time of one stage varies: standard deviation of its logarithm."""


@dataclass(frozen=True, kw_only=True)
class Body:
    """One person's true motion: points_TV3 (T, 30, 3) metres, rotations_TV33 of its bones."""

    points_TV3: Array
    rotations_TV33: Array


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The people who act, at the same frames."""

    bodies: tuple[Body, ...]

    @property
    def n_frames(self) -> int:
        """Length at 30 frames a second."""
        return len(self.bodies[0].points_TV3)


def perform(script: Script, subjects: tuple[Subject, ...], tempo: Tempo, rng: np.random.Generator) -> Scene:
    """Act `script` out, with one subject for each of its bodies."""
    windows, n_frames = draw_timing(script, subjects[0].pace, tempo, rng)
    if script.n_bodies == 1:
        angles = _act(script.stages, windows, n_frames, subjects[0], rng)
        return Scene(bodies=(_placed(angles, subjects[0], rng.normal(0.0, np.radians(9.0)), np.zeros(3)),))
    bodies = []
    reaction = rng.uniform(0.0, 0.3) * FPS
    for side, stages, subject in zip((-1.0, 1.0), (script.stages, script.other), subjects, strict=True):
        angles = _act(stages, windows + (side > 0) * reaction, n_frames, subject, rng)
        heading = side * np.pi / 2 + rng.normal(0.0, np.radians(5.0))
        place = np.array([side * script.distance / 2 * rng.uniform(0.94, 1.12), 0.0, rng.normal(0.0, 0.04)])
        bodies.append(_placed(angles, subject, heading, place))
    return Scene(bodies=tuple(bodies))


def stand(subject: Subject, n_frames: int, place: Array, rng: np.random.Generator) -> Body:
    """Somebody who only stands there, turned towards nothing in particular."""
    angles = subject.posture_D + sway(n_frames, rng)
    return _placed(angles, subject, rng.uniform(-1.2, 1.2), place)


def draw_timing(script: Script, pace: float, tempo: Tempo, rng: np.random.Generator) -> tuple[Array, int]:
    """When each stage begins and ends: windows_S2 (stages, 2) in frames, and the clip's length.

    Pace of the clip 0.7 to 1.4 times the tempo's haste; idle time before and after; each stage's share of the time
    varies.
    """
    both = [script.stages, script.other] if script.other else [script.stages]
    seconds = np.array([max(_seconds(s[i]) for s in both) for i in range(len(script.stages))])
    speed = np.clip(pace * np.exp(rng.normal(0.0, 0.2)), 0.7, 1.4) * tempo.haste
    lasting = seconds * np.exp(rng.normal(0.0, tempo.spread, len(seconds))) * FPS / speed
    before, pause, after = rng.uniform(0.0, tempo.idle)
    wanted = before + lasting.sum() + pause * (len(seconds) - 1) + after
    n_frames = int(np.clip(round(wanted), tempo.fewest, tempo.most))
    squeeze = min(1.0, n_frames / wanted)
    starts = before + np.concatenate([[0.0], np.cumsum(lasting[:-1] + pause)])
    return np.stack([starts, starts + lasting], axis=1) * squeeze, n_frames


def _seconds(stage: Stage) -> float:
    return max((MOVES[action.move].seconds * action.times**0.8 for action in stage), default=0.0)


def _act(
    stages: tuple[Stage, ...], windows_S2: Array, n_frames: int, subject: Subject, rng: np.random.Generator
) -> Array:
    """(T, D) angles: relaxed posture, sway, the script's actions in their windows, and now and then a fidget."""
    frames = np.arange(n_frames, dtype=np.float64)
    angles = subject.posture_D + sway(n_frames, rng)
    for stage, (start, stop) in zip(stages, windows_S2, strict=True):
        for action in stage:
            move = _varied(MOVES[action.move], subject, rng)
            angles = angles + action.size * move_angles(move, (frames - start) / (stop - start), action.times)
    if rng.random() < FIDGET_RATE:
        move = _varied(SOLO_MOVES[rng.integers(len(SOLO_MOVES))], subject, rng)
        start, lasting = rng.uniform(0.0, n_frames), rng.uniform(25.0, 60.0)
        angles = angles + rng.uniform(*FIDGET_SIZE) * move_angles(move, (frames - start) / lasting, 1)
    return angles


def move_angles(move: Move, phase_T: Array, times: int) -> Array:
    """(T, D) contribution of a move done `times` times over phase 0 .. 1: nothing before, what remains of it after."""
    phase = np.clip(phase_T, 0.0, 1.0) * times
    done = np.minimum(np.floor(phase), times - 1)
    u = phase - done
    edge = min(0.3, 0.45 / move.seconds)
    envelope = smooth_step(u / edge) * smooth_step((1.0 - u) / edge)
    cycle = 2.0 * np.pi * move.beats * u
    basis = [
        envelope,
        envelope * np.sin(cycle),
        envelope * np.cos(cycle),
        np.sin(cycle / 2) ** 2,
        done + smooth_step(u),
    ]
    return np.stack(basis, axis=1) @ move.parts_KD


def smooth_step(u: Array) -> Array:
    """0 below 0, 1 above 1, no jerk in between (10 u^3 - 15 u^4 + 6 u^5)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10.0 + u * (6.0 * u - 15.0))


def _varied(move: Move, subject: Subject, rng: np.random.Generator) -> Move:
    """The move as this person does it this time: each angle with its own size, and a little beside the mark."""
    size = np.exp(rng.normal(0.0, 0.18)) * np.exp(rng.normal(0.0, 0.16, len(CHANNELS)))
    parts = move.parts_KD * subject.style_D * np.clip(size, 0.55, 1.5)
    aside = np.radians(np.clip(rng.normal(0.0, 8.0, len(CHANNELS)), -16.0, 16.0))
    parts[0] += aside * (np.abs(move.parts_KD[0]) > np.radians(15.0))
    beats = move.beats + (int(rng.integers(-1, 2)) if move.beats > 2 else 0)
    return Move(name=move.name, seconds=move.seconds, beats=beats, parts_KD=parts)


def sway(n_frames: int, rng: np.random.Generator) -> Array:
    """(T, D) slow wandering of every angle, 0.1 to 0.6 Hz, and of the place where the body stands."""
    waves = rng.uniform(0.1, 0.6, (3, 1, len(CHANNELS))) * (np.arange(n_frames)[None, :, None] / FPS)
    wander: Array = np.sin(2.0 * np.pi * (waves + rng.random((3, 1, len(CHANNELS))))).sum(axis=0) / 1.5
    own_D: Array = _SWAY_D * rng.uniform(0.5, 1.5, len(CHANNELS))
    return wander * own_D


def _sway_of(channel: str) -> float:
    if channel in ("forward", "sideways"):
        return ROOT_SWAY
    if channel == "lift":
        return 0.0
    if channel in SWAY_DEGREES:
        return float(np.radians(SWAY_DEGREES[channel]))
    is_leg = any(part in channel for part in ("hip", "knee", "ankle"))
    return float(np.radians(LEG_SWAY_DEGREES if is_leg else ARM_SWAY_DEGREES))


_SWAY_D = np.array([_sway_of(name) for name in CHANNELS])


def _placed(angles_TD: Array, subject: Subject, heading: float, place_3: Array) -> Body:
    angles = angles_TD.copy()
    angles[:, COLUMN["turn"]] += heading
    points, rotations = pose(angles, subject)
    return Body(points_TV3=points + place_3, rotations_TV33=rotations)


def turned(body: Body, yaw: float, place_3: Array) -> Body:
    """The body after the room is turned by `yaw` radians about the vertical and then moved."""
    turn = axis_rotation("y", np.full(1, yaw))[0]
    return Body(points_TV3=body.points_TV3 @ turn.T + place_3, rotations_TV33=turn @ body.rotations_TV33)
