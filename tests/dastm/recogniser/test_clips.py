"""One body of a recording: what is refused, and which joints count as measured."""

import math

import numpy as np
import pytest

from dastm.contract.skeleton import COCO17, NTU25
from dastm.recogniser.clips import Clip
from tests.actions import clip_of, standing


def clip(joints_TVC, layout=NTU25):
    return Clip(key="wave/0", source="wave/0.npy", layout=layout, joints_TVC=np.asarray(joints_TVC, np.float32))


def test_nan_is_not_measured_and_the_origin_is():
    joints = np.zeros((2, 25, 3))
    joints[1, 3, 0] = np.nan
    found = clip(joints)
    assert found.n_frames == 2
    assert found.measured().sum() == 49
    assert not found.measured()[1, 3]


def test_a_joint_of_an_image_is_measured_where_it_has_a_confidence():
    joints = np.full((1, 17, 3), 0.5)
    joints[0, :3, 2] = 0
    assert clip(joints, COCO17).measured()[0].tolist() == [False] * 3 + [True] * 14


@pytest.mark.parametrize("shape", [(4, 24, 3), (4, 25, 2), (25, 3)])
def test_joints_that_do_not_fit_are_refused_with_both_shapes(shape):
    with pytest.raises(
        ValueError, match=r"wave/0.npy: joints of shape .*ntu25 needs \(T, V, C\) with \(V, C\) \(25, 3\)"
    ):
        clip(np.zeros(shape))


def test_a_clip_without_a_measurement_is_refused():
    with pytest.raises(ValueError, match="no joint was measured"):
        clip(np.full((3, 25, 3), np.nan))


@pytest.mark.parametrize(("offset", "factor"), [(4.5e6, 1), (0, 1e20)], ids=["far", "large"])
def test_places_with_too_few_digits_are_refused(offset, factor):
    joints = np.stack([standing(NTU25)] * 2)
    with pytest.raises(ValueError, match="float32 has seven digits: subtract the place of the body"):
        clip(joints * factor + offset)
    assert (
        clip(joints + 1e4).n_frames
        == clip(joints * 1e-9).n_frames
        == clip(joints[:, :1] * 0 + joints[:1] * 0 + 5).n_frames
    )


def test_a_single_joint_that_hardly_moves_has_enough_digits():
    joints = np.full((9, 25, 3), np.nan)
    joints[:, 3] = 2 + 1e-6 * np.arange(9)[:, None]
    assert clip(joints).measured().sum() == 9


def test_a_clip_without_frames_is_refused():
    with pytest.raises(ValueError, match=r"wave/0\.npy: no frames"):
        clip(np.zeros((0, 25, 3)))


def test_a_body_is_upright_by_its_trunk_in_the_frames_that_show_it():
    joints = np.repeat(standing(NTU25)[None], 4, axis=0)
    joints[0] = np.nan
    assert clip(joints).upright() == pytest.approx(1, abs=0.01)
    assert clip(joints[..., [0, 2, 1]]).upright() == pytest.approx(0, abs=0.01)
    assert clip(joints * [1, -1, 1]).upright() == pytest.approx(-1, abs=0.01)
    assert math.isnan(clip(np.full((2, 17, 3), 0.5), COCO17).upright())
    joints[:, 20] = np.nan
    assert math.isnan(clip(joints).upright())


def test_feet_point_ahead_in_the_frames_that_say_where():
    joints = clip_of("wave", 0).joints_TVC.copy()
    at = NTU25.joints.index
    for side in ("left", "right"):
        joints[:, at(f"{side} foot")] = joints[:, at(f"{side} ankle")] + (0, 0, -0.15)
    joints[5:, at("left hip")] = np.nan
    joints[:3, at("left hip")] = joints[:3, at("right hip")]

    def ahead(joints_TVC):
        return Clip(key="k", source="s", layout=NTU25, joints_TVC=joints_TVC).feet_ahead()

    assert [ahead(joints), ahead(joints * np.float32([-1, 1, 1]))] == [1.0, 0.0]
    assert np.isnan(ahead(joints[5:]))
