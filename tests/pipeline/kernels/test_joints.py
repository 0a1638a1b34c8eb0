import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import joints

pytestmark = pytest.mark.kernel


def test_a_joint_is_missing_where_it_is_not_finite_and_measured_at_the_origin():
    joints_PVC = np.array([[[1, 2, 3], [0, 0, 0], [np.nan, 1, 1], [np.inf, 1, 1], [0, 0, 1e-30]]], np.float32)
    assert joints.measured(joints_PVC, None).tolist() == [[True, True, False, False, True]]


def test_a_joint_of_three_coordinates_is_missing_where_its_score_is_zero():
    joints_PVC = np.array([[[1, 2, 3], [1, 2, 3], [np.nan, 1, 1]]], np.float32)
    assert joints.measured(joints_PVC, np.array([[0.0, 0.5, 1.0]], np.float32)).tolist() == [[False, True, False]]


def test_a_joint_is_missing_where_it_has_no_confidence_whatever_its_place():
    joints_PVC = np.array([[[0.5, 0.5], [0.0, 0.0], [0.5, np.nan], [0.5, 0.5], [0.5, 0.5]]], np.float32)
    scores_PV = np.array([[0.0, 0.1, 0.9, np.nan, np.inf]], np.float32)
    assert joints.measured(joints_PVC, scores_PV).tolist() == [[False, True, False, False, False]]


def test_lay_out_puts_observations_at_their_places_and_nothing_elsewhere():
    joints_PVC = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]], np.float32)
    measured_PV = np.array([[True, True], [False, True]])
    joints_MTVC, measured_MTV = joints.lay_out(joints_PVC, measured_PV, np.array([[-1, 1, 0]]))
    assert joints_MTVC.tolist() == [[[[0, 0], [0, 0]], [[0, 0], [7, 8]], [[1, 2], [3, 4]]]]
    assert measured_MTV.tolist() == [[[False, False], [False, True], [True, True]]]
    assert joints_MTVC.dtype == np.float64


def test_fill_is_linear_between_measurements_and_held_at_the_ends():
    joints_MTVC = np.array([0.0, 1.0, 0.0, 0.0, 4.0, 0.0]).reshape(1, 6, 1, 1)
    measured_MTV = np.array([False, True, False, False, True, False]).reshape(1, 6, 1)
    filled = joints.fill(joints_MTVC, measured_MTV, 0)
    np.testing.assert_allclose(filled.ravel(), [1.0, 1.0, 2.0, 3.0, 4.0, 4.0])
    assert joints_MTVC.ravel().tolist() == [0.0, 1.0, 0.0, 0.0, 4.0, 0.0]


@settings(deadline=None)
@given(
    values=st.lists(st.floats(-10, 10), min_size=1, max_size=12),
    shown=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_fill_equals_numpys_interpolation(values, shown):
    measured = np.array(shown[: len(values)])
    frames = np.arange(len(values))
    filled = joints.fill(np.array(values).reshape(1, -1, 1, 1), measured.reshape(1, -1, 1), 0).ravel()
    if measured.any():
        np.testing.assert_allclose(filled, np.interp(frames, frames[measured], np.array(values)[measured]), atol=1e-12)
    else:
        assert filled.tolist() == values


def test_a_joint_never_shown_takes_the_centre_joint():
    joints_MTVC = np.array([[[[1.0], [5.0], [0.0]], [[3.0], [7.0], [0.0]]]])
    measured_MTV = np.array([[[True, True, False], [True, True, False]]])
    assert joints.fill(joints_MTVC, measured_MTV, 1)[0, :, 2, 0].tolist() == [5.0, 7.0]


def test_without_a_centre_it_takes_the_mean_of_the_joints_shown():
    joints_MTVC = np.array([[[[1.0], [5.0], [0.0]], [[3.0], [0.0], [0.0]]]])
    measured_MTV = np.array([[[True, True, False], [True, False, False]]])
    filled = joints.fill(joints_MTVC, measured_MTV, 2)
    assert filled[0, :, 2, 0].tolist() == [3.0, 4.0]
    assert filled[0, :, 1, 0].tolist() == [5.0, 5.0]


def test_bodies_are_filled_from_their_own_joints_only():
    joints_MTVC = np.zeros((2, 2, 1, 1))
    joints_MTVC[0], joints_MTVC[1, 0] = 9.0, 2.0
    measured_MTV = np.array([[[True], [True]], [[True], [False]]])
    assert joints.fill(joints_MTVC, measured_MTV, 0)[1].ravel().tolist() == [2.0, 2.0]


def test_unseen_are_joints_missing_from_a_body_that_is_there_and_joints_never_shown():
    measured_MTV = np.array([[[True, False, False], [False, False, False], [True, True, False]]])
    expected = [[[False, True, True], [False, False, True], [False, False, True]]]
    assert joints.unseen(measured_MTV).tolist() == expected


def test_image_axes_have_their_origin_in_the_middle_and_y_up():
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75]])
    assert joints.image_axes(corners.reshape(1, 1, 3, 2))[0, 0].tolist() == [[-0.5, 0.5], [0.5, 0.5], [0.0, -0.25]]


def test_jitted_kernels_equal_their_plain_functions(rng):
    joints_PVC = rng.normal(size=(6, 3, 3)).astype(np.float32)
    joints_PVC[rng.random((6, 3)) < 0.3] = np.nan
    scores_PV = rng.integers(0, 3, (6, 3)).astype(np.float32)
    measured_PV = joints._measured(joints_PVC, scores_PV)
    assert (measured_PV == plain(joints._measured)(joints_PVC, scores_PV)).all()
    places_MT = np.array([[0, -1, 1, 2], [3, 4, -1, 5]])
    fast, slow = (
        joints._lay_out(joints_PVC, measured_PV, places_MT),
        plain(joints._lay_out)(joints_PVC, measured_PV, places_MT),
    )
    assert (fast[0] == slow[0]).all()
    assert (fast[1] == slow[1]).all()
    joints._interpolate(*fast)
    plain(joints._interpolate)(*slow)
    np.testing.assert_allclose(fast[0], slow[0], rtol=1e-12)


def plain(kernel):
    return getattr(kernel, "py_func", kernel)
