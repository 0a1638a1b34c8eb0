"""The LSTM backbone against its restatement step by step, and what follows from reading frames in order."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from dastm.contract.skeleton import NTU25, Layout
from dastm.model.backbones.lstm import LSTM
from tests.oracles import lstm as oracle
from tests.oracles.pair_norm import pair_norm

FORK = Layout(name="fork", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)))
PLANE = Layout(name="plane", joints=("a", "b"), bones=((1, 0),), coordinates=("x", "y"))


def draw(generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=generator)


@pytest.mark.parametrize("layout", [FORK, PLANE], ids=["fork", "plane"])
@pytest.mark.parametrize("n_blocks", [1, 2, 3])
@pytest.mark.parametrize("n_frames", [1, 6])
def test_features_equal_the_restatement(layout, n_blocks, n_frames, generator):
    model = LSTM(layout, n_blocks=n_blocks).double()
    bodies = draw(generator, 3, n_frames, layout.n_joints, len(layout.coordinates))
    for parameter in model.data_bn.parameters():
        parameter.data = draw(generator, *parameter.shape)
    mean, variance = bodies.mean(dim=(0, 1)), bodies.var(dim=(0, 1), unbiased=False)
    weight, bias = (p.detach().view(bodies.shape[2:]) for p in model.data_bn.parameters())
    normal = ((bodies - mean) / (variance + 1e-5).sqrt() * weight + bias).flatten(2).numpy()
    weights = {name: value.detach().numpy() for name, value in model.project.state_dict().items()}
    features = model(bodies).detach().numpy()
    for clip, x in enumerate(normal):
        for layer in model.layers:
            x = oracle.layer(x, {name: value.detach().numpy() for name, value in layer.state_dict().items()})
        expected = (x @ weights["weight"].T + weights["bias"]).reshape(n_frames, layout.n_joints, 256)
        np.testing.assert_allclose(features[clip], expected, rtol=1e-9, atol=1e-12)


def test_gradients_are_those_of_finite_differences(generator):
    model = LSTM(PLANE).double().eval()
    bodies = draw(generator, 2, 3, 2, 2).requires_grad_()
    seen = draw(generator, 2, 3, 2, 256)

    def value(x: Tensor) -> Tensor:
        return (model(x) * seen).sum()

    assert torch.autograd.gradcheck(value, bodies, fast_mode=True)


def test_every_parameter_gets_a_gradient(generator):
    model = LSTM(FORK)
    model(draw(generator, 4, 5, 4, 3, dtype=torch.float32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_pair_norm_follows_the_map_to_joints(generator):
    plain, normed = LSTM(FORK).double(), LSTM(FORK, pair_norm=3.0).double()
    bodies = draw(generator, 3, 5, 4, 3)
    for training in (True, False):
        features = plain.train(training)(bodies)
        expected = pair_norm(features.permute(0, 3, 1, 2), 3.0).permute(0, 2, 3, 1)
        torch.testing.assert_close(normed.train(training)(bodies), expected, rtol=1e-10, atol=1e-10)


def test_a_frame_sees_those_before_it_and_none_after(generator):
    model = LSTM(FORK).double().eval()
    bodies = draw(generator, 2, 6, 4, 3)
    changed = bodies.clone()
    changed[:, 3] += 1
    features, other = model(bodies), model(changed)
    assert torch.equal(features[:, :3], other[:, :3])
    assert (features[:, 3:] != other[:, 3:]).flatten(2).any(-1).all()


def test_a_frame_has_as_many_directions_as_joints():
    """What the rank term and the activation work on: rows of a frame are joints, and they are not copies."""
    model = LSTM(NTU25).double().eval()
    features = model(torch.randn(1, 4, 25, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    assert torch.linalg.matrix_rank(features[0]).tolist() == [25] * 4


def test_weights_have_the_default_distribution(generator):
    model = LSTM(NTU25)
    model.reset(generator)
    for parameter in (*model.layers.parameters(), *model.project.parameters()):
        assert parameter.abs().max() <= 1 / 16
        assert parameter.std().item() == pytest.approx(1 / 16 / 3**0.5, rel=0.1)


def test_a_copy_and_a_saved_state_give_the_same_features(generator):
    model = LSTM(FORK)
    model.reset(generator)
    bodies = draw(generator, 2, 5, 4, 3, dtype=torch.float32)
    twin = LSTM(FORK)
    twin.load_state_dict(model.state_dict())
    assert torch.equal(model(bodies), copy.deepcopy(twin)(bodies))
