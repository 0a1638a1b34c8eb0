"""Points along the path of one clip, step by step: the slow version of `dastm.layers.path_points`."""

import math

import numpy as np
from numpy.typing import NDArray


def along_path(joints_MTVC: NDArray[np.float64], shares: list[float], n_space: int) -> NDArray[np.float64]:
    """One clip at shares of the length of its path, each found by walking from its first frame."""
    n_frames = joints_MTVC.shape[1]
    steps = [
        math.sqrt(sum(float(step) ** 2 for step in (joints_MTVC[:, t + 1] - joints_MTVC[:, t])[..., :n_space].flat))
        for t in range(n_frames - 1)
    ]
    points = []
    for share in shares:
        left = share * math.fsum(steps)
        point = joints_MTVC[:, 0]
        for t, step in enumerate(steps):
            way = min(left / step, 1.0) if step > 0 else 1.0
            point = (1 - way) * joints_MTVC[:, t] + way * joints_MTVC[:, t + 1]
            if left < step:
                break
            left -= step
        points.append(point)
    return np.stack(points, axis=1)
