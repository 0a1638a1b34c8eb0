"""How projections begin, by name."""

import pytest
import torch
from torch import nn

from dastm.matching.projections import start


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
