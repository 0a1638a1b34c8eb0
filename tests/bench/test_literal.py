"""The literal versions compute what the fast ones compute: else their times would say nothing."""

import pytest
import torch

from dastm.bench import episodes
from dastm.bench.case import Setting
from dastm.bench.episodes import EpisodeWork
from dastm.config.schema import BackboneConfig, Config
from dastm.contract.skeleton import LAYOUTS
from dastm.model.backbones import BACKBONES
from dastm.model.matching.activation import Activation
from dastm.model.matching.soft_dtw import soft_dtw
from tests.bench import literal

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

CPU = Setting(device=torch.device("cpu"))


def test_activation(generator):
    weights = Activation(4, distance="frobenius", init="uniform", generator=generator).double()
    query = torch.randn((3, 2, 5, 4), generator=generator).double()
    prototypes = torch.randn((2, 3, 5, 4), generator=generator).double()
    torch.testing.assert_close(literal.activation_distances(weights, query, prototypes), weights(query, prototypes))


@pytest.fixture
def plain_soft_dtw(monkeypatch):
    """The loops as Python runs them: compiling them takes many seconds."""
    monkeypatch.setattr(literal, "soft_dtw_plain", getattr(literal.soft_dtw_plain, "py_func", literal.soft_dtw_plain))


@pytest.mark.usefixtures("plain_soft_dtw")
def test_soft_dtw(generator):
    cost = torch.randn((3, 4, 5), generator=generator).double().requires_grad_()
    (expected,) = torch.autograd.grad(soft_dtw(cost, 0.1).sum(), cost)
    values, grad = literal.soft_dtw_plain(cost.detach().numpy(), 0.1)
    torch.testing.assert_close(torch.from_numpy(values), soft_dtw(cost, 0.1).detach())
    torch.testing.assert_close(torch.from_numpy(grad), expected)
    scale = torch.tensor([1.0, -2.0, 0.5]).double()
    (scaled,) = torch.autograd.grad((scale * literal.PlainSoftDTW.apply(cost, 0.1)).sum(), cost)
    torch.testing.assert_close(scaled, scale[:, None, None] * expected)


@pytest.mark.parametrize("training", [True, False])
def test_backbone(generator, training):
    network = BACKBONES["st_gcn"](LAYOUTS["ntu25"], n_blocks=4).double().train(training)
    bodies = torch.randn((2, 6, 25, 3), generator=generator).double()
    torch.testing.assert_close(literal.st_gcn(network, bodies), network(bodies))


@pytest.mark.usefixtures("plain_soft_dtw")
@pytest.mark.parametrize("n_bodies", [1, 2])
def test_episode(n_bodies, monkeypatch):
    monkeypatch.setattr(episodes, "CONFIG", Config(backbone=BackboneConfig(n_blocks=4)))
    monkeypatch.setitem(episodes.FRAMES, "ntu25", 5)
    work = EpisodeWork(CPU, "ntu25", n_bodies, 2)
    work.model.train()
    ours, plain = work.loss(work.model(work.episode)), literal.episode_loss(work.model, work.episode)
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4)
    weights = list(work.model.parameters())
    # All together: before a batch norm the gradient of a bias is nothing but rounding.
    grads = [torch.cat([grad.flatten() for grad in torch.autograd.grad(loss, weights)]) for loss in (ours, plain)]
    assert float((grads[0] - grads[1]).norm() / grads[1].norm()) < 1e-3
