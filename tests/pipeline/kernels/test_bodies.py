import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import bodies, joints
from tests.oracles.hand_made import STANDING, tracks_of

pytestmark = pytest.mark.kernel


def places(tracks, n_bodies=2, rank="spread"):
    choose = bodies.places_by_motion if rank == "motion" else bodies.places_by_confidence
    return choose(tracks, joints.measured(tracks.joints_PVC, tracks.scores_PV), n_bodies)


def test_spread_is_the_sum_of_the_standard_deviations_over_joints_and_frames_seen(rng):
    body = {t: rng.normal(size=(4, 3)) + np.array([3.0, 0.0, 400.0]) for t in (1, 2, 5)}
    tracks = tracks_of([body], 6)
    expected = tracks.joints_PVC.astype(np.float64).std(axis=(0, 1)).sum()
    measured_PV = joints.measured(tracks.joints_PVC, None)
    np.testing.assert_allclose(bodies.spread(tracks, measured_PV), [expected], rtol=1e-12)


def test_spread_leaves_missing_joints_out():
    body = {0: STANDING.copy(), 1: STANDING.copy()}
    body[1][2], body[0][3] = 0.0, np.nan
    tracks = tracks_of([body], 2)
    shown = np.concatenate([STANDING[:3], STANDING[[0, 1, 3]]])
    measured_PV = joints.measured(tracks.joints_PVC, None)
    np.testing.assert_allclose(bodies.spread(tracks, measured_PV), [shown.std(axis=0).sum()], rtol=1e-6)


def test_the_bodies_that_move_most_are_kept_in_order_of_their_spread():
    still = dict.fromkeys(range(4), STANDING)
    walking = {t: STANDING + np.array([0.5 * t, 0.0, 0.0]) for t in range(4)}
    running = {t: STANDING + np.array([2.0 * t, 0.0, 0.0]) for t in range(1, 3)}
    tracks = tracks_of([still, walking, running], 4)
    # rows 0-3 still, 4-7 walking, 8-9 running; the spreads are 0.40, 0.77 and 1.23
    assert places(tracks).tolist() == [[-1, 8, 9, -1], [4, 5, 6, 7]]
    assert places(tracks, n_bodies=1).tolist() == [[-1, 8, 9, -1]]
    assert len(places(tracks, n_bodies=5)) == 3


def test_equal_spread_is_decided_by_length_and_then_by_order():
    short, long, late = (dict.fromkeys(range(n), STANDING) for n in (2, 3, 3))
    tracks = tracks_of([short, long, late], 3)
    assert places(tracks).tolist() == [[2, 3, 4], [5, 6, 7]]


def test_a_track_without_a_measured_joint_is_dropped_and_such_frames_count_as_absent():
    empty = {t: np.zeros((4, 3)) for t in range(3)}
    lost = {t: np.full((4, 3), np.nan) for t in range(3)}
    gappy = {0: STANDING, 1: np.zeros((4, 3)), 2: STANDING}
    assert places(tracks_of([empty, lost, gappy], 3)).tolist() == [[6, -1, 8]]
    assert places(tracks_of([empty, lost], 3)).shape == (0, 3)
    assert places(tracks_of([], 3)).shape == (0, 3)


POINT = np.full((4, 2), 0.5)


def test_confidence_ranks_the_bodies_of_each_frame_on_its_own():
    poses = [{0: POINT, 1: POINT}, {0: POINT, 1: POINT, 2: POINT}, {0: POINT, 1: POINT}]
    sure = [{0: [0.1] * 4, 1: [0.9] * 4}, {0: [0.5] * 4, 1: [0.2] * 4, 2: [0.3] * 4}, {0: [0.6] * 4, 1: [0.3] * 4}]
    tracks = tracks_of(poses, 4, scores=sure)
    # rows: 0 1 | 2 3 4 | 5 6
    assert places(tracks, rank="confidence").tolist() == [[5, 1, 4, -1], [2, 6, -1, -1]]


def test_equal_confidence_is_decided_by_the_place_in_the_list_not_by_the_order_of_tracks():
    poses, sure = [{0: POINT}] * 3, [{0: [0.5] * 4}] * 3
    tracks = tracks_of(poses, 1, scores=sure, ids=[2, 0, 1])
    assert places(tracks, rank="confidence").tolist() == [[1], [2]]


def test_only_the_first_five_listed_are_looked_at():
    poses = [{0: POINT}] * 7
    sure = [{0: [0.1 * (i + 1)] * 4} for i in range(7)]
    assert places(tracks_of(poses, 1, scores=sure), rank="confidence").tolist() == [[4], [3]]


def test_a_body_without_confidence_is_absent():
    tracks = tracks_of([{0: POINT, 1: POINT}], 2, scores=[{0: [0.0] * 4, 1: [0.0, 0.0, 0.2, 0.0]}])
    assert places(tracks, rank="confidence").tolist() == [[-1, 1]]
    assert places(tracks_of([{0: POINT}], 1, scores=[{0: [0.0] * 4}]), rank="confidence").shape == (0, 1)


def test_confidence_needs_confidences():
    with pytest.raises(ValueError, match="rank: confidence needs confidences"):
        places(tracks_of([{0: STANDING}], 1), rank="confidence")


@settings(deadline=None)
@given(
    listed=st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=8),
    n_bodies=st.integers(1, 4),
    shuffle=st.randoms(use_true_random=False),
)
def test_confidence_equals_sorting_the_list_of_a_frame(listed, n_bodies, shuffle):
    order = list(range(len(listed)))
    shuffle.shuffle(order)
    tracks = tracks_of([{0: POINT}] * len(order), 1, scores=[{0: [listed[i]] * 4} for i in order], ids=order)
    ranked = sorted((i for i in range(min(5, len(listed))) if listed[i] > 0), key=lambda i: (-listed[i], i))
    assert places(tracks, n_bodies, "confidence")[:, 0].tolist() == [order.index(i) for i in ranked[:n_bodies]]


def test_jitted_kernels_equal_their_plain_functions(rng):
    joints_PVC = rng.normal(size=(12, 4, 3)).astype(np.float32)
    measured_PV = rng.random((12, 4)) < 0.8
    lengths = np.array([5, 7], np.int32)
    plain = getattr(bodies._spread, "py_func", bodies._spread)
    np.testing.assert_allclose(
        bodies._spread(joints_PVC, measured_PV, lengths), plain(joints_PVC, measured_PV, lengths), rtol=1e-12
    )
    results = []
    for kernel in (bodies._rank_frames, getattr(bodies._rank_frames, "py_func", bodies._rank_frames)):
        places_MT = np.full((2, 3), -1, np.int64)
        sums, listed = np.arange(12) % 5 * 0.3, np.repeat(np.arange(4), 3)
        kernel(places_MT, sums, listed, np.tile(np.arange(3, dtype=np.int32), 4), 5)
        results.append(places_MT.tolist())
    assert results[0] == results[1] == [[9, 4, 8], [3, 7, 2]]
