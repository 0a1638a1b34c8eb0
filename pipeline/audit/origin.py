"""Which joints are exactly at the origin: in nearly all frames (centred on it, or never measured), or at times (lost).

In: one body of a clip. Out: shares of frames. No sensor measures that place, in space or in the corner of an image, so
exact equality is asked for. numpy only: the audit, which reads a second time, and the doctor both use it.

Axes: T frames, V joints, C coordinates.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEARLY_ALL = 0.9
"""Share of the frames that show a body, from which on a joint is always at the origin."""
AT_TIMES = 0.05
"""The least share that is told."""


def share_at(
    joints_TVC: NDArray[np.float64], known_TV: NDArray[np.bool_], place: Sequence[float] | float = 0.0
) -> NDArray[np.float64]:
    """The share of the frames that show the body in which each joint is known, and exactly at a place -> (V,).

    Args: place: (C,) coordinates, or one number for all of them; by default the origin.
    """
    at_TV = known_TV & (joints_TVC == np.asarray(place)).all(axis=2)
    return np.asarray(at_TV.sum(axis=0) / max(1, int(known_TV.any(axis=1).sum())))
