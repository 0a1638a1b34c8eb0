"""Which points of a clip's path a training sees: drawn ones, so that it sees other ones each time.

The points themselves: `dastm.layers.path_points`. Axes: L clips, F points.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

JITTER = 0.4
"""A point is drawn at most this share of a piece away from the middle of its piece of the path."""


def drawn_shares(n_clips: int, n_points: int, rng: np.random.Generator) -> Tensor:
    """One share of the path in each of `n_points` equal pieces of it, the first and the last at its ends -> (L, F)."""
    offsets_LF: NDArray[np.float64] = rng.uniform(-JITTER, JITTER, (n_clips, n_points))
    shares_LF = (np.arange(n_points) + 0.5 + offsets_LF) / n_points
    if n_points > 1:
        shares_LF[:, 0], shares_LF[:, -1] = 0, 1
    return torch.from_numpy(shares_LF)
