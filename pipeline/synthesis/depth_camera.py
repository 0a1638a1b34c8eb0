"""Simulates a Kinect v2: noise, lost joints, lost bodies, new ids, ghosts and people who stand by.

In: a `Scene` (metres, true), setup and camera number. Out: `Recording`, the numbers of an NTU `.skeleton` file.
Camera coordinates: x, y up, z away from the camera, metres; a facing subject's right side has the larger x.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.synthesis.body import Array, draw_subject
from pipeline.synthesis.motion import FPS, Body, Scene, stand, turned
from pipeline.synthesis.runs import one_run

N_JOINTS = 25
CAMERA_YAW_DEGREES = {1: -45.0, 2: 0.0, 3: 45.0}
LEAVES = (3, 15, 19, 21, 22, 23, 24)
"""Joints at the end of a chain: the sensor gives them no orientation (zeros)."""
RESTLESS = (7, 11, 15, 19, 21, 22, 23, 24)
"""Hands, finger tips, thumbs and feet: the noisiest, and the first to be lost."""
NO_BODY_RATE, NO_BODY_FRAMES, NO_BODY_AT_AN_END = 0.005, (10, 40), 0.9
"""Over all of NTU-120, 0.49 % of clips have frames without a body: half of them 20 or more, nearly always at an end."""
NEW_ID_RATE, LATE_RATE, LOST_JOINTS_A_CLIP = 0.002, 0.1, 1.7
GHOST_RATE, BYSTANDER_RATE, EXTRA_LEAVES_RATE = 0.036, 0.004, 0.07
"""4 % of NTU-120's one-person clips hold a second track, and nine in ten of these last as long as the clip."""
GHOST_SIZE, GHOST_SWAY = ((0.7, 1.6), (0.2, 0.45), (0.5, 1.5)), 0.06
"""Share of the person's width, height and depth; metres of its slow wandering."""
TRACKED, INFERRED, NOT_TRACKED = 2, 1, 0
FIRST_ID = 72057594037900000


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One body as the sensor reports it. T frames of the clip, V = 25 joints."""

    ids: tuple[str | None, ...]
    """The body id in each frame; None where the sensor does not see this body."""
    header_TF: Array
    """(T, 9): clipped edges, confidence and state of each hand, restricted, lean x, lean y, tracking state."""
    joints_TVF: Array
    """(T, 25, 12): x y z, depth x y, colour x y, orientation w x y z, tracking state."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One file: its bodies, in the order in which each frame lists them."""

    n_frames: int
    bodies: tuple[Recorded, ...]


def record(scene: Scene, setup: int, camera: int, rng: np.random.Generator) -> Recording:
    """Film `scene` with camera 1, 2 or 3 (-45, 0, 45 degrees) of `setup`, which fixes its height, tilt and distance."""
    room = np.random.default_rng(setup)
    height, tilt, distance = room.uniform((0.9, 0.0, 2.9), (1.6, 8.0, 4.0))
    yaw = np.radians(CAMERA_YAW_DEGREES[camera] + np.clip(rng.normal(0.0, 3.5), -9.0, 9.0))
    place = np.array([rng.normal(0.0, 0.12), -height, distance + rng.uniform(-0.2, 0.2)])
    seen = [turned(body, yaw, place) for body in scene.bodies]
    noises = [rng.uniform(0.005, 0.009)] * len(seen)
    if rng.random() < GHOST_RATE:
        seen.append(_ghost(seen[0], rng))
        noises.append(0.003)
    if rng.random() < BYSTANDER_RATE:
        aside = place + np.array([rng.choice((-1, 1)) * rng.uniform(0.8, 1.3), 0.0, rng.uniform(0.1, 0.9)])
        seen.append(stand(draw_subject(rng), scene.n_frames, aside, rng))
        noises.append(0.007)
    nobody = _nobody(scene.n_frames, rng)
    ids_M2 = [str(FIRST_ID + number) for number in rng.choice(99_999, 2 * len(seen), replace=False)]
    bodies = []
    for number, (body, noise) in enumerate(zip(seen, noises, strict=True)):
        own = (ids_M2[2 * number], ids_M2[2 * number + 1])
        ids = _ids(scene.n_frames, own, is_extra=number >= len(scene.bodies), is_main=number == 0, rng=rng)
        ids[nobody] = [None] * len(ids[nobody])
        bodies.append(_sensed(body, np.radians(tilt), noise, ids, rng))
    return Recording(n_frames=scene.n_frames, bodies=tuple(bodies[i] for i in rng.permutation(len(bodies))))


def _nobody(n_frames: int, rng: np.random.Generator) -> slice:
    """The frames in which nobody is seen, at most half of the clip; most often none."""
    if rng.random() >= NO_BODY_RATE:
        return slice(0, 0)
    length = min(int(rng.integers(*NO_BODY_FRAMES)), n_frames // 2)
    if rng.random() < NO_BODY_AT_AN_END:
        return slice(0, length) if rng.random() < 0.5 else slice(n_frames - length, n_frames)
    return one_run(n_frames, (length, length), rng)


def _ghost(body: Body, rng: np.random.Generator) -> Body:
    """A wide, low thing that wanders a little, beside or behind the body: furniture taken for a person."""
    n_frames = len(body.points_TV3)
    rest = body.points_TV3[0] - body.points_TV3[0, 0]
    low, high = zip(*GHOST_SIZE, strict=True)
    rest = rest * rng.uniform(low, high) + rng.normal(0.0, (0.125, 0.06, 0.09), rest.shape)
    corner = body.points_TV3[0, 0] + rng.uniform((-1.2, -0.7, 0.2), (1.2, 0.1, 1.0))
    waves = rng.uniform(0.05, 0.3, (1, *rest.shape)) * np.arange(n_frames)[:, None, None] / FPS
    wander = GHOST_SWAY * np.sin(2.0 * np.pi * (waves + rng.random(rest.shape)))
    return Body(points_TV3=rest + corner + wander, rotations_TV33=body.rotations_TV33[:1].repeat(n_frames, axis=0))


def _ids(
    n_frames: int, own: tuple[str, str], *, is_extra: bool, is_main: bool, rng: np.random.Generator
) -> list[str | None]:
    """The id of each frame: sometimes another one midway, after a gap; who is not the main body comes late or goes."""
    first, second = own
    ids: list[str | None] = [first] * n_frames
    if rng.random() < NEW_ID_RATE:
        change = int(rng.integers(n_frames // 3, n_frames - n_frames // 4))
        gap = int(rng.integers(0, 4))
        ids[change:] = [None] * min(gap, n_frames - change) + [second] * max(0, n_frames - change - gap)
    rate = EXTRA_LEAVES_RATE if is_extra else 0.0 if is_main else LATE_RATE
    if rng.random() < rate:
        lengths = (n_frames // 4, n_frames - 1) if is_extra else (3 * n_frames // 4, n_frames - 1)
        stay = one_run(n_frames, lengths, rng)
        ids = [i if stay.start <= frame < stay.stop else None for frame, i in enumerate(ids)]
    return ids


def _sensed(body: Body, tilt: float, noise: float, ids: list[str | None], rng: np.random.Generator) -> Recorded:
    cos, sin = np.cos(tilt), np.sin(tilt)
    look_down = np.array([[1.0, 0.0, 0.0], [0.0, cos, sin], [0.0, -sin, cos]])
    points = body.points_TV3[:, :N_JOINTS] @ look_down.T
    spread = np.full(N_JOINTS, noise)
    spread[list(RESTLESS)] *= 1.7
    points = points + rng.normal(0.0, 1.0, points.shape) * spread[:, None]
    states = _lose_joints(points, rng)
    orientation = quaternions(look_down @ body.rotations_TV33[:, :N_JOINTS])
    orientation[:, LEAVES] = 0.0
    depth, colour = _images(points)
    joints = np.concatenate([points, depth, colour, orientation, states[..., None]], axis=2)
    return Recorded(ids=tuple(ids), header_TF=_header(points, rng), joints_TVF=joints)


def _lose_joints(points_TVC: Array, rng: np.random.Generator) -> Array:
    """Freeze or displace single joints for some frames, in place; returns the (T, V) tracking states."""
    n_frames = len(points_TVC)
    states = np.full(points_TVC.shape[:2], float(TRACKED))
    weights = np.ones(N_JOINTS)
    weights[list(RESTLESS)] = 4.0
    for joint in rng.choice(N_JOINTS, rng.poisson(LOST_JOINTS_A_CLIP), p=weights / weights.sum()):
        span = one_run(n_frames, (2, 8), rng)
        if rng.random() < 0.5:
            points_TVC[span, joint] = points_TVC[span.start, joint]
            states[span, joint] = NOT_TRACKED
        else:
            points_TVC[span, joint] += rng.normal(0.0, 0.18, 3)
            states[span, joint] = INFERRED
    return states


def _images(points_TVC: Array) -> tuple[Array, Array]:
    """Pixels in the depth (512 x 424) and colour (1920 x 1080) images: pinholes with a Kinect v2's usual intrinsics."""
    slopes = points_TVC[..., :2] / np.maximum(points_TVC[..., 2:], 0.1) * np.array([1.0, -1.0])
    return slopes * 366.1 + np.array([256.4, 208.5]), slopes * 1063.0 + np.array([974.6, 567.6])


def _header(points_TVC: Array, rng: np.random.Generator) -> Array:
    """(T, 9). Lean is how far the shoulders are off the hips, to the side and to the front, as in the sensor's unit."""
    n_frames = len(points_TVC)
    header = np.zeros((n_frames, 9))
    header[:, 0] = rng.choice((0, 8), p=(0.9, 0.1))
    header[:, [1, 3]] = rng.random((n_frames, 2)) < 0.7
    header[:, [2, 4]] = rng.integers(0, 5, (n_frames // 8 + 1, 2)).repeat(8, axis=0)[:n_frames]
    header[:, 6:8] = (points_TVC[:, 20] - points_TVC[:, 0])[:, [0, 2]] * 1.5
    header[:, 8] = TRACKED
    return header


def quaternions(rotations: Array) -> Array:
    """Rotation matrices (..., 3, 3) -> unit quaternions (..., 4) as w x y z with w >= 0."""
    m = rotations
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], axis=-1)
    out = np.sqrt(np.maximum(squares, 0.0)) / 2
    for axis, (i, j) in enumerate(((2, 1), (0, 2), (1, 0)), start=1):
        out[..., axis] = np.copysign(out[..., axis], m[..., i, j] - m[..., j, i])
    return out
