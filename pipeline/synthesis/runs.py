"""Random runs of frames, for failures of tracking that begin and end."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def random_runs(shape: tuple[int, int], share: float, mean_length: float, rng: np.random.Generator) -> Mask:
    """(T, N) booleans, true about `share` of the time, in runs of about `mean_length` frames, each column for itself.

    A two-state Markov chain started in its stationary distribution. Raises ValueError unless 0 <= share < 1.
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(f"share: from 0 to below 1, got {share}")
    ends = 1.0 / mean_length
    begins = min(1.0, ends * share / (1.0 - share))
    draws = rng.random(shape)
    mask = draws < share
    stays, starts = draws >= ends, draws < begins
    for frame in range(1, shape[0]):
        mask[frame] = np.where(mask[frame - 1], stays[frame], starts[frame])
    return mask


def one_run(n_frames: int, lengths: tuple[int, int], rng: np.random.Generator) -> slice:
    """One stretch of `lengths` (fewest, most) frames somewhere inside the clip."""
    length = min(n_frames, int(rng.integers(lengths[0], lengths[1] + 1)))
    start = int(rng.integers(0, n_frames - length + 1))
    return slice(start, start + length)
