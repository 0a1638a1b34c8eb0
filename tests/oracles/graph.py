"""The spatial partition of Yan et al. (AAAI 2018) restated joint by joint, with Floyd-Warshall distances."""

import numpy as np
from numpy.typing import NDArray

from dastm.contract.skeleton import Layout


def hop_distances(layout: Layout) -> NDArray[np.float64]:
    n = layout.n_joints
    hops = np.full((n, n), np.inf)
    for i in range(n):
        hops[i, i] = 0
    for i, j in layout.bones:
        hops[i, j] = hops[j, i] = min(1, hops[i, j])
    for k in range(n):
        for i in range(n):
            for j in range(n):
                hops[i, j] = min(hops[i, j], hops[i, k] + hops[k, j])
    return hops


def spatial_partition(layout: Layout) -> NDArray[np.float64]:
    """A[p, i, j]: weight of joint i where joint j gathers."""
    n, hops = layout.n_joints, hop_distances(layout)
    partition = np.zeros((3, n, n))
    for j in range(n):
        degree = sum(1 for i in range(n) if hops[i, j] <= 1)
        for i in range(n):
            if hops[i, j] > 1:
                continue
            if hops[i, j] == 0:
                p = 0
            elif hops[i, layout.hub] >= hops[j, layout.hub]:
                p = 1
            else:
                p = 2
            partition[p, i, j] = 1 / degree
    return partition
