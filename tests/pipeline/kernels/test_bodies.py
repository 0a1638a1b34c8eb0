import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import bodies, joints
from tests.oracles.hand_made import STANDING, tracks_of

pytestmark = pytest.mark.kernel


def places(tracks, n_bodies=2):
    return bodies.places_by_confidence(tracks, joints.measured(tracks.joints_PVC, tracks.scores_PV), n_bodies)


def placed(tracks, made_of):
    return bodies.places_of(tracks, joints.measured(tracks.joints_PVC, tracks.scores_PV), made_of).tolist()


def test_a_body_that_comes_and_goes_keeps_its_own_frames():
    tracks = tracks_of([{0: STANDING, 1: STANDING, 4: STANDING}, {2: STANDING}], 6)
    assert placed(tracks, [[0]]) == [[0, 1, -1, -1, 2, -1]]
    assert placed(tracks, [[1], [0]]) == [[-1, -1, 3, -1, -1, -1], [0, 1, -1, -1, 2, -1]]
    assert placed(tracks, [[0, 1]]) == [[0, 1, 3, -1, 2, -1]]
    assert bodies.places_of(tracks, joints.measured(tracks.joints_PVC, None), []).shape == (0, 6)


def test_where_two_tracks_of_a_body_share_a_frame_the_later_holds_it():
    tracks = tracks_of([{0: STANDING, 1: STANDING}, {1: STANDING, 2: STANDING}], 3)
    assert placed(tracks, [[0, 1]]) == [[0, 2, 3]]
    assert placed(tracks, [[1, 0]]) == [[0, 1, 3]]


def test_frames_without_a_measured_joint_count_as_absent():
    gappy = {0: np.zeros((4, 3)), 1: STANDING, 2: np.full((4, 3), np.nan), 5: STANDING, 6: np.zeros((4, 3))}
    tracks = tracks_of([gappy], 7)
    assert placed(tracks, [[0]]) == [[-1, 1, -1, -1, -1, 3, -1]]
    assert bodies.span(tracks, joints.measured(tracks.joints_PVC, None), 0) == (1, 5)


POINT = np.full((4, 2), 0.5)


def test_confidence_ranks_the_bodies_of_each_frame_on_its_own():
    poses = [{0: POINT, 1: POINT}, {0: POINT, 1: POINT, 2: POINT}, {0: POINT, 1: POINT}]
    sure = [{0: [0.1] * 4, 1: [0.9] * 4}, {0: [0.5] * 4, 1: [0.2] * 4, 2: [0.3] * 4}, {0: [0.6] * 4, 1: [0.3] * 4}]
    tracks = tracks_of(poses, 4, scores=sure)
    # rows: 0 1 | 2 3 4 | 5 6
    assert places(tracks).tolist() == [[5, 1, 4, -1], [2, 6, -1, -1]]


def test_equal_confidence_is_decided_by_the_place_in_the_list_not_by_the_order_of_tracks():
    poses, sure = [{0: POINT}] * 3, [{0: [0.5] * 4}] * 3
    tracks = tracks_of(poses, 1, scores=sure, ids=[2, 0, 1])
    assert places(tracks).tolist() == [[1], [2]]


def test_only_the_first_five_listed_are_looked_at():
    poses = [{0: POINT}] * 7
    sure = [{0: [0.1 * (i + 1)] * 4} for i in range(7)]
    assert places(tracks_of(poses, 1, scores=sure)).tolist() == [[4], [3]]


def test_a_body_without_confidence_is_absent():
    tracks = tracks_of([{0: POINT, 1: POINT}], 2, scores=[{0: [0.0] * 4, 1: [0.0, 0.0, 0.2, 0.0]}])
    assert places(tracks).tolist() == [[-1, 1]]
    assert places(tracks_of([{0: POINT}], 1, scores=[{0: [0.0] * 4}])).shape == (0, 1)


def test_confidence_needs_confidences():
    with pytest.raises(ValueError, match="rank: confidence needs confidences"):
        places(tracks_of([{0: STANDING}], 1))


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
    assert places(tracks, n_bodies)[:, 0].tolist() == [order.index(i) for i in ranked[:n_bodies]]


def test_jitted_kernels_equal_their_plain_functions():
    results = []
    for kernel in (bodies._rank_frames, getattr(bodies._rank_frames, "py_func", bodies._rank_frames)):
        places_MT = np.full((2, 3), -1, np.int64)
        sums, listed = np.arange(12) % 5 * 0.3, np.repeat(np.arange(4), 3)
        kernel(places_MT, sums, listed, np.tile(np.arange(3, dtype=np.int32), 4), 5)
        results.append(places_MT.tolist())
    assert results[0] == results[1] == [[9, 4, 8], [3, 7, 2]]
