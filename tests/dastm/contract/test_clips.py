"""What both halves do to one clip."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dastm.contract.clips import fill, image_axes


def test_fill_is_linear_between_measurements_and_held_at_the_ends():
    joints_MTVC = np.array([0.0, 1.0, 0.0, 0.0, 4.0, 0.0]).reshape(1, 6, 1, 1)
    measured_MTV = np.array([False, True, False, False, True, False]).reshape(1, 6, 1)
    filled = fill(joints_MTVC, measured_MTV, 0)
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
    filled = fill(np.array(values).reshape(1, -1, 1, 1), measured.reshape(1, -1, 1), 0).ravel()
    if measured.any():
        np.testing.assert_allclose(filled, np.interp(frames, frames[measured], np.array(values)[measured]), atol=1e-12)
    else:
        assert filled.tolist() == values


def test_a_joint_never_shown_takes_the_centre_joint():
    joints_MTVC = np.array([[[[1.0], [5.0], [0.0]], [[3.0], [7.0], [0.0]]]])
    measured_MTV = np.array([[[True, True, False], [True, True, False]]])
    assert fill(joints_MTVC, measured_MTV, 1)[0, :, 2, 0].tolist() == [5.0, 7.0]


def test_without_a_centre_it_takes_the_mean_of_the_joints_shown():
    joints_MTVC = np.array([[[[1.0], [5.0], [0.0]], [[3.0], [0.0], [0.0]]]])
    measured_MTV = np.array([[[True, True, False], [True, False, False]]])
    filled = fill(joints_MTVC, measured_MTV, 2)
    assert filled[0, :, 2, 0].tolist() == [3.0, 4.0]
    assert filled[0, :, 1, 0].tolist() == [5.0, 5.0]


def test_bodies_are_filled_from_their_own_joints_only():
    joints_MTVC = np.zeros((2, 2, 1, 1))
    joints_MTVC[0], joints_MTVC[1, 0] = 9.0, 2.0
    measured_MTV = np.array([[[True], [True]], [[True], [False]]])
    assert fill(joints_MTVC, measured_MTV, 0)[1].ravel().tolist() == [2.0, 2.0]


def test_image_axes_have_their_origin_in_the_middle_and_y_up():
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75]])
    assert image_axes(corners.reshape(1, 1, 3, 2))[0, 0].tolist() == [[-0.5, 0.5], [0.5, 0.5], [0.0, -0.25]]
