"""A person who stands and sways, by hand: plausible in every way, so that a test adds just one fault."""

from dataclasses import replace

import numpy as np

from dastm.contract.skeleton import NTU25, OPENPOSE18
from pipeline.doctor.observed import lay_out
from pipeline.tracks import Tracks, mark_zeros

STANDING_V3 = np.array(
    [
        *((0.0, 0.0, 3.0), (0.0, 0.3, 3.0), (0.0, 0.65, 3.0), (0.0, 0.8, 3.0)),  # hips to head
        *((-0.2, 0.5, 3.0), (-0.25, 0.25, 3.0), (-0.27, 0.0, 2.95), (-0.28, -0.08, 2.95)),  # left arm
        *((0.2, 0.5, 3.0), (0.25, 0.25, 3.0), (0.27, 0.0, 2.95), (0.28, -0.08, 2.95)),  # right arm
        *((-0.1, -0.05, 3.0), (-0.12, -0.45, 3.0), (-0.12, -0.85, 3.0), (-0.12, -0.9, 2.9)),  # left leg
        *((0.1, -0.05, 3.0), (0.12, -0.45, 3.0), (0.12, -0.85, 3.0), (0.12, -0.9, 2.9)),  # right leg
        *((0.0, 0.55, 3.0), (-0.28, -0.16, 2.95), (-0.24, -0.1, 2.95), (0.28, -0.16, 2.95), (0.24, -0.1, 2.95)),
    ]
)
"""Metres, in the order of NTU25."""


def person(rng, frames=40, shift=(0.0, 0.0, 0.0)):
    """(T, 25, 3) metres."""
    sway_T = 0.1 * np.sin(np.arange(frames) / 5)
    noise_TV3 = rng.normal(0.0, 0.004, (frames, 25, 3))
    return STANDING_V3 + np.array(shift) + sway_T[:, None, None] * np.array([1.0, 0.0, 0.2]) + noise_TV3


def tracks(*bodies, starts=None, frames=None):
    """Each body (T, V, C) from its start on, joints at (0, 0, 0) lost, all with full scores where C is 2."""
    starts = starts or [0] * len(bodies)
    frame_index = np.concatenate([np.arange(len(b)) + start for b, start in zip(bodies, starts, strict=True)])
    joints = np.concatenate(bodies).astype(np.float32)
    clip = Tracks(
        frames=frames or int(frame_index.max()) + 1,
        ids=np.arange(len(bodies), dtype=np.int64) + 70,
        lengths=np.array([len(b) for b in bodies], np.int32),
        frame_index=frame_index.astype(np.int32),
        joints_PVC=joints,
        scores_PV=np.full(joints.shape[:2], 0.8, np.float32) if joints.shape[2] == 2 else None,
    )
    return mark_zeros(clip)


def laid_out(*bodies, starts=None, frames=None):
    clip = tracks(*bodies, starts=starts, frames=frames)
    return lay_out(clip, NTU25 if clip.scores_PV is None else OPENPOSE18)


def film(rng, frames=40):
    """(T, 18, 2) fractions of the image."""
    return rng.uniform(0.3, 0.7, (18, 2)) + rng.normal(0.0, 0.01, (frames, 18, 2))


def with_scores(clip, scores_PV):
    return replace(clip, scores_PV=np.asarray(scores_PV, np.float32))


def as_skeleton(clip):
    """The text of a `.skeleton` file."""
    lines = [str(clip.frames)]
    starts_B = np.cumsum(clip.lengths) - clip.lengths
    for t in range(clip.frames):
        here = []
        for body, start, length in zip(clip.ids, starts_B, clip.lengths, strict=True):
            here += [(body, p) for p in range(start, start + length) if clip.frame_index[p] == t]
        lines.append(str(len(here)))
        for body, p in here:
            lines += [f"{body} 0 1 1 1 1 0 0.01 -0.25 2", str(clip.joints_PVC.shape[1])]
            lines += [f"{x} {y} {z} 0 0 0 0 0 0 0 0 2" for x, y, z in np.nan_to_num(clip.joints_PVC[p]).tolist()]
    return "\n".join(lines) + "\n"
