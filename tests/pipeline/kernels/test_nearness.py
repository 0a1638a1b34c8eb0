"""Bodies followed by the kernel are those that the slow version follows."""

import numpy as np
import pytest

from pipeline.parse.tools.following import follow
from tests.oracles.following import follow as follow_slowly


@pytest.mark.parametrize("n_places", [2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_the_kernel_follows_as_the_slow_version_does(seed, n_places):
    rng = np.random.default_rng(seed)
    frames = np.sort(rng.integers(0, 60 if seed % 2 else 8, 40)).astype(np.int32)
    bodies = rng.uniform(0, 3, (6, 5, n_places))
    seen = bodies[rng.integers(0, 6, 40)] + rng.normal(0, rng.choice([0.02, 0.5]), (40, 5, n_places))
    seen[rng.random((40, 5)) < rng.choice([0.0, 0.3, 0.9])] = np.nan
    seen[rng.random(40) < 0.1] = np.inf
    with np.errstate(invalid="ignore"):
        assert follow(frames, seen).tolist() == follow_slowly(frames, seen).tolist()


def test_nobody_is_followed_as_nobody():
    assert follow(np.zeros(0, np.int32), np.zeros((0, 5, 2))).tolist() == []


def test_equal_poses_go_on_in_the_order_in_which_they_are_listed():
    pose = np.array([[0.0, 0.0], [1.0, 2.0]])
    frames = np.repeat(np.arange(3, dtype=np.int32), 2)
    seen = np.stack([pose] * 6)
    assert follow(frames, seen).tolist() == follow_slowly(frames, seen).tolist() == [0, 1] * 3
