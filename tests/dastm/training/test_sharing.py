"""Pieces of a step: the mean of their gradients, and what batch norms know of them, in the order of the pieces."""

from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from dastm.model.backbones import BACKBONES
from dastm.training.ranks import ALONE, Ranks
from dastm.training.sharing import MOMENTUM, mean_gradients
from tests.toy import STICK


@pytest.fixture
def network(generator):
    layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).double()
    for weight in layers.parameters():
        nn.init.normal_(weight, generator=generator)
    return layers


@pytest.fixture
def batches(generator):
    return [torch.randn(5, 3, dtype=torch.float64, generator=generator) + place for place in range(4)]


def piece(network, batch_N3):
    def computed():
        network.zero_grad(set_to_none=True)
        loss = network(batch_N3).square().mean()
        loss.backward()
        return torch.stack([loss.detach(), batch_N3.sum()])

    return computed


def pieces(network, batches):
    return [piece(network, batch_N3) for batch_N3 in batches]


def left(network):
    """Gradients and statistics."""
    statistics = [network[1].running_mean, network[1].running_var]
    return [weight.grad.clone() for weight in network.parameters()] + [value.clone() for value in statistics]


def test_gradients_are_the_mean_and_statistics_those_of_one_piece_after_the_other(network, batches):
    means, terms = [torch.zeros_like(weight) for weight in network.parameters()], []
    for one in pieces(network, batches):
        terms.append(one())
        for mean, weight in zip(means, network.parameters(), strict=True):
            mean += weight.grad / len(batches)
    expected = means + left(network)[len(means) :]
    for name in ("running_mean", "running_var"):
        network[1].get_buffer(name).copy_(torch.zeros(4) if name == "running_mean" else torch.ones(4))
    found = mean_gradients(network, list(network.parameters()), pieces(network, batches), ALONE)
    torch.testing.assert_close(found, terms, rtol=0, atol=0)
    torch.testing.assert_close(left(network), expected)


def test_two_ranks_end_with_the_bits_of_one(network, batches, monkeypatch):
    """The second rank's rows are computed first, and handed to the first where it gathers them."""
    shares, begun = [], [value.clone() for value in network[1].buffers()]

    def kept(_, own):
        shares.append(own)
        return [own, own]

    def gathered(_, own):
        return [own, shares.pop(0)]

    def again():
        for value, before in zip(network[1].buffers(), begun, strict=True):
            value.copy_(before)

    weights, two = list(network.parameters()), Ranks(number=0, count=2)
    monkeypatch.setattr(Ranks, "together", lambda _, work: work())
    terms = mean_gradients(network, weights, pieces(network, batches), ALONE)
    alone = left(network)
    for gather, places in ((kept, slice(1, None, 2)), (gathered, slice(0, None, 2))):
        again()
        monkeypatch.setattr(Ranks, "gathered", gather)
        found = mean_gradients(network, weights, pieces(network, batches[places]), two)
    assert all(torch.equal(one, other) for one, other in zip(left(network), alone, strict=True))
    assert all(torch.equal(one, other) for one, other in zip(found, terms, strict=True))


def test_without_pieces_nothing_changes(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert mean_gradients(network, list(network.parameters()), [], ALONE) == []
    assert all(weight.grad is None for weight in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("name", BACKBONES)
def test_every_batch_norm_has_the_momentum_and_one_call_a_piece_that_sharing_counts_on(name):
    backbone, calls = BACKBONES[name](STICK).train(), Counter()
    norms = [module for module in backbone.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        norm.register_forward_hook(lambda norm, inputs, output: calls.update([norm]))
    backbone(torch.randn(2, 8, 3, 3))
    assert {(norm.momentum, calls[norm]) for norm in norms} == {(MOMENTUM, 1)}
