"""The input norm against the published one on the published arrangement of bodies."""

import pytest
import torch
from torch import nn

from dastm.backbones.bodies import check_bodies, input_norm, normal_bodies

SHAPE = (4, 3)


def published(clips_LCTVM: torch.Tensor, norm: nn.BatchNorm1d) -> torch.Tensor:
    """Channels (slot, joint, coordinate) over clips and frames, in the published order of axes."""
    n_clips, n_coordinates, n_frames, n_joints, n_slots = clips_LCTVM.shape
    flat = clips_LCTVM.permute(0, 4, 3, 1, 2).reshape(n_clips, n_slots * n_joints * n_coordinates, n_frames)
    normal = norm(flat).view(n_clips, n_slots, n_joints, n_coordinates, n_frames)
    return normal.permute(0, 1, 4, 2, 3).flatten(0, 1)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n_slots", [1, 2, 3])
def test_slots_equal_the_published_arrangement(n_slots, training, generator):
    norm = input_norm(SHAPE, n_slots).double().train(training)
    for parameter in norm.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    norm.running_mean.copy_(torch.randn(norm.running_mean.shape, generator=generator))
    clips_LCTVM = torch.randn(3, 3, 5, 4, n_slots, generator=generator, dtype=torch.float64)
    bodies_BTVC = clips_LCTVM.permute(0, 4, 2, 3, 1).flatten(0, 1)
    normal = normal_bodies(bodies_BTVC, norm, SHAPE)
    torch.testing.assert_close(normal, published(clips_LCTVM, norm), rtol=1e-12, atol=1e-12)


def test_every_slot_has_its_own_statistics():
    first, second = torch.zeros(2, 1, 4, 3), torch.full((2, 1, 4, 3), 7.0)
    bodies = torch.stack((first, second), dim=1).flatten(0, 1)
    assert normal_bodies(bodies, input_norm(SHAPE, 2), SHAPE).abs().max() < 1e-3
    assert normal_bodies(bodies, input_norm(SHAPE), SHAPE).abs().min() > 0.99


def test_bodies_that_fill_no_clip_are_refused():
    with pytest.raises(ValueError, match="bodies: 2 a clip, got 3 in all"):
        normal_bodies(torch.zeros(3, 5, 4, 3), input_norm(SHAPE, 2), SHAPE)


@pytest.mark.parametrize("shape", [(2, 5, 4, 2), (2, 5, 3, 3), (5, 4, 3)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"bodies: expected \(B, T, 4, 3\), got"):
        check_bodies(torch.zeros(shape), SHAPE)


def test_no_slot_is_refused():
    with pytest.raises(ValueError, match="body_slots: at least 1, got 0"):
        input_norm(SHAPE, 0)
