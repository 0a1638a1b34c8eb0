import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dastm.contract.skeleton import NTU25, OPENPOSE18
from pipeline.kernels import align
from tests.oracles.hand_made import STANDING, STICK, STICK_2D
from tests.oracles.pre_normalization import pre_normalization

pytestmark = pytest.mark.kernel


def aligned(joints_MTVC, layout, upright):
    centred = align.to_origin(joints_MTVC, layout.centre, every_frame=True)
    matrix, clear = align.rotation(centred[0, 0], layout, upright)
    assert clear
    return align.rotate(centred, matrix)


@pytest.mark.parametrize("n_bodies", [1, 2])
def test_upright_in_every_frame_is_the_pre_normalization_of_2s_agcn(rng, n_bodies):
    for _ in range(20):
        joints_MTVC = rng.normal(size=(n_bodies, 5, 25, 3)) + rng.normal(size=3) * 3
        np.testing.assert_allclose(aligned(joints_MTVC, NTU25, True), pre_normalization(joints_MTVC), atol=1e-5)


def test_upright_puts_the_spine_on_z_before_the_shoulders_go_onto_x():
    lying = STANDING[:, [1, 0, 2]]  # spine along x, shoulders along y
    turned = aligned(lying[None, None], STICK, True)[0, 0]
    np.testing.assert_allclose(turned, [[0, 0, -0.5], [0, 0, 0], [-0.25, 0, 0], [0.25, 0, 0]], atol=1e-12)


def test_yaw_faces_the_first_frame_and_leaves_heights_alone(rng):
    joints_MTVC = rng.normal(size=(2, 4, 4, 3))
    turned = aligned(joints_MTVC, STICK, False)
    line = turned[0, 0, 3] - turned[0, 0, 2]
    assert line[0] > 0
    assert abs(line[2]) < 1e-12
    centred = joints_MTVC - joints_MTVC[:1, :, 1:2]
    np.testing.assert_allclose(turned[..., 1], centred[..., 1])
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(centred, axis=-1))


def test_yaw_of_a_quarter_turn_counted_by_hand():
    sideways = STANDING[:, [2, 1, 0]] - [2.0, 0.0, 0.0]  # shoulders along z
    turned = aligned(sideways[None, None], STICK, False)[0, 0]
    np.testing.assert_allclose(turned, STANDING - STANDING[1], atol=1e-12)


@pytest.mark.parametrize("upright", [False, True])
def test_every_rotation_is_proper(rng, upright):
    for _ in range(20):
        matrix, _ = align.rotation(rng.normal(size=(4, 3)), STICK, upright)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1.0)


@pytest.mark.parametrize("axis", [0, 2])
def test_the_turn_is_the_smallest_one(rng, axis):
    line, goal = rng.normal(size=3), np.eye(3)[axis]
    matrix, clear = align._turn_onto(line, axis)
    between = np.arccos(line @ goal / np.linalg.norm(line))
    assert clear
    assert Rotation.from_matrix(matrix).magnitude() == pytest.approx(between)
    np.testing.assert_allclose(matrix @ line, np.linalg.norm(line) * goal, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("tilt", [0.0, 1e-12, 1e-7, 1e-3])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_parallel_and_opposite_lines_are_turned_exactly(axis, tilt, sign):
    line = np.full(3, tilt)
    line[axis] = 2.0 * sign
    matrix, clear = align._turn_onto(line, axis)
    assert clear
    assert np.isfinite(matrix).all()
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-7)
    np.testing.assert_allclose(matrix @ line, np.linalg.norm(line) * np.eye(3)[axis], atol=1e-6)


def test_an_opposite_shoulder_line_is_turned_about_the_spine():
    facing_away = np.array([[0, 0, -0.5], [0, 0, 0], [0.25, 0, 0], [-0.25, 0, 0]])
    matrix, _ = align.rotation(facing_away, STICK, True)
    np.testing.assert_allclose(matrix, np.diag([-1.0, -1.0, 1.0]))


@pytest.mark.parametrize("upright", [False, True])
def test_lines_without_a_direction_leave_the_clip_as_it_is(upright):
    point = np.ones((4, 3))
    matrix, clear = align.rotation(point, STICK, upright)
    assert not clear
    assert matrix.tolist() == np.eye(3).tolist()


def test_yaw_of_a_vertical_shoulder_line_is_unclear():
    matrix, clear = align.rotation(np.array([[0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 2.0, 0]]), STICK, False)
    assert not clear
    assert matrix.tolist() == np.eye(3).tolist()


def test_the_origin_is_the_first_bodys_centre_in_its_first_or_in_every_frame(rng):
    joints_MTVC = rng.normal(size=(2, 3, 4, 3))
    first = align.to_origin(joints_MTVC, 1, every_frame=False)
    every = align.to_origin(joints_MTVC, 1, every_frame=True)
    np.testing.assert_array_equal(first, joints_MTVC - joints_MTVC[0, 0, 1])
    for t in range(3):
        np.testing.assert_array_equal(every[:, t], joints_MTVC[:, t] - joints_MTVC[0, t, 1])


@pytest.mark.parametrize(
    ("layout", "upright", "message"),
    [
        (OPENPOSE18, False, "openpose18 is not 3-D"),
        (STICK_2D, True, "stick2d is not 3-D"),
        (dataclasses.replace(STICK, coordinates=("x", "y")), False, "not 3-D"),
        (dataclasses.replace(STICK, shoulders=None), False, "names no shoulders"),
        (dataclasses.replace(STICK, spine=None), True, "names no spine"),
    ],
)
def test_layouts_that_cannot_be_turned_are_refused(layout, upright, message):
    with pytest.raises(ValueError, match=message):
        align.check_rotation(layout, upright)


def test_yaw_needs_no_spine():
    assert align.check_rotation(dataclasses.replace(STICK, spine=None), False)[1] == (2, 3)


def test_torso_length_is_the_median_over_whole_frames_of_the_first_body():
    joints_MTVC = np.tile(STANDING, (2, 4, 1, 1))
    joints_MTVC[0, :, 1, 1] = 1.0 + np.array([0.4, 0.5, 0.9, 7.0])
    measured_MTV = np.ones((2, 4, 4), bool)
    measured_MTV[0, 3, 1] = False
    measured_MTV[0, 0, 3] = False  # not part of the torso
    assert align.torso_length(joints_MTVC, measured_MTV, ((0,), (1,))) == pytest.approx(0.5)


def test_torso_length_is_measured_between_the_means_of_two_groups():
    joints_MTVC = np.array([[[[0.0, 0.0], [2.0, 0.0], [1.0, 3.0], [1.0, 5.0]]]])
    measured_MTV = np.ones((1, 1, 4), bool)
    assert align.torso_length(joints_MTVC, measured_MTV, ((0, 1), (2, 3))) == pytest.approx(4.0)


def test_no_measurable_torso_is_none():
    joints_MTVC = STANDING[None, None].copy()
    measured_MTV = np.ones((1, 1, 4), bool)
    torso = ((0,), (1,))
    assert align.torso_length(joints_MTVC, ~measured_MTV, torso) is None
    assert align.torso_length(np.ones((1, 1, 4, 3)), measured_MTV, torso) is None
    assert align.torso_length(np.zeros((1, 1, 4, 3)), measured_MTV, torso) is None
    joints_MTVC[0, 0, 3] = 51.0  # half a metre of torso is less than a hundredth of this
    assert align.torso_length(joints_MTVC, measured_MTV, torso) is None


def test_jitted_kernels_equal_their_plain_functions(rng):
    line, points = rng.normal(size=3), rng.normal(size=(4, 3))
    for kernel, args in ((align._yaw, (line,)), (align._turn_onto, (line, 0)), (align._turn_onto, (-np.eye(3)[2], 2))):
        fast, slow = kernel(*args), getattr(kernel, "py_func", kernel)(*args)
        np.testing.assert_allclose(fast[0], slow[0], atol=1e-14)
        assert fast[1] == slow[1]
    matrix = rng.normal(size=(3, 3))
    np.testing.assert_allclose(align._apply(points, matrix), points @ matrix.T, rtol=1e-12)
    plain = getattr(align._apply, "py_func", align._apply)
    np.testing.assert_allclose(plain(points, matrix), points @ matrix.T, rtol=1e-12)
