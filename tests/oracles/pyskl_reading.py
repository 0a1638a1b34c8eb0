"""What PYSKL (Duan et al., ACM MM 2022) makes of an annotation before any network sees it, restated slowly.

2-D (PoseDecode, PreNormalize2D, GenSkeFeat): pixels from the middle of the image in halves of its sides, y down; the
score is the third number, and joints of a score up to 0.01 are at the middle. 3-D (PoseDecode, the checks of
PreNormalize3D): as stored, at most two bodies, and as many frames as the annotation says.

Axes: M bodies, T frames, V joints, C coordinates.
"""

import numpy as np

LEAST_SCORE = 0.01


def joints_of(annotation):
    """(M, T, V, 3) float32; AssertionError where PYSKL stops."""
    joints_MTVC = annotation["keypoint"].astype(np.float32)
    n_bodies, n_frames, n_joints, n_coordinates = joints_MTVC.shape
    assert n_frames == annotation["total_frames"]
    if "keypoint_score" not in annotation:
        assert n_coordinates == 3
        assert n_bodies in (1, 2)
        return joints_MTVC
    assert n_coordinates == 2
    height, width = annotation["img_shape"]
    seen = np.zeros((n_bodies, n_frames, n_joints, 3), np.float32)
    for m, t, v in np.ndindex(n_bodies, n_frames, n_joints):
        score = annotation["keypoint_score"][m, t, v]
        x, y = joints_MTVC[m, t, v]
        if score > LEAST_SCORE:
            seen[m, t, v, :2] = (x - width / 2) / (width / 2), (y - height / 2) / (height / 2)
        seen[m, t, v, 2] = score
    return seen
