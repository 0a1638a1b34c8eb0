"""How projections begin, by name."""

import pytest
import torch
from torch import nn

from dastm.model.matching.projections import joint_codes, start


def begun(init, seed=1):
    weights = {name: nn.Parameter(torch.empty(16, 16)) for name in ("W1", "W2", "W3")}
    start(weights.items(), torch.Generator().manual_seed(seed), init)
    return weights


@pytest.mark.parametrize(("init", "identities"), [("uniform", ""), ("tied", "W3"), ("identity", "W1 W2 W3")])
def test_which_begin_as_the_identity_and_which_are_drawn(init, identities):
    for name, weight in begun(init).items():
        assert torch.equal(weight, torch.eye(16)) == (name in identities)
        if name not in identities:
            assert 0.2 < weight.abs().max() <= 0.25


def test_the_same_generator_state_gives_the_same_numbers_and_no_two_are_alike():
    first, again, other = begun("uniform"), begun("uniform"), begun("uniform", seed=2)
    assert torch.equal(first["W2"], again["W2"])
    assert not torch.equal(first["W2"], other["W2"])
    assert not torch.equal(first["W1"], first["W2"])


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="init: one of uniform, tied, identity, got 'zeros'"):
        begun("zeros")


@pytest.mark.parametrize(("n_joints", "n_features"), [(5, 8), (8, 8), (9, 4)])
def test_codes_have_the_length_asked_for_and_are_orthogonal_where_they_can_be(n_joints, n_features, generator):
    codes = joint_codes(n_joints, n_features, 3.0, generator).double()
    torch.testing.assert_close(codes.norm(dim=1), torch.full((n_joints,), 3.0, dtype=torch.float64))
    if n_joints <= n_features:
        torch.testing.assert_close(codes @ codes.T, 9 * torch.eye(n_joints, dtype=torch.float64), rtol=0, atol=1e-5)
    again = joint_codes(n_joints, n_features, 3.0, generator.manual_seed(0))
    assert torch.equal(again, joint_codes(n_joints, n_features, 3.0, generator.manual_seed(0)))


def test_codes_without_a_length_are_refused(generator):
    with pytest.raises(ValueError, match="a length above 0, got 0"):
        joint_codes(3, 4, 0, generator)
