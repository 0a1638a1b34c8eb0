"""Joints about one of them: the way of the body is left to that one, and what was not measured stays zero."""

import torch

from dastm.layers.centring import about, from_parents


def test_joints_are_taken_from_the_centre_of_their_frame_which_keeps_its_way(generator):
    joints = torch.randn((2, 5, 4, 3), generator=generator)
    way = torch.randn((2, 5, 1, 3), generator=generator)
    found = about(joints, 2, 3)
    assert torch.equal(found[:, :, 2], joints[:, :, 2])
    assert torch.equal(found[:, :, [0, 1, 3]], joints[:, :, [0, 1, 3]] - joints[:, :, 2:3])
    torch.testing.assert_close(about(joints + way, 2, 3)[:, :, [0, 1, 3]], found[:, :, [0, 1, 3]])


def test_a_confidence_and_what_was_not_measured_stay_as_they_are(generator):
    joints = torch.rand((5, 4, 3), generator=generator) + 0.1
    joints[1, 3] = 0
    found = about(joints, 0, 2)
    assert torch.equal(found[..., 2], joints[..., 2])
    assert not found[1, 3].any()
    assert not about(torch.zeros(5, 4, 3), 0, 2).any()


def test_vectors_from_parents_are_differences_and_zero_at_the_root(generator):
    joints = torch.randn((2, 5, 3, 4), generator=generator)
    expected = torch.stack(
        [torch.zeros(2, 5, 4), joints[:, :, 1] - joints[:, :, 0], joints[:, :, 2] - joints[:, :, 1]], 2
    )
    assert torch.equal(from_parents(joints, (0, 0, 1)), expected)
