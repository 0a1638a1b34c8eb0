"""Initial weights: their distributions, in a fixed order, from the generator that is given and no other."""

import pytest
import torch
from torch import nn

from dastm.layers.weights import Conv2d, Conv3d, Linear, draw_convolution, draw_normal, draw_uniform, fresh_norms


@pytest.mark.parametrize(("draw", "std"), [(draw_uniform, 3 / 3**0.5), (draw_normal, 3.0)])
def test_values_have_the_distribution_and_follow_from_the_generator_alone(draw, std, generator):
    values, again = torch.empty(200, 100), torch.empty(200, 100)
    before = torch.get_rng_state()
    state = generator.get_state()
    draw(values, 3.0, generator)
    draw(again, 3.0, generator.set_state(state))
    assert torch.equal(values, again)
    assert torch.equal(torch.get_rng_state(), before)
    assert values.std().item() == pytest.approx(std, rel=0.05)
    assert abs(values.mean().item()) < 0.05 * std
    assert (values.abs().max() <= 3) == (draw is draw_uniform)


def test_building_a_layer_draws_nothing():
    before = torch.get_rng_state()
    layers = [Linear(3, 4), Conv2d(2, 3, (3, 1)), Conv3d(2, 3, (1, 3, 1))]
    assert torch.equal(torch.get_rng_state(), before)
    assert [tuple(layer.weight.shape) for layer in layers] == [(4, 3), (3, 2, 3, 1), (3, 2, 1, 3, 1)]


@pytest.mark.parametrize("conv", [nn.Conv2d(5, 7, (3, 1)), nn.Conv3d(5, 7, (1, 3, 1))], ids=["2d", "3d"])
def test_a_convolution_draws_its_weight_then_its_bias(conv, generator):
    state = generator.get_state()
    with torch.no_grad():
        draw_convolution(conv, generator)
    generator.set_state(state)
    for parameter in (conv.weight, conv.bias):
        expected = torch.empty(parameter.shape).uniform_(-(15**-0.5), 15**-0.5, generator=generator)
        assert torch.equal(parameter, expected)


def test_norms_of_any_kind_become_the_identity_with_fresh_statistics():
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.BatchNorm2d(2)), nn.Linear(2, 2))
    expected = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for norm in (network[0], network[1][0]):
            for value in norm.state_dict().values():
                value.add_(1)
    fresh_norms(network)
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())
