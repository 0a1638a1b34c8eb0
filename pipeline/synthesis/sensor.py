"""Simulates depth sensors as recordings of people show them: frame rate, cut ends, noise, lost limbs, tilt.

In: the true points of one body at 30 frames per second. Out: the content of an array file of joints. The tables below
say how often each effect occurs; the depth camera of the demos, which writes NTU's text, is `depth_camera`.

Axes: T frames, V joints, C coordinates (metres, y up, z away from the camera).
"""

import numpy as np

from pipeline.synthesis.body import Array, axis_rotation
from pipeline.synthesis.depth_camera import N_JOINTS

HALF_RATE, SLOWEST = 1 / 3, 40
"""How often only every second frame is recorded, of clips with more frames than this."""
CUT_RATE, CUT_MOST, FEWEST = 0.6, 0.12, 8
"""How often an end of the clip is cut off, the largest share of it, and the frames that stay at least."""
PLACE = ((-0.5, 0.5), (-1.4, -0.7), (2.0, 4.0))
"""Where the body stands: to the right, up (the ground below the camera), away."""
NOISE_DECADES, NOISE_OF_AXIS, NOISE_OF_JOINT, NOISE_WIDEST = (-2.7, -1.8), (1.0, 1.0, 1.5), 0.5, 3
"""Metres, as powers of ten; axes; how joints differ (logarithm); the most frames that a device smooths over."""
LEFT, RIGHT = 4, 8
"""The shoulders."""
LOST_A_CLIP, LOST_METRES, LOST_FRAMES = 0.8, 0.06, (2.0, 12.0)
LOST = (
    *((5, 6, 7, 21, 22), (9, 10, 11, 23, 24), (13, 14, 15), (17, 18, 19)),
    *((7, 21, 22), (11, 23, 24), (15,), (19,)),
)
"""Joints that wander off together."""
FACING = np.radians(60.0)
"""The most by which a body faces past the camera, either way."""
FAR_SIDE = ((5, 6, 7, 21, 22), (13, 14, 15)), ((9, 10, 11, 23, 24), (17, 18, 19))
FAR_A_METRE, FAR_METRES = 4.0, 0.09
"""Left and right limbs; how often a limb of the side farther away is lost, for each metre that it is farther."""
TILT_RATE, TILT = 0.5, np.radians(6.0)
ON_LIMB_RATE = 0.25
ON_LIMB = ((6, 7, 5, 0.85), (10, 11, 9, 0.85), (14, 15, 13, 0.9), (18, 19, 17, 0.9))
"""Devices of 15 joints: wrists and ankles are put on the line from the end (this share) to the joint before."""


def recorded_frames(n_frames: int, rng: np.random.Generator) -> Array:
    """(T,) the frames of `n_frames` that a file holds."""
    step = 2 if rng.random() < HALF_RATE and n_frames > SLOWEST else 1
    frames = np.arange(rng.integers(step), n_frames, step, dtype=np.float64)
    before, after = rng.uniform(0.0, CUT_MOST, 2) * (rng.random(2) < CUT_RATE) * len(frames)
    return frames[int(before) : max(int(len(frames) - after), int(before) + FEWEST)]


def sensed(points_TVC: Array, rng: np.random.Generator) -> Array:
    """(T, 25, 3) what a depth sensor makes of the body's (T, 30, 3) true points."""
    noise = jitter((len(points_TVC), N_JOINTS, 3), NOISE_DECADES, rng) * NOISE_OF_AXIS
    facing = points_TVC[:, :N_JOINTS] @ axis_rotation("y", np.array([rng.uniform(-FACING, FACING)]))[0].T
    points = facing + noise
    for _ in range(rng.poisson(LOST_A_CLIP)):
        _lose(points, LOST[rng.integers(len(LOST))], LOST_METRES, rng)
    farther = float((facing[:, LEFT] - facing[:, RIGHT])[:, 2].mean())
    for _ in range(rng.poisson(FAR_A_METRE * abs(farther))):
        _lose(points, FAR_SIDE[0 if farther > 0 else 1][rng.integers(2)], FAR_METRES, rng)
    if rng.random() < TILT_RATE:
        points = tilted(points, float(rng.normal(0.0, TILT)), float(rng.uniform(-np.pi, np.pi)))
    if rng.random() < ON_LIMB_RATE:
        for joint, end, before, share in ON_LIMB:
            points[:, joint] = share * points[:, end] + (1.0 - share) * points[:, before]
    placed: Array = points + [rng.uniform(*span) for span in PLACE]
    return placed


def _lose(points_TVC: Array, joints: tuple[int, ...], metres: float, rng: np.random.Generator) -> None:
    """Some joints wander off together for a while."""
    middle, width = rng.uniform(0.0, len(points_TVC)), rng.uniform(*LOST_FRAMES)
    away = np.exp(-0.5 * ((np.arange(len(points_TVC)) - middle) / width) ** 2)
    points_TVC[:, list(joints)] += away[:, None, None] * rng.normal(0.0, metres, (1, len(joints), 3))


def tilted(points_TVC: Array, tilt: float, direction: float) -> Array:
    """The points after a turn by `tilt` about the horizontal axis that lies `direction` off x, in radians."""
    about, turn = axis_rotation("y", np.array([direction]))[0], axis_rotation("x", np.array([tilt]))[0]
    turned: Array = points_TVC @ (about @ turn @ about.T).T
    return turned


def jitter(shape: tuple[int, ...], decades: tuple[float, float], rng: np.random.Generator) -> Array:
    """Noise (T, V, ..), each joint with its own size; smoothed over some frames, as strong at the ends as elsewhere.

    Args:
        decades: the usual size, as powers of ten of a metre, from and to.
    """
    n_frames, n_joints, *rest = shape
    width = int(rng.integers(1, NOISE_WIDEST + 1))
    white = rng.normal(0.0, 1.0, (n_frames + width - 1, n_joints, *rest))
    smooth = np.add.reduce([white[i : i + n_frames] for i in range(width)]) / np.sqrt(width)
    size = 10.0 ** rng.uniform(*decades) * np.exp(rng.normal(0.0, NOISE_OF_JOINT, (n_joints, *[1] * len(rest))))
    noise: Array = smooth * size
    return noise
