"""Points along paths: on a walk worked out by hand, against the slow walk, and with the steps equal."""

import numpy as np
import pytest
import torch

from dastm.episodes.path_sampling import drawn_shares
from dastm.layers.path_points import along_path, even_shares
from tests.oracles import path as jackknife
from tests.oracles import path_points as oracle


def shares_of(n_clips, n_points):
    return even_shares(n_points).expand(n_clips, -1)


def test_a_walk_of_two_steps_is_cut_by_length_and_not_by_time():
    places = torch.tensor([0.0, 3, 4]).view(1, 1, 3, 1, 1).expand(1, 1, 3, 1, 2) * torch.tensor([1.0, 0])
    assert along_path(places, shares_of(1, 5), 2)[0, 0, :, 0].tolist() == [[i, 0] for i in range(5)]


@pytest.mark.parametrize("n_points", [1, 2, 5, 24, 60])
@pytest.mark.parametrize("n_space", [2, 3])
def test_any_number_of_points_equals_the_slow_walk(n_points, n_space, rng):
    joints = rng.normal(size=(4, 2, 11, 5, 3))
    joints[..., n_space:] = rng.uniform(0.1, 1.0, size=joints[..., n_space:].shape)
    joints[1, :, 4:8] = joints[1, :, 4:5]  # stands still for a while
    joints[2, 1] = 0  # an absent body
    joints[3, :, 7:] = joints[3, :, 7:8]  # stands still at the end
    shares = drawn_shares(4, n_points, rng)
    found = along_path(torch.from_numpy(joints), shares, n_space)
    for clip, drawn, expected in zip(found, shares, joints, strict=True):
        walked = oracle.along_path(expected, drawn.tolist(), n_space)
        np.testing.assert_allclose(clip.numpy(), walked, rtol=0, atol=1e-12)
    assert not found[2, 1].any()


def test_all_joints_of_all_bodies_make_the_path_and_a_confidence_is_no_step(rng):
    joints = torch.from_numpy(rng.normal(size=(1, 2, 9, 4, 3)))
    joints[..., 2] = joints[..., 2].abs() + 0.1
    stored = along_path(joints, shares_of(1, 2000), 2)
    steps = stored[..., :2].diff(dim=2).square().sum((1, 3, 4)).sqrt()
    corners = 8  # a chord across a corner is shorter than the way round it
    assert ((steps - steps.median()).abs() > 1e-9).sum() <= corners
    other = joints.clone()
    other[..., 2] = 7
    seen = along_path(other, shares_of(1, 30), 2)
    assert torch.equal(seen[..., :2], along_path(joints, shares_of(1, 30), 2)[..., :2])
    torch.testing.assert_close(seen[..., 2], torch.full_like(seen[..., 2], 7))


@pytest.mark.parametrize("n_frames", [1, 6])
def test_a_clip_that_never_moves_stays_where_it_is(n_frames, generator):
    place = torch.randn(1, 1, 1, 5, 3, generator=generator)
    seen = along_path(place.expand(1, 1, n_frames, 5, 3), shares_of(1, 9), 3)
    assert torch.equal(seen, place.expand(1, 1, 9, 5, 3))


def test_speed_does_not_count(generator):
    corners = torch.randn(1, 1, 6, 5, 3, generator=generator, dtype=torch.float64)
    first, second = corners[:, :, :1], corners[:, :, 1:2]
    slowly = [first + (second - first) * way for way in (0, 0, 0.1, 0.3, 0.3, 0.9)]
    slow = along_path(torch.cat([*slowly, corners[:, :, 1:]], dim=2), shares_of(1, 40), 3)
    torch.testing.assert_close(slow, along_path(corners, shares_of(1, 40), 3))


def test_even_shares_are_equal_steps_and_a_single_one_is_in_the_middle():
    assert even_shares(1).tolist() == [0.5]
    assert even_shares(5).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_even_points_are_those_of_the_recogniser_that_needs_no_training(generator):
    """Its slow version walks by itself; a clip stands still for a while, and one joint never moves."""
    joints = torch.randn((4, 1, 9, 3, 3), generator=generator, dtype=torch.float64)
    joints[:, :, 3:5], joints[:, :, :, 1] = joints[:, :, 3:4], 1.5
    found = along_path(joints, shares_of(4, 16), 3)
    for clip, points in zip(joints, found, strict=True):
        expected = jackknife.resampled(clip[0].flatten(1).tolist(), 16)
        torch.testing.assert_close(points[0].flatten(1), torch.tensor(expected, dtype=torch.float64))


def test_a_number_that_is_none_is_not_lost_on_the_way():
    joints = torch.zeros(1, 1, 4, 2, 3)
    joints[0, 0, 2, 1, 1] = torch.nan
    assert along_path(joints, shares_of(1, 5), 3).isnan().any()


def test_a_joint_that_is_lost_for_a_while_makes_no_detour(rng):
    joints = torch.from_numpy(rng.normal(size=(1, 1, 9, 4, 3)).cumsum(2))
    joints[..., 2] = 1
    joints[:, :, 4:6, 1, :2] = joints[:, :, 3:4, 1, :2]
    lost = joints.clone()
    lost[:, :, 4:6, 1] = 0
    seen = along_path(lost, shares_of(1, 30), 2)
    assert torch.equal(seen[..., :2], along_path(joints, shares_of(1, 30), 2)[..., :2])
    assert seen[..., 1, 2].min() < 0.5  # the confidence says that it was lost
