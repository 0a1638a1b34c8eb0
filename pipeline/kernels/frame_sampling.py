"""Which frames stand for a clip: TSN sampling (Wang et al., ECCV 2016; section 5 of the DASTM paper), or others.

Frames are taken by `dastm.contract.clips.segment_frames`, random ones with the generator of their clip (`clip_rng`), or
at equal steps along the path of the clip (`path_frames`).
The authors' released code draws differently (`release_frames`), and mixes up what it has drawn (`scramble`).

Axes: M bodies, T frames, V joints, C coordinates.
"""

from collections.abc import Collection
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from dastm.contract.clips import segment_frames

NOTE_SCRAMBLED = "frames scrambled, as the authors' released code leaves them"
"""The note on every clip of shards whose joints are scrambled, and on no other."""


def clip_rng(seed: int, key: str) -> np.random.Generator:
    """The random generator of one clip: it depends on seed and key only, not on the clips before it."""
    digest = blake2b(key.encode(), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])


def path_frames(places_MTVC: NDArray[np.float64], n_frames: int) -> NDArray[np.int64]:
    """The frames nearest to points at equal distances along the path of all joints of a clip, shape (n_frames,).

    Not decreasing; fast movements get more frames than slow ones, and a frame stands for several points where the body
    moves far within it. A clip that does not move has no path: it gets the frames of `segment_frames`.
    """
    steps_T = np.sqrt(np.square(np.diff(places_MTVC, axis=1)).sum(axis=(0, 2, 3)))
    at_T = np.concatenate([[0.0], np.cumsum(steps_T)])
    if at_T[-1] == 0:
        return segment_frames(len(at_T), n_frames, None)
    shares_F = np.linspace(0, 1, n_frames) if n_frames > 1 else np.array([0.5])
    nearest_F: NDArray[np.int64] = np.searchsorted((at_T[1:] + at_T[:-1]) / 2, shares_F * at_T[-1])
    return nearest_F


def release_frames(n_source: int, n_frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Frame numbers as the authors' released code draws them, not decreasing, shape (n_frames,).

    Segments have floor(L / n) frames each, so that the last L mod n frames are never drawn. A clip shorter than
    `n_frames` gives its first `n_frames` frames, those from `n_source` on being padding; it is not stretched.

    Raises: ValueError where a count is below 1.
    """
    if n_source < 1 or n_frames < 1:
        raise ValueError(f"sampling {n_frames} of {n_source} frames: both must be at least 1")
    i = np.arange(n_frames, dtype=np.int64)
    length = n_source // n_frames
    return i * length + rng.integers(length, size=n_frames, dtype=np.int64) if length else i


def scramble(joints_MTVC: NDArray[np.float32]) -> NDArray[np.float32]:
    """The numbers of sampled frames in the order of the authors' released code, same shape.

    It takes frames by an index that puts time first, (T, C, V, M), and *reshapes* them to (C, T, V, M) where it should
    transpose. So coordinate c of frame t is coordinate (c T + t) mod C of frame (c T + t) div C; of 30 frames and three
    coordinates: coordinate t mod 3 of frame 10 c + t div 3.

    >>> scramble(np.arange(6).reshape(1, 2, 1, 3))[0, :, 0].tolist()  # frames (0, 1, 2) and (3, 4, 5)
    [[0, 2, 4], [1, 3, 5]]
    """
    n_bodies, n_frames, n_joints, n_coordinates = joints_MTVC.shape
    mixed_MVCT = joints_MTVC.transpose(0, 2, 1, 3).reshape(n_bodies, n_joints, n_coordinates, n_frames)
    return np.ascontiguousarray(mixed_MVCT.transpose(0, 3, 1, 2))


def unscramble(joints_MTVC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo `scramble`."""
    n_bodies, n_frames, n_joints, n_coordinates = joints_MTVC.shape
    flat_MVCT = joints_MTVC.transpose(0, 2, 3, 1).reshape(n_bodies, n_joints, n_frames, n_coordinates)
    return np.ascontiguousarray(flat_MVCT.transpose(0, 2, 1, 3))


def in_time(joints_MTVC: NDArray[np.float32], notes: Collection[str]) -> NDArray[np.float32]:
    """The joints of a shard's clip with these notes, in the order of time whatever order they are stored in."""
    return unscramble(joints_MTVC) if NOTE_SCRAMBLED in notes else joints_MTVC
