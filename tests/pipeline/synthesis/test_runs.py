"""Runs of frames: share and mean length over many frames."""

import numpy as np
import pytest

from pipeline.synthesis.runs import one_run, random_runs


@pytest.mark.parametrize(("share", "length"), [(0.3, 7.0), (0.1, 4.0), (0.65, 6.0)])
def test_share_and_mean_length(share: float, length: float, rng: np.random.Generator) -> None:
    mask = random_runs((2000, 40), share, length, rng)
    assert mask.mean() == pytest.approx(share, rel=0.06)
    begun = (mask[1:] & ~mask[:-1]).sum()
    assert mask[1:].sum() / begun == pytest.approx(length, rel=0.06)


def test_a_share_of_nothing_is_nothing(rng: np.random.Generator) -> None:
    assert not random_runs((50, 3), 0.0, 5.0, rng).any()


def test_columns_are_independent(rng: np.random.Generator) -> None:
    mask = random_runs((4000, 2), 0.4, 5.0, rng)
    assert abs(np.corrcoef(mask.T)[0, 1]) < 0.1


def test_a_share_of_everything_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="share: from 0 to below 1, got 1"):
        random_runs((5, 1), 1.0, 3.0, rng)


def test_one_run_lies_inside_the_clip(rng: np.random.Generator) -> None:
    for n_frames in (1, 5, 40):
        spans = [one_run(n_frames, (2, 12), rng) for _ in range(300)]
        assert all(0 <= s.start < s.stop <= n_frames for s in spans)
        assert {s.stop - s.start for s in spans} == set(range(min(2, n_frames), min(12, n_frames) + 1))
