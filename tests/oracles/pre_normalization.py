"""The pre-normalisation of 2s-AGCN (Shi et al., CVPR 2019), written slowly and plainly from its description.

1. Frames without a body at the start are left out, later ones repeat what came before.
2. In every frame the first body's joint 1 is subtracted from all joints of all bodies.
3. All is turned about spine x z by the angle between the spine (joint 0 to joint 1, first body, first frame) and z.
4. All is turned about shoulders x x-axis by the angle between them, for the line from joint 4 to joint 8.
"""

import math

import numpy as np


def pre_normalization(
    joints_MTVC: np.ndarray, spine: tuple[int, int] = (0, 1), shoulders: tuple[int, int] = (4, 8), centre: int = 1
) -> np.ndarray:
    clip = _pad(np.array(joints_MTVC, dtype=np.float64))
    for t in range(clip.shape[1]):
        middle = clip[0, t, centre].copy()
        for m in range(clip.shape[0]):
            for v in range(clip.shape[2]):
                clip[m, t, v] -= middle
    clip = _turn(clip, clip[0, 0, spine[1]] - clip[0, 0, spine[0]], np.array([0.0, 0.0, 1.0]))
    return _turn(clip, clip[0, 0, shoulders[1]] - clip[0, 0, shoulders[0]], np.array([1.0, 0.0, 0.0]))


def _pad(clip: np.ndarray) -> np.ndarray:
    for body in clip:
        seen = [frame.copy() for frame in body if np.abs(frame).sum() > 0]
        first = next((t for t in range(len(body)) if np.abs(body[t]).sum() > 0), 0)
        rest, body[:] = body[first:].copy(), 0.0
        for t in range(len(body)):
            if t < len(rest) and np.abs(rest[t]).sum() > 0:
                body[t] = rest[t]
            elif seen:
                body[t] = body[t - 1]
    return clip


def _turn(clip: np.ndarray, line: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Every point p to p cos + (k x p) sin + k (k . p)(1 - cos), k the unit axis line x goal (Rodrigues)."""
    length = math.sqrt(sum(x * x for x in line))
    axis = np.cross(line, goal)
    axis_length = math.sqrt(sum(x * x for x in axis))
    if length < 1e-6 or axis_length < 1e-6:
        return clip
    k = axis / axis_length
    angle = math.acos(max(-1.0, min(1.0, float(np.dot(line, goal)) / length)))
    turned = np.empty_like(clip)
    for m in range(clip.shape[0]):
        for t in range(clip.shape[1]):
            for v in range(clip.shape[2]):
                p = clip[m, t, v]
                across = np.array([k[1] * p[2] - k[2] * p[1], k[2] * p[0] - k[0] * p[2], k[0] * p[1] - k[1] * p[0]])
                along = k * sum(k[c] * p[c] for c in range(3))
                turned[m, t, v] = p * math.cos(angle) + across * math.sin(angle) + along * (1.0 - math.cos(angle))
    return turned
