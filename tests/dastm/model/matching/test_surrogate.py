"""The released rank term: the literal loops, bounds, and gradients."""

import pytest
import torch

from dastm.model.matching.surrogate import surrogate_loss, surrogate_rank
from tests.oracles import matching as oracle

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("size", [1.0, 1e3])
@pytest.mark.parametrize(("n_joints", "n_channels"), [(3, 7), (7, 3), (1, 4), (4, 1)])
def test_loss_equals_the_literal_loops(n_joints, n_channels, size, dtype, generator):
    def features(*shape):
        return size * torch.randn((*shape, n_joints, n_channels), generator=generator, dtype=torch.float64)

    prototypes, query = features(2, 3).to(dtype), features(4, 2).to(dtype)
    found = surrogate_loss(prototypes, query)
    assert found.dtype == dtype
    assert found.item() == pytest.approx(oracle.surrogate_loss(prototypes, query), rel=TOLERANCE[dtype])
    assert found >= -2 or n_joints > n_channels


def test_joints_that_light_different_channels_rank_higher_than_alike_ones():
    """By hand: softmax rows become the identity (columns of norm 1), or all one column (norm 2, and zeros)."""
    different, alike = 1e3 * torch.eye(4), 1e3 * torch.eye(4)[:1].expand(4, 4)
    assert surrogate_rank(different).item() == pytest.approx(1.0)
    assert surrogate_rank(alike).item() == pytest.approx(0.5)


def test_gradcheck(generator):
    features = torch.randn(2, 2, 3, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    query = torch.randn(1, 2, 3, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(surrogate_loss, (features, query))


@pytest.mark.parametrize("shape", [(3,), (2, 0, 4), (0, 3, 4)])
def test_what_is_no_matrix_is_refused(shape):
    with pytest.raises(ValueError, match="expected matrices"):
        surrogate_rank(torch.zeros(shape))
