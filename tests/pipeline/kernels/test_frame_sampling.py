import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dastm.contract.clips import segment_frames
from pipeline.kernels.frame_sampling import (
    NOTE_SCRAMBLED,
    clip_rng,
    in_time,
    path_frames,
    release_frames,
    scramble,
    unscramble,
)

pytestmark = pytest.mark.kernel
counts = st.integers(1, 400)


def test_centre_frames_of_a_clip_counted_by_hand():
    assert segment_frames(10, 5).tolist() == [1, 3, 5, 7, 9]
    assert segment_frames(7, 3).tolist() == [1, 3, 5]
    assert segment_frames(1, 3).tolist() == [0, 0, 0]
    assert segment_frames(2, 4).tolist() == [0, 0, 1, 1]


@settings(deadline=None)
@given(n_source=counts, n_frames=counts)
def test_centre_is_the_middle_of_each_segment(n_source, n_frames):
    frames = segment_frames(n_source, n_frames)
    assert frames.tolist() == [(2 * i + 1) * n_source // (2 * n_frames) for i in range(n_frames)]
    assert (np.diff(frames) >= 0).all()
    assert frames[0] >= 0
    assert frames[-1] < n_source


@settings(deadline=None)
@given(n_source=counts, n_frames=counts, seed=st.integers(0, 2**32))
def test_random_frames_lie_in_their_segments_and_do_not_go_back(n_source, n_frames, seed):
    frames = segment_frames(n_source, n_frames, np.random.default_rng(seed))
    assert len(frames) == n_frames
    assert (np.diff(frames) >= 0).all()
    for i, t in enumerate(frames):
        first, past = i * n_source // n_frames, math.ceil((i + 1) * n_source / n_frames)
        assert first <= t <= max(first, past - 1) < n_source


def test_every_frame_of_a_segment_is_drawn_equally_often(rng):
    drawn = np.array([segment_frames(12, 3, rng) for _ in range(4000)])
    for segment in range(3):
        values, times = np.unique(drawn[:, segment], return_counts=True)
        assert values.tolist() == [4 * segment + i for i in range(4)]
        assert (abs(times - 1000) < 5 * math.sqrt(1000 * 0.75)).all()


def test_the_generator_of_a_clip_depends_on_seed_and_key_only():
    first = segment_frames(300, 30, clip_rng(7, "S001C001")).tolist()
    assert first == segment_frames(300, 30, clip_rng(7, "S001C001")).tolist()
    assert first != segment_frames(300, 30, clip_rng(7, "S001C002")).tolist()
    assert first != segment_frames(300, 30, clip_rng(8, "S001C001")).tolist()


@settings(deadline=None)
@given(n_source=counts, n_frames=counts, seed=st.integers(0, 2**32))
def test_frames_as_released_lie_in_segments_of_whole_length_or_are_the_first_ones(n_source, n_frames, seed):
    frames = release_frames(n_source, n_frames, np.random.default_rng(seed)).tolist()
    assert len(frames) == n_frames
    if n_source < n_frames:
        assert frames == list(range(n_frames))
    else:
        length = math.floor(n_source / n_frames)
        assert all(j * length <= t <= (j + 1) * length - 1 for j, t in enumerate(frames))


def test_every_frame_of_a_released_segment_is_drawn_equally_often_and_the_rest_never(rng):
    drawn = np.array([release_frames(14, 3, rng) for _ in range(4000)])
    for segment in range(3):
        values, times = np.unique(drawn[:, segment], return_counts=True)
        assert values.tolist() == [4 * segment + i for i in range(4)]
        assert (abs(times - 1000) < 5 * math.sqrt(1000 * 0.75)).all()


@pytest.mark.parametrize("counts", [(0, 3), (3, 0), (-1, 3)])
def test_counts_below_one_are_refused(counts):
    with pytest.raises(ValueError, match="both must be at least 1"):
        segment_frames(*counts)
    with pytest.raises(ValueError, match="both must be at least 1"):
        release_frames(*counts, np.random.default_rng(0))


def test_scrambled_is_what_the_released_code_makes_of_the_frames_that_it_draws(rng):
    """Its two steps: an index that puts time first, and a reshape where there should be a transpose."""
    clip_CTVM = rng.normal(size=(3, 300, 25, 2)).astype(np.float32)
    at_T = release_frames(95, 30, rng)
    theirs_CTVM = np.stack([clip_CTVM[:, t] for t in at_T]).reshape(3, 30, 25, 2)
    drawn_MTVC = clip_CTVM[:, at_T].transpose(3, 1, 2, 0)
    ours_MTVC = scramble(drawn_MTVC)
    np.testing.assert_array_equal(ours_MTVC, theirs_CTVM.transpose(3, 1, 2, 0))
    for t in range(30):
        for c in range(3):
            np.testing.assert_array_equal(ours_MTVC[:, t, :, c], drawn_MTVC[:, 10 * c + t // 3, :, t % 3])
    assert (ours_MTVC == drawn_MTVC).mean() == pytest.approx(2 / 90)


@settings(deadline=None)
@given(shape=st.tuples(*(st.integers(1, 7) for _ in range(4))))
def test_scrambled_frames_can_be_put_back(shape):
    joints = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(unscramble(scramble(joints)), joints)
    np.testing.assert_array_equal(in_time(scramble(joints), ["x", NOTE_SCRAMBLED]), joints)
    np.testing.assert_array_equal(in_time(joints, ["x"]), joints)


def walk(steps):
    """One body of two joints, of which the second moves by these steps along x."""
    places = np.zeros((1, len(steps) + 1, 2, 3))
    places[0, 1:, 1, 0] = np.cumsum(steps)
    return places


def test_frames_along_the_path_counted_by_hand():
    assert path_frames(walk([1, 1, 1, 1]), 3).tolist() == [0, 2, 4]
    assert path_frames(walk([1, 1, 8, 0, 10]), 3).tolist() == [0, 3, 5]
    assert path_frames(walk([2, 2]), 5).tolist() == [0, 0, 1, 1, 2]
    assert path_frames(walk([3, 0, 1]), 1).tolist() == [1]
    assert path_frames(walk([0, 0, 0]), 2).tolist() == segment_frames(4, 2).tolist()


@settings(deadline=None)
@given(steps=st.lists(st.integers(0, 9), min_size=1, max_size=60), n_frames=st.integers(1, 40))
def test_frames_along_the_path_are_the_nearest_to_their_points(steps, n_frames):
    frames = path_frames(walk(steps), n_frames)
    assert len(frames) == n_frames
    assert (np.diff(frames) >= 0).all()
    at = np.concatenate([[0], np.cumsum(steps)])
    if at[-1]:
        for frame, share in zip(frames, np.linspace(0, 1, n_frames) if n_frames > 1 else [0.5], strict=True):
            assert abs(at[frame] - share * at[-1]) <= abs(at - share * at[-1]).min() + 1e-9
