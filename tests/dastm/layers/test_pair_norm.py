"""PairNorm against the loops, and what it promises of every frame."""

import pytest
import torch

from dastm.layers.pair_norm import GraphNorm, PairNorm
from tests.oracles import pair_norm as oracle


@pytest.fixture
def features(generator):
    """In the memory order of the backbones."""
    return 3 + torch.randn(2, 3, 5, 7, generator=generator, dtype=torch.float64).permute(0, 3, 1, 2)


@pytest.mark.parametrize("scale", [0.1, 1.0, 100.0])
def test_values_and_gradients_equal_the_loops(scale, features, generator):
    x_BCTV = features.requires_grad_()
    y, expected = PairNorm(scale)(x_BCTV), oracle.pair_norm(x_BCTV, scale)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    towards = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    ours, theirs = (torch.autograd.grad((out * towards).sum(), x_BCTV)[0] for out in (y, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_gradients_are_those_of_finite_differences(features):
    assert torch.autograd.gradcheck(PairNorm(2.0), features.requires_grad_())


def test_joints_of_every_frame_are_centred_and_have_the_mean_squared_norm_of_the_scale_squared(features):
    y_BCTV = PairNorm(10.0)(features)
    torch.testing.assert_close(y_BCTV.mean(dim=3), torch.zeros(2, 7, 3, dtype=torch.float64))
    mean_squared_BT = y_BCTV.square().sum(dim=1).mean(dim=2)
    torch.testing.assert_close(mean_squared_BT, torch.full((2, 3), 100.0, dtype=torch.float64), rtol=1e-5, atol=0)


def test_a_frame_depends_on_no_other_frame_and_no_other_body(features):
    y_BCTV, changed = PairNorm(1.0)(features), features.clone()
    changed[0, :, 1] *= 5
    differs_BT = (PairNorm(1.0)(changed) != y_BCTV).any(dim=3).any(dim=1)
    assert differs_BT.tolist() == [[False, True, False], [False] * 3]


@pytest.mark.parametrize("n_joints", [1, 4])
def test_joints_that_are_all_alike_become_zeros_with_finite_gradients(n_joints):
    x_BCTV = torch.ones(1, 3, 2, n_joints, requires_grad=True)
    y_BCTV = PairNorm(1.0)(x_BCTV)
    y_BCTV.sum().backward()
    assert not y_BCTV.any()
    assert x_BCTV.grad.isfinite().all()


def test_scale_zero_is_the_identity(features):
    assert PairNorm(0.0)(features) is features


def test_bfloat16_goes_through_float32_and_memory_order_is_kept(features):
    rounded = features.bfloat16()
    y_BCTV = PairNorm(1.0)(rounded)
    assert y_BCTV.dtype == torch.bfloat16
    assert torch.equal(y_BCTV, PairNorm(1.0)(rounded.float()).bfloat16())
    assert y_BCTV.stride() == features.stride()


def test_nothing_to_save_and_the_scale_shows():
    assert PairNorm(1.0).state_dict() == {}
    assert repr(PairNorm(1.0)) == "PairNorm(scale=1.0)"


@pytest.mark.parametrize("scale", [-1.0, float("nan"), float("inf")])
def test_scales_that_are_none_are_refused(scale):
    with pytest.raises(ValueError, match="pair_norm: a scale of 0 or more"):
        PairNorm(scale)


@pytest.mark.parametrize("scale", [0.0, 2.0])
@pytest.mark.parametrize("training", [True, False])
def test_a_graph_norm_is_pair_norm_then_batch_norm_with_the_weights_of_a_batch_norm(
    scale, training, features, generator
):
    norm, plain = GraphNorm(7, scale).double().train(training), torch.nn.BatchNorm2d(7).double().train(training)
    for parameter in norm.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    plain.load_state_dict(norm.state_dict())
    expected = plain(oracle.pair_norm(features, scale) if scale else features)
    torch.testing.assert_close(norm(features), expected, rtol=1e-10, atol=1e-10)
