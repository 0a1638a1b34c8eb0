"""One side of Eq. 4-5 and the released block: the literal loops, dropout from a seed, gradients, refusals."""

import copy

import pytest
import torch

from dastm.layers.dropout import reseed_dropout
from dastm.model.matching.attention import AttentionBlock, EquationAttention
from tests.oracles import matching as oracle

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}
KINDS = {
    "equations": lambda n, **options: EquationAttention(n, **{"init": "uniform", **options}),
    "block": lambda n, **options: AttentionBlock(n, **{"dropout": 0.0, **options}),
}


def made(kind, generator, dtype=torch.float64, n_features=6, **options):
    module = KINDS[kind](n_features, generator=generator, **options).to(dtype)
    if kind == "block":  # a norm that does something
        with torch.no_grad():
            for parameter in module.norm.parameters():
                parameter.add_(torch.randn(n_features, generator=generator))
    return module


def frames(generator, *shape, dtype=torch.float64):
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_skeleton_attending_to_itself_equals_the_literal_loops(kind, dtype, generator):
    module, features = made(kind, generator, dtype), frames(generator, 2, 3, 5, 6, dtype=dtype)
    found = module(features, features)
    exact = copy.deepcopy(module).double()
    for clip in range(2):
        for t in range(3):
            expected = oracle.within(exact, features[clip, t].double())
            torch.testing.assert_close(found[clip, t].double(), expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_one_skeleton_attending_to_another_equals_the_literal_loops(generator):
    module, own, other = made("block", generator), frames(generator, 5, 6), frames(generator, 5, 6)
    torch.testing.assert_close(module(own, other), oracle.block(module, own, other), rtol=1e-10, atol=1e-12)


def test_attention_by_hand():
    """d = 1, W1 = W2 = 1: scores 0 and 2 in the second row."""
    module = EquationAttention(1, init="identity")
    own, other = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    e = 2.718281828459045**2
    expected = torch.tensor([[0.5, 0.5], [1 / (1 + e), e / (1 + e)]])
    torch.testing.assert_close(module.attention(own, other), expected)
    torch.testing.assert_close(module(own, other), expected @ own)


@pytest.mark.parametrize("kind", KINDS)
def test_attention_rows_add_up_to_one_and_joints_permuted_alike_change_nothing(kind, generator):
    module, own, other = made(kind, generator), frames(generator, 2, 5, 6), frames(generator, 2, 5, 6)
    torch.testing.assert_close(module.attention(own, other).sum(-1), torch.ones(2, 5).double())
    joints = torch.tensor([4, 2, 0, 1, 3])
    permuted = module(own[:, joints], other[:, joints])
    torch.testing.assert_close(permuted, module(own, other)[:, joints], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck_of_features_and_weights(kind, generator):
    module, own, other = made(kind, generator, n_features=3), frames(generator, 2, 3), frames(generator, 2, 3)
    names = [name for name, _ in module.named_parameters()]

    def activated(own, other, *weights):
        return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (own, other))

    inputs = [t.detach().clone().requires_grad_() for t in (own, other, *module.parameters())]
    assert torch.autograd.gradcheck(activated, inputs)


def test_dropout_is_of_the_attention_and_of_what_is_added_and_follows_from_its_seed(generator):
    module, own, other = made("block", generator, dropout=0.4).train(), *(frames(generator, 5, 6) for _ in range(2))
    reseed_dropout(module, 3)
    masks = module.drop_attention.mask(own.new_empty(5, 5)), module.drop_output.mask(own)
    reseed_dropout(module, 3)
    found = module(own, other)
    torch.testing.assert_close(found, oracle.block(module, own, other, masks), rtol=1e-10, atol=1e-12)
    assert not torch.equal(module(own, other), found)
    reseed_dropout(module, 3)
    assert torch.equal(module(own, other), found)
    torch.testing.assert_close(module.eval()(own, other), oracle.block(module, own, other), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_come_from_the_generator_alone(kind):
    def drawn(seed):
        return KINDS[kind](9, generator=torch.Generator().manual_seed(seed))

    state = torch.get_rng_state()
    first, again, other = drawn(1), drawn(1), drawn(2)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


@pytest.mark.parametrize("kind", KINDS)
def test_frames_that_do_not_fit_are_refused(kind):
    module = KINDS[kind](4)
    for own, other in (((2, 5), (2, 5)), ((3, 4), (2, 4)), ((4,), (4,))):
        with pytest.raises(ValueError, match=r"expected frames \(\.\.\., V, 4\)"):
            module(torch.zeros(own), torch.zeros(other))
