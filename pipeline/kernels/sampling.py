"""Which frames stand for a clip: TSN sampling (Wang et al., ECCV 2016; section 5 of the DASTM paper).

In: how many frames a clip has. Out: `n_frames` frame numbers, one from each of as many equal segments
[i L / n, (i + 1) L / n). A clip shorter than `n_frames` is stretched (frames repeat), never padded.
The authors' released code draws otherwise: `release_frames`.
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray


def clip_rng(seed: int, key: str) -> np.random.Generator:
    """The generator of one clip: the same whatever clips come before it, another one for another key or seed."""
    digest = blake2b(key.encode(), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])


def segment_frames(n_source: int, n_frames: int, rng: np.random.Generator | None = None) -> NDArray[np.int64]:
    """Frame numbers in 0 .. n_source - 1, not decreasing, shape (n_frames,).

    Args:
        rng: None takes the middle of each segment, floor((i + 0.5) L / n); a generator takes one frame that the
            segment touches, each with the same chance.

    Raises ValueError where a count is below 1.
    >>> segment_frames(6, 3)
    array([1, 3, 5])
    """
    if n_source < 1 or n_frames < 1:
        raise ValueError(f"sampling {n_frames} of {n_source} frames: both must be at least 1")
    i = np.arange(n_frames, dtype=np.int64)
    if rng is None:
        return (2 * i + 1) * n_source // (2 * n_frames)
    first = i * n_source // n_frames
    last = -(-(i + 1) * n_source // n_frames) - 1  # ceil((i + 1) L / n) - 1, never below `first`
    return rng.integers(first, last, endpoint=True, dtype=np.int64)


def release_frames(n_source: int, n_frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Frame numbers as the authors' released code draws them, not decreasing, shape (n_frames,).

    Segments have floor(L / n) frames each, so that the last L mod n frames are never drawn. A clip shorter than
    `n_frames` gives its first `n_frames` frames, those from `n_source` on being padding; it is not stretched.

    Raises ValueError where a count is below 1.
    """
    if n_source < 1 or n_frames < 1:
        raise ValueError(f"sampling {n_frames} of {n_source} frames: both must be at least 1")
    i = np.arange(n_frames, dtype=np.int64)
    length = n_source // n_frames
    return i * length + rng.integers(length, size=n_frames, dtype=np.int64) if length else i
