import numpy as np
import pytest

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


def test_unseen_are_joints_missing_from_a_body_that_is_there_and_joints_never_shown():
    measured_MTV = np.array([[[True, False, False], [False, False, False], [True, True, False]]])
    expected = [[[False, True, True], [False, False, True], [False, False, True]]]
    assert joints.unseen(measured_MTV).tolist() == expected


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


def plain(kernel):
    return getattr(kernel, "py_func", kernel)
