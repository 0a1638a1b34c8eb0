"""The LSTM backbone against its restatement step by step, and what follows from reading frames in order."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from dastm.backbones.lstm import LSTM
from dastm.dropout import reseed_dropout
from dastm.skeleton import LAYOUTS, NTU25, Layout
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


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), FORK, PLANE], ids=lambda layout: layout.name)
@pytest.mark.parametrize("n_frames", [1, 30])
def test_shapes(layout, n_frames):
    model = LSTM(layout).eval()
    features = model(torch.zeros(2, n_frames, layout.n_joints, len(layout.coordinates)))
    assert features.shape == (2, n_frames, layout.n_joints, model.n_features)
    assert features.is_contiguous()
    assert model.n_frames_out(n_frames) == n_frames
    assert model.strides == ()


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


def test_in_evaluation_bodies_do_not_see_each_other(generator):
    model = LSTM(FORK).double()
    bodies = draw(generator, 4, 5, 4, 3)
    model(bodies)  # running statistics that are not the initial ones
    model.eval()
    alone = torch.cat([model(body[None]) for body in bodies])
    torch.testing.assert_close(model(bodies), alone, rtol=1e-10, atol=1e-10)


def test_weights_follow_from_the_seed_alone():
    model = LSTM(FORK)

    def weights(seed: int) -> list[Tensor]:
        model.reset(torch.Generator().manual_seed(seed))
        return [value.clone() for value in model.state_dict().values()]

    first, other = weights(1), weights(2)
    model.train()(torch.ones(2, 3, 4, 3)).sum().backward()  # moves the running statistics
    for parameter in model.parameters():
        parameter.data.mul_(2).add_(1)
    assert all(torch.equal(a, b) for a, b in zip(first, weights(1), strict=True))
    changed = [not torch.equal(a, b) for a, b in zip(first, other, strict=True)]
    assert sum(changed) == 2 * 4 + 2


def test_weights_have_the_default_distribution(generator):
    model = LSTM(NTU25)
    model.reset(generator)
    for parameter in (*model.layers.parameters(), *model.project.parameters()):
        assert parameter.abs().max() <= 1 / 16
        assert parameter.std().item() == pytest.approx(1 / 16 / 3**0.5, rel=0.1)


def test_the_global_generator_is_neither_read_nor_moved(generator):
    bodies = draw(generator, 2, 5, 4, 3, dtype=torch.float32)
    before = torch.get_rng_state()
    first = LSTM(FORK, dropout=0.5)
    features = first(bodies)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        assert torch.equal(LSTM(FORK, dropout=0.5)(bodies), features)


def test_dropout_follows_from_its_seed_and_is_for_training_only(generator):
    bodies = draw(generator, 2, 5, 4, 3, dtype=torch.float32)
    model = LSTM(FORK, n_blocks=3, dropout=0.5)

    def features(seed: int) -> Tensor:
        reseed_dropout(model, seed)
        return model(bodies)

    assert torch.equal(features(1), features(1))
    assert not torch.equal(features(1), features(2))
    plain = LSTM(FORK, n_blocks=3).eval()
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(bodies), plain(bodies))


def test_a_copy_and_a_saved_state_give_the_same_features(generator):
    model = LSTM(FORK)
    model.reset(generator)
    bodies = draw(generator, 2, 5, 4, 3, dtype=torch.float32)
    twin = LSTM(FORK)
    twin.load_state_dict(model.state_dict())
    assert torch.equal(model(bodies), copy.deepcopy(twin)(bodies))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_blocks": 0}, "n_blocks: at least 1, got 0"),
        ({"n_blocks": 1, "dropout": 1.0}, "dropout: a probability"),
        ({"pair_norm": -1.0}, "pair_norm: a scale"),
    ],
)
def test_options_that_make_no_network_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LSTM(NTU25, **options)


@pytest.mark.parametrize("shape", [(2, 6, 25, 2), (2, 6, 18, 3), (6, 25, 3)])
def test_bodies_of_another_layout_are_refused(shape):
    with pytest.raises(ValueError, match=r"bodies: expected \(B, T, 25, 3\), got"):
        LSTM(NTU25)(torch.zeros(shape))
