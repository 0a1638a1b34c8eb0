"""Who is who from frame to frame, where a tool lists the bodies of each frame in any order.

In: the bodies seen, frame by frame, with their joints. Out: a number for each, the same while it goes on. A body goes
on as the nearest one of the frames before: mean distance of the joints that both have, as a share of the body's size,
or boxes that overlap (the two tests of simple trackers such as PoseFlow, Xiu et al., BMVC 2018, and SORT, Bewley et
al., ICIP 2016). Nearest pairs are joined first; a body that is lost for longer than a second of video gets a new
number.

Axes: P observations, V joints, C coordinates.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.kernels.nearness import follow_bodies

MOST_STEP = 0.5
"""How far joints may move on average from one frame to the next that shows the body, as a share of the body's size."""
LEAST_OVERLAP = 0.3
"""Share of the area that two boxes cover together from which they are the same body's."""
MOST_GAP = 30
"""Frames that a body may be lost."""


def follow(frame_P: NDArray[np.int32], places_PVC: NDArray[np.float64]) -> NDArray[np.int64]:
    """A body's number for each observation; frames ascend, nan is a joint that was not measured."""
    ids_P = np.zeros(len(frame_P), np.int64)
    if len(frame_P):
        frames_P = np.ascontiguousarray(frame_P, np.int64)
        places = np.ascontiguousarray(places_PVC, np.float64)
        follow_bodies(ids_P, frames_P, places, MOST_STEP, LEAST_OVERLAP, MOST_GAP)
    return ids_P
