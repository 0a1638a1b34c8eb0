"""Joints that were not measured stay where they were, and others are not touched."""

import torch

from dastm.layers.gaps import without_gaps


def test_a_joint_that_is_not_measured_stays_where_it_was_measured_last_or_will_be_first():
    clip = torch.zeros(5, 2, 3)
    clip[1, 0] = torch.tensor([1.0, 2.0, 0.5])
    clip[3, 0] = torch.tensor([3.0, 4.0, 0.1])
    expected = torch.tensor([[1.0, 2], [1, 2], [1, 2], [3, 4], [3, 4]])
    assert torch.equal(without_gaps(clip)[:, 0], expected)
    assert not without_gaps(clip)[:, 1].any()  # never measured


def test_measured_joints_and_leading_axes_are_kept(generator):
    clips = torch.rand((2, 3, 4, 5, 3), generator=generator) + 0.1
    assert torch.equal(without_gaps(clips), clips[..., :2])
