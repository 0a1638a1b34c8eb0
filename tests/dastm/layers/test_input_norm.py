"""The input norm against the published one on the published arrangement of bodies."""

import pytest
import torch
from torch import nn

from dastm.contract.skeleton import Layout
from dastm.layers.input_norm import InputNorm, check_bodies

FORK = Layout(name="fork", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)))


def published(clips_LCTVM: torch.Tensor, norm: nn.BatchNorm1d) -> torch.Tensor:
    """Channels (slot, joint, coordinate) over clips and frames, in the published order of axes."""
    n_clips, n_coordinates, n_frames, n_joints, n_slots = clips_LCTVM.shape
    flat = clips_LCTVM.permute(0, 4, 3, 1, 2).reshape(n_clips, n_slots * n_joints * n_coordinates, n_frames)
    normal = norm(flat).view(n_clips, n_slots, n_joints, n_coordinates, n_frames)
    return normal.permute(0, 1, 4, 2, 3).flatten(0, 1)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n_slots", [1, 2, 3])
def test_slots_equal_the_published_arrangement(n_slots, training, generator):
    norm = InputNorm(FORK, n_slots).double().train(training)
    for parameter in norm.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    norm.running_mean.copy_(torch.randn(norm.running_mean.shape, generator=generator))
    plain = nn.BatchNorm1d(n_slots * 4 * 3).double().train(training)
    plain.load_state_dict(norm.state_dict())
    clips_LCTVM = torch.randn(3, 3, 5, 4, n_slots, generator=generator, dtype=torch.float64)
    bodies_BTVC = clips_LCTVM.permute(0, 4, 2, 3, 1).flatten(0, 1)
    torch.testing.assert_close(norm(bodies_BTVC), published(clips_LCTVM, plain), rtol=1e-12, atol=1e-12)


def test_every_slot_has_its_own_statistics():
    first, second = torch.zeros(2, 1, 4, 3), torch.full((2, 1, 4, 3), 7.0)
    bodies = torch.stack((first, second), dim=1).flatten(0, 1)
    assert InputNorm(FORK, 2)(bodies).abs().max() < 1e-3
    assert InputNorm(FORK)(bodies).abs().min() > 0.99


def test_bodies_that_fill_no_clip_are_refused():
    with pytest.raises(ValueError, match="bodies: 2 a clip, got 3 in all"):
        InputNorm(FORK, 2)(torch.zeros(3, 5, 4, 3))


@pytest.mark.parametrize("shape", [(2, 5, 4, 2), (2, 5, 3, 3), (5, 4, 3)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"bodies: expected \(B, T, 4, 3\), got"):
        check_bodies(torch.zeros(shape), FORK)


def test_no_slot_is_refused():
    with pytest.raises(ValueError, match="body_slots: at least 1, got 0"):
        InputNorm(FORK, 0)
