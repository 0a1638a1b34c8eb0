"""Draws the points of a clip's path that a training sees, different ones each time.

The points themselves: `dastm.layers.path_points`. Axes: L clips, F points.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

JITTER = 0.4
"""Largest distance of a point from the middle of its part of the path, as a share of the part."""


def drawn_shares(n_clips: int, n_points: int, rng: np.random.Generator) -> Tensor:
    """Draw a position in each of `n_points` equal parts of the path, the first and last at its ends -> (L, F)
    shares."""
    offsets_LF: NDArray[np.float64] = rng.uniform(-JITTER, JITTER, (n_clips, n_points))
    shares_LF = (np.arange(n_points) + 0.5 + offsets_LF) / n_points
    if n_points > 1:
        shares_LF[:, 0], shares_LF[:, -1] = 0, 1
    return torch.from_numpy(shares_LF)
