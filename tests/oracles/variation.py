"""One clip with other limbs or lost joints, joint by joint: the slow version of `dastm.episodes.variation`."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dastm.contract.skeleton import Layout

Array = NDArray[np.float64]


def way_to_centre(layout: Layout, joint: int) -> list[int]:
    """The joints from this one to the centre, by the fewest bones."""
    ways = [[joint]]
    while True:
        for way in ways:
            if way[-1] == layout.centre:
                return way
        ways = [[*way, b] for way in ways for a, b in _both_ways(layout) if a == way[-1] and b not in way]


def with_limbs_of(joints_MTVC: Array, factors: Array, layout: Layout) -> Array:
    other = joints_MTVC.copy()
    for joint in range(layout.n_joints):
        way = way_to_centre(layout, joint)
        other[:, :, joint, :] = joints_MTVC[:, :, layout.centre]
        for end, start in pairwise(way):
            other[:, :, joint] += factors[end] * (joints_MTVC[:, :, end] - joints_MTVC[:, :, start])
    return other


def without_joints(joints_MTVC: Array, dropped: NDArray[np.bool_], layout: Layout) -> Array:
    other = joints_MTVC.copy()
    for joint in range(layout.n_joints):
        seen = [at for at in way_to_centre(layout, joint) if at == layout.centre or not dropped[at]]
        other[:, :, joint] = joints_MTVC[:, :, seen[0]]
    return other


def _both_ways(layout: Layout) -> list[tuple[int, int]]:
    return [*layout.bones, *((b, a) for a, b in layout.bones)]
