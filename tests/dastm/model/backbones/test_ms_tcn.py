"""The branches over time against their restatement, values and gradients, and the widths they refuse."""

import pytest
import torch
from torch import Tensor

from dastm.model.backbones.ms_tcn import MultiScaleTemporalConv
from tests.oracles import ms_g3d as oracle


def drawn(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=generator)


@pytest.fixture
def conv(request, generator) -> MultiScaleTemporalConv:
    """Of the channels and stride that a test asks for; every weight away from one and zero."""
    channels, stride, relu = request.param
    module = MultiScaleTemporalConv(*channels, stride=stride, relu=relu).double()
    for parameter in module.parameters():
        parameter.data = 0.4 * drawn(generator, *parameter.shape) + 0.2
    return module


CASES = [((12, 12), 1, True), ((12, 12), 1, False), ((12, 12), 2, True), ((6, 12), 1, True), ((6, 12), 2, False)]


@pytest.mark.parametrize("conv", CASES, indirect=True, ids=str)
@pytest.mark.parametrize("n_frames", [1, 2, 7, 10])
def test_values_and_gradients_equal_the_restatement(conv, n_frames, generator):
    x = drawn(generator, 2, conv.branches[0][0].in_channels, n_frames, 3).requires_grad_()
    stride = conv.branches[5][0].stride[0]
    y = conv(x)
    expected = oracle.temporal_conv(x, dict(conv.named_parameters()), stride, last=conv.relu)
    torch.testing.assert_close(y, expected, rtol=1e-9, atol=1e-9)
    towards = drawn(generator, *y.shape)
    inputs = (x, *conv.parameters())
    ours, theirs = (torch.autograd.grad((out * towards).sum(), inputs) for out in (y, expected))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("conv", [((12, 12), 1, True)], indirect=True, ids=str)
def test_a_branch_sees_as_far_as_its_dilation(conv, generator):
    conv.eval()
    x = drawn(generator, 1, 12, 11, 2).requires_grad_()
    reach = []
    for branch in conv.branches:
        (gradient,) = torch.autograd.grad(branch(x)[:, :, 5].sum(), x)
        reach.append(gradient.abs().sum(dim=(0, 1, 3)).nonzero()[:, 0].tolist())
    assert reach[:4] == [[4, 5, 6], [3, 5, 7], [2, 5, 8], [1, 5, 9]]
    assert set(reach[4]) <= {4, 5, 6}
    assert reach[5] == [5]


def test_memory_order_is_kept():
    x = torch.ones(2, 12, 4, 5).to(memory_format=torch.channels_last)
    assert MultiScaleTemporalConv(12, 12)(x).is_contiguous(memory_format=torch.channels_last)


def test_widths_that_six_branches_cannot_share_are_refused():
    with pytest.raises(ValueError, match="out_channels: a multiple of 6, got 16"):
        MultiScaleTemporalConv(12, 16)
