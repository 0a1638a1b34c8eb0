"""Convolutions over time: which frames a feature frame sees, and how many are left."""

import pytest
import torch

from dastm.layers.time_conv import TemporalConv, frames_left, time_conv


@pytest.mark.parametrize(
    ("n_frames", "strides", "left"), [(30, (1, 2, 2), 8), (50, (2, 2), 13), (1, (2, 2), 1), (7, (), 7)]
)
def test_every_stride_is_rounded_up(n_frames, strides, left):
    assert frames_left(n_frames, strides) == left


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(1, 1, 1), (1, 2, 1), (9, 1, 1), (9, 2, 1), (3, 2, 4)])
@pytest.mark.parametrize("n_frames", [1, 6, 7])
def test_a_convolution_leaves_as_many_frames_as_its_stride_says(kernel, stride, dilation, n_frames):
    conv = time_conv(2, 4, kernel=kernel, stride=stride, dilation=dilation)
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.fill_(1.0)
    x_BCTV = torch.arange(1.0, n_frames + 1).view(1, 1, -1, 1).expand(1, 2, n_frames, 3)
    y_BCTV = conv(x_BCTV)
    assert y_BCTV.shape == (1, 4, frames_left(n_frames, [stride]), 3)
    for i, t in enumerate(range(0, n_frames, stride)):
        around = [t + dilation * (k - kernel // 2) for k in range(kernel)]
        assert y_BCTV[0, 0, i, 0] == 1 + 2 * sum(1 + frame for frame in around if 0 <= frame < n_frames)


def test_weights_are_not_drawn_from_the_global_generator():
    before = torch.get_rng_state()
    TemporalConv(2, 4, kernel=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_norm_follows_the_convolution(generator):
    layer = TemporalConv(2, 4, kernel=3, stride=2)
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    x_BCTV = torch.randn(2, 2, 5, 3, generator=generator)
    torch.testing.assert_close(layer(x_BCTV), layer.bn(layer.conv(x_BCTV)))
    assert layer(x_BCTV).shape == (2, 4, 3, 3)
