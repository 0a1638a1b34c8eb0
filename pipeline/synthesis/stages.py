"""What a class of the open vocabulary consists of: stages of tracks, each a limb group that goes from pose to pose.

`vocabulary` composes recipes, `render` acts them out. Angles are in radians, ways in body heights.

Axes: K poses of a track, D channels of `body.CHANNELS`.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.synthesis.body import CHANNELS, COLUMN, Array
from pipeline.synthesis.moves import MIRRORED, mirror_channel


@dataclass(frozen=True, kw_only=True)
class Wave:
    """Going to and fro about the poses: sine_D sin + cosine_D cos + bias_D, while it lasts."""

    sine_D: Array
    cosine_D: Array
    bias_D: Array
    beats: int
    hertz: float | None
    """Beats a second, at the end of the track; None: all through the track, as steps go with a walk."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """What one group of limbs does in a stage: from the stance to each pose in turn, a pause, and perhaps back."""

    keys_KD: Array
    seconds_K: Array
    """The time that it takes to reach each pose from the one before."""
    pause: float
    """Seconds at the last pose; more where a wave lasts longer."""
    returns: bool
    """Whether it goes back to the stance; else what comes after goes on from the last pose."""
    wave: Wave | None = None


Stage = tuple[Track, ...]
"""What begins together."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One class: tracks that begin together, stage after stage, on top of a stance that is held all through."""

    stance_D: Array
    stages: tuple[Stage, ...]


_MIRROR_D = np.array([COLUMN[mirror_channel(name)] for name in CHANNELS])
_SIGN_D = np.array([-1.0 if name in MIRRORED else 1.0 for name in CHANNELS])


def mirrored(vectors_KD: Array) -> Array:
    """The same motion of the other side; any number of leading axes."""
    other: Array = vectors_KD[..., _MIRROR_D] * _SIGN_D
    return other


def mirrored_track(track: Track) -> Track:
    """The track of the other side."""
    wave = track.wave
    if wave is not None:
        sides = (mirrored(wave.sine_D), mirrored(wave.cosine_D), mirrored(wave.bias_D))
        wave = replace(wave, sine_D=sides[0], cosine_D=sides[1], bias_D=sides[2])
    return replace(track, keys_KD=mirrored(track.keys_KD), wave=wave)
