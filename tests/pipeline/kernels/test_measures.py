import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import joints, measures
from pipeline.tracks import TrackMeasures
from tests.oracles import body_choice
from tests.oracles.hand_made import STANDING, tracks_of

pytestmark = pytest.mark.kernel


def spread(tracks):
    measured_PV = joints.measured(tracks.joints_PVC, tracks.scores_PV)
    return measures.spread_and_motion(tracks, measured_PV)[0]


def test_spread_and_motion_are_summed_deviations_and_variances_over_joints_and_frames_seen(rng):
    body = {t: rng.normal(size=(4, 3)) + np.array([3.0, 0.0, 400.0]) for t in (1, 2, 5)}
    tracks = tracks_of([body], 6)
    joints_PVC = tracks.joints_PVC.astype(np.float64)
    measured = measures.measure(tracks)
    np.testing.assert_allclose(measured.spread, [joints_PVC.std(axis=(0, 1)).sum()], rtol=1e-12)
    np.testing.assert_allclose(measured.motion, [joints_PVC.var(axis=(0, 1)).sum()], rtol=1e-12)


def test_spread_leaves_missing_joints_out():
    body = {0: STANDING.copy(), 1: STANDING.copy()}
    body[1][2], body[0][3] = 0.0, np.nan
    shown = np.concatenate([STANDING[:3], STANDING[[0, 1, 3]]])
    np.testing.assert_allclose(spread(tracks_of([body], 2)), [shown.std(axis=0).sum()], rtol=1e-6)


def tall():
    """1 m wide, 1 m high."""
    return np.array([[0.0, -1.0, 2.0], [0.0, 0.0, 2.0], [-0.5, 0.0, 2.0], [0.5, 0.0, 2.5]])


def test_a_person_who_lies_down_is_upright_before():
    standing, lying = tall() * [0.75, 1.0, 1.0], tall()[:, [1, 0, 2]]
    measured = measures.measure(tracks_of([{0: standing, 1: standing, 2: tall(), 3: lying}], 4))
    assert measured.upright.tolist() == [0.5]
    two = np.stack([standing, standing]).reshape(-1, 3)
    np.testing.assert_allclose(measured.upright_motion, [two.var(axis=0).sum()], rtol=1e-6)
    np.testing.assert_allclose(measured.extent, [1.0])
    np.testing.assert_allclose(measured.travel, [1.0])  # the first joint, from y = -1 to y = 0


def test_a_track_without_a_measured_joint_is_minus_one_and_no_track_is_nothing():
    measured = measures.measure(tracks_of([{0: np.zeros((4, 3))}, {0: tall() * [0.5, 1.0, 1.0]}, {}], 1))
    for name in ("spread", "motion", "upright", "upright_motion", "extent", "travel"):
        assert (getattr(measured, name) == -1.0).tolist() == [True, False, True]
    assert measured.confidence is None
    assert all(len(values) == 0 for values in measures.measure(tracks_of([], 3)) if values is not None)


def test_confidence_counts_missing_joints_as_none():
    point = np.full((4, 2), 0.5)
    scores = [{0: [0.5, 0.5, 0.0, 0.0], 1: [1.0, 1.0, 1.0, np.nan]}, {0: [0.0] * 4}]
    measured = measures.measure(tracks_of([{0: point, 1: point}, {0: point}], 2, scores=scores))
    np.testing.assert_allclose(measured.confidence, [0.5, -1.0])


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_measures_equal_their_slow_restatement(data):
    lengths = data.draw(st.lists(st.integers(0, 4), max_size=3))
    numbers = st.sampled_from([0.0, 0.5, -1.25, 2.0, 3.5, float("nan")])
    with_scores = data.draw(st.booleans())
    n_coordinates = 2 if with_scores else 3

    def drawn(*shape):
        size = int(np.prod(shape))
        return np.array(data.draw(st.lists(numbers, min_size=size, max_size=size))).reshape(shape)

    bodies = [{t: drawn(3, n_coordinates) for t in range(n)} for n in lengths]
    scores = [{t: np.abs(drawn(3)) for t in range(n)} for n in lengths] if with_scores and sum(lengths) else None
    tracks = tracks_of(bodies, 4, scores=scores, shape=(3, n_coordinates))
    measured, expected = measures.measure(tracks), body_choice.measures(tracks)
    for name in TrackMeasures._fields:
        values = getattr(measured, name)
        if values is None:
            assert scores is None
        else:
            np.testing.assert_allclose(values, [track[name] for track in expected], rtol=1e-9, atol=1e-12)


def test_jitted_kernels_equal_their_plain_functions(rng):
    joints_PVC = rng.normal(size=(12, 4, 3)).astype(np.float32)
    measured_PV = rng.random((12, 4)) < 0.8
    lengths = np.array([5, 0, 7], np.int32)
    given = (joints_PVC, measured_PV, lengths)
    variance = getattr(measures._variance, "py_func", measures._variance)
    extents = getattr(measures._extents, "py_func", measures._extents)
    np.testing.assert_allclose(measures._variance(*given), variance(*given), rtol=1e-12)
    for jitted, plain in zip(measures._extents(*given), extents(*given), strict=True):
        np.testing.assert_allclose(jitted, plain, rtol=1e-12)
