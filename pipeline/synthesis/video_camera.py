"""What OpenPose makes of a scene on video: 18 joints in image fractions, scores, people in the crowd, empty frames.

In: a `Scene` (metres, true). Out: `Film`, the numbers of a Kinetics-skeleton JSON file.
Image coordinates: fractions of width and height, x right, y down; not mirrored, so a facing subject's right is left.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.synthesis.body import Array, draw_subject
from pipeline.synthesis.motion import Body, Scene, stand, turned
from pipeline.synthesis.runs import Mask, random_runs

POINT_OF_JOINT = (25, 20, 8, 9, 10, 4, 5, 6, 16, 17, 18, 12, 13, 14, 26, 27, 28, 29)
"""OpenPose-18 in its order; its neck lies between the shoulders."""
N_JOINTS, NECK, SHOULDERS = len(POINT_OF_JOINT), 1, (2, 5)
ASPECT = 340 / 256
EMPTY_SHARE, EMPTY_RUN = 0.3, 7.0
MISSING_SHARE, MISSING_RUN = 0.12, 6.0
CROWD_MISSING_SHARE = 0.55
CLOSE_UP_RATE = 0.15
CROWD_SIZES = (0.5, 0.25, 0.13, 0.08, 0.04)
"""Probabilities that 0, 1, .. 4 other people are in the picture."""
EDGE = 1.12
"""Joints further out than this are not found; the network does find some a little outside the image."""
MOST_SCORE = 1.2


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person through the clip. Joints that are not found have x = y = score = 0."""

    xy_TV2: Array
    score_TV: Array
    present_T: Mask


@dataclass(frozen=True, kw_only=True)
class Film:
    """One file: people in the order in which frames list them; in an empty frame nobody is listed."""

    people: tuple[Person, ...]
    empty_T: Mask


def film(scene: Scene, rng: np.random.Generator) -> Film:
    """Film `scene` with a hand-held camera from somewhere in front of it."""
    n_frames = scene.n_frames
    lens = _lens(n_frames, max(body.points_TV3[0, 3, 1] for body in scene.bodies), len(scene.bodies), rng)
    yaw, place = rng.normal(0.0, np.radians(10.0)), np.array([0.0, 0.0, lens.distance])
    people = [
        _found(turned(body, yaw, place), lens, rng.uniform(0.66, 0.92), MISSING_SHARE, rng) for body in scene.bodies
    ]
    for _ in range(rng.choice(len(CROWD_SIZES), p=CROWD_SIZES)):
        spot = place + rng.uniform((-2.2, -0.1, 0.4), (2.2, 0.1, 2.5))
        body = stand(draw_subject(rng), n_frames, spot, rng)
        people.append(_found(body, lens, rng.uniform(0.2, 0.45), CROWD_MISSING_SHARE, rng))
    empty = random_runs((n_frames, 1), EMPTY_SHARE, EMPTY_RUN, rng)[:, 0]
    sure = int(rng.integers(0, n_frames - 7))
    empty[sure : sure + 8] = False
    return Film(people=tuple(people[i] for i in rng.permutation(len(people))), empty_T=empty)


@dataclass(frozen=True, kw_only=True)
class Lens:
    """How points in front of the camera become places in its picture."""

    distance: float
    focal_T: Array
    """In image heights; slow zoom."""
    centre_T2: Array
    """Where the point (0, middle, distance) falls; slow pan."""
    middle: float
    """Height that the camera looks at, metres."""
    aspect: float = ASPECT
    """Width of the picture by its height."""


def _lens(n_frames: int, head: float, n_bodies: int, rng: np.random.Generator) -> Lens:
    """Frame the whole body, or in a close-up the upper part of it."""
    is_close = rng.random() < CLOSE_UP_RATE and n_bodies == 1
    fill = rng.uniform(1.15, 1.45) if is_close else rng.uniform(0.5, 0.85)
    distance = float(rng.uniform(3.0, 5.0))
    zoom, pan = hand_held(n_frames, rng)
    middle = head * (1.08 - 0.5 / fill) if is_close else head * 0.52
    return Lens(
        distance=distance,
        focal_T=fill * distance / (1.1 * head) * zoom,
        centre_T2=np.array([0.5, 0.52]) + rng.normal(0.0, 0.05, 2) + pan,
        middle=float(middle),
    )


def hand_held(n_frames: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """A camera in somebody's hand: (T,) factor on the focal length, (T, 2) shift of the picture; both change slowly."""
    time = np.arange(n_frames) / 30.0
    slow = np.sin(2 * np.pi * (rng.uniform(0.03, 0.15, (3, 1)) * time + rng.random((3, 1))))
    zoom: Array = 1.0 + rng.uniform(0.0, 0.07) * slow[0]
    pan: Array = rng.uniform(0.0, 0.03, 2) * slow[1:].T
    return zoom, pan


def _found(body: Body, lens: Lens, confidence: float, missing: float, rng: np.random.Generator) -> Person:
    points = body.points_TV3[:, POINT_OF_JOINT]
    points[:, NECK] = (points[:, SHOULDERS[0]] + points[:, SHOULDERS[1]]) / 2
    xy = project(points, lens)
    size = lens.focal_T / points[:, :, 2].mean(axis=1)
    xy = xy + rng.normal(0.0, 0.007, xy.shape) * size[:, None, None]
    lost = random_runs(xy.shape[:2], missing, MISSING_RUN, rng) | _hidden(points, xy)
    wander = np.sin(
        2 * np.pi * (np.arange(len(xy))[:, None] * rng.uniform(0.01, 0.04, N_JOINTS) + rng.random(N_JOINTS))
    )
    score = confidence + rng.normal(0.0, 0.07, N_JOINTS) + 0.08 * wander + rng.normal(0.0, 0.05, xy.shape[:2])
    score = np.where(lost, 0.0, np.clip(score, 0.05, MOST_SCORE))
    return Person(xy_TV2=np.where(lost[..., None], 0.0, xy), score_TV=score, present_T=np.asarray(~lost.all(axis=1)))


def project(points_TV3: Array, lens: Lens) -> Array:
    """Pinhole: metres -> fractions of the image."""
    scale = lens.focal_T[:, None] / np.maximum(points_TV3[..., 2], 0.5)
    across, up = points_TV3[..., 0], points_TV3[..., 1] - lens.middle
    return lens.centre_T2[:, None] - np.stack([across * scale / lens.aspect, up * scale], axis=2)


def _hidden(points_TV3: Array, xy_TV2: Array) -> Mask:
    """Joints outside the image, and the eye or ear on the side of the head that is turned away."""
    hidden = np.asarray(((xy_TV2 < 1.0 - EDGE) | (xy_TV2 > EDGE)).any(axis=2))
    for near, far in ((14, 15), (15, 14), (16, 17), (17, 16)):
        hidden[:, far] |= points_TV3[:, far, 2] > points_TV3[:, near, 2] + (0.025 if far > 15 else 0.03)
    return hidden
