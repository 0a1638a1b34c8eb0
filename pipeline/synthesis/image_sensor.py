"""Simulates a pose network on a video of one body: 17 joints in fractions of the image, each with a confidence.

In: the body's true points. Out: the content of an array file of 2-D joints. The tables below say where the camera
stands, how much of the picture the motion fills, and which errors the network makes.
Image coordinates as in `video_camera`: x right, y down, not mirrored.

Axes: T frames, V joints, C coordinates.
"""

import numpy as np

from pipeline.synthesis.body import Array, axis_rotation
from pipeline.synthesis.runs import random_runs
from pipeline.synthesis.sensor import jitter, tilted
from pipeline.synthesis.video_camera import Lens, hand_held, project

POINT_OF_JOINT = (25, 27, 26, 29, 28, 4, 8, 5, 9, 6, 10, 12, 16, 13, 17, 14, 18)
"""COCO-17 in its order."""
ANY_SIDE_RATE, FRONT = 0.4, np.radians(35.0)
"""How often the camera stands anywhere around; else about in front, with this standard deviation."""
PITCH, DISTANCE = np.radians(8.0), (2.5, 7.0)
"""How steeply it looks up or down (standard deviation), and metres to the body."""
ASPECTS = (4 / 3, 16 / 9, 3 / 4, 9 / 16)
FILL, CLOSE_UP_RATE, CLOSE_UP = (0.45, 0.9), 0.08, (1.15, 1.5)
"""The share of the picture that the motion fills; close-ups cut it."""
OFF_CENTRE = 0.05
NOISE_DECADES = (-2.4, -1.6)
LOST_SHARE, LOST_RUN = 0.03, 5.0
"""Share of joints that are not found, and the mean length of such gaps in frames."""
CONFIDENCE, CONFIDENCE_OF_JOINT, CONFIDENCE_OF_FRAME = (0.6, 0.95), 0.06, 0.04
OUTSIDE = 0.02
"""Joints further out of the picture than this are not found."""


def filmed(points_TVC: Array, rng: np.random.Generator) -> Array:
    """(T, 17, 3) x, y, confidence of the body's (T, 30, 3) points; joints that are not found are 0, 0, 0."""
    seen = _seen(points_TVC[:, POINT_OF_JOINT], rng)
    lens = _lens(seen, rng)
    xy = project(seen, lens)
    noise = jitter(xy.shape, NOISE_DECADES, rng)
    xy = xy + noise * (lens.focal_T / seen[..., 2].mean(axis=1))[:, None, None] / [lens.aspect, 1.0]
    lost = random_runs(xy.shape[:2], LOST_SHARE, LOST_RUN, rng)
    lost |= ((xy < -OUTSIDE) | (xy > 1.0 + OUTSIDE)).any(axis=2)
    score = rng.uniform(*CONFIDENCE) + rng.normal(0.0, CONFIDENCE_OF_JOINT, xy.shape[1])
    score = np.clip(score + rng.normal(0.0, CONFIDENCE_OF_FRAME, xy.shape[:2]), 0.05, 1.0)
    return np.where(lost[..., None], 0.0, np.concatenate([xy, score[..., None]], axis=2))


def _seen(points_TVC: Array, rng: np.random.Generator) -> Array:
    """The points in the camera's coordinates, the middle of their ways straight ahead."""
    yaw = rng.uniform(-np.pi, np.pi) if rng.random() < ANY_SIDE_RATE else rng.normal(0.0, FRONT)
    turned = points_TVC @ axis_rotation("y", np.array([yaw]))[0].T
    turned = tilted(turned, float(rng.normal(0.0, PITCH)), 0.0)
    middle = (turned.min(axis=(0, 1)) + turned.max(axis=(0, 1))) / 2
    # However far the body walks, it stays in front of the camera.
    nearest = middle[2] - turned[..., 2].min()
    seen: Array = turned - middle + [0.0, 0.0, nearest + rng.uniform(*DISTANCE)]
    return seen


def _lens(seen_TVC: Array, rng: np.random.Generator) -> Lens:
    """A picture that holds the whole motion, or in a close-up most of it."""
    aspect = float(rng.choice(ASPECTS))
    zoom, pan = hand_held(len(seen_TVC), rng)
    extent = np.ptp(seen_TVC[..., :2] / seen_TVC[..., 2:], axis=(0, 1)) / [aspect, 1.0]
    fill = rng.uniform(*(CLOSE_UP if rng.random() < CLOSE_UP_RATE else FILL))
    return Lens(
        distance=float(seen_TVC[..., 2].mean()),
        focal_T=fill / extent.max() * zoom,
        centre_T2=0.5 + rng.normal(0.0, OFF_CENTRE, 2) + pan,
        middle=0.0,
        aspect=aspect,
    )
