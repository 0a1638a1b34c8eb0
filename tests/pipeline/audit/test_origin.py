"""Shares of frames at one exact place."""

import numpy as np

from pipeline.audit.origin import share_at


def test_frames_without_the_body_count_for_no_joint(rng):
    clip = rng.uniform(1, 2, (10, 3, 2))
    known_TV = np.ones((10, 3), bool)
    clip[:4, 1] = 0.0
    clip[6:] = 0.0
    known_TV[6:] = False
    known_TV[0, 1] = False
    assert share_at(clip, known_TV).tolist() == [0.0, 0.5, 0.0]
    assert share_at(clip, np.zeros((10, 3), bool)).tolist() == [0.0, 0.0, 0.0]


def test_another_place_than_the_origin_may_be_asked_for(rng):
    clip = rng.uniform(1, 2, (10, 2, 2))
    clip[:3, 0] = (-0.5, 0.5)
    clip[:5, 1, 0] = -0.5
    assert share_at(clip, np.ones((10, 2), bool), (-0.5, 0.5)).tolist() == [0.3, 0.0]
