import copy
from types import SimpleNamespace

import pytest
import torch

from dastm.model.matching.activation import Activation
from dastm.model.matching.projections import joint_codes
from tests.oracles import activation as oracle
from tests.oracles import matching

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}
NAMES = ["W1q", "W2q", "W3q", "W1s", "W2s", "W3s"]


def made(n_features, **options):
    """As Eq. 4-6 have it, unless told otherwise."""
    return Activation(n_features, **{"distance": "frobenius", "init": "uniform", **options})


def problem(kind, generator, sizes=(3, 4, 2, 3, 5, 6), dtype=torch.float64):
    """A module, query features and prototypes of one kind of input."""
    n_query, n_t, n_way, n_s, n_joints, n_channels = sizes
    module = made(n_channels, generator=generator).to(dtype)
    query = torch.randn(n_query, n_t, n_joints, n_channels, generator=generator, dtype=torch.float64)
    prototypes = torch.randn(n_way, n_s, n_joints, n_channels, generator=generator, dtype=torch.float64)
    if kind == "near":
        tie_sides(module)
        query[1:], prototypes = query[:1, :1] + 1e-3 * query[1:], query[:1, :1] + 1e-3 * prototypes
    if kind == "zero":
        query[0], prototypes[1] = 0, 0
    if kind == "large":
        query, prototypes = 1e4 * query, 1e4 * prototypes
    if kind == "offset":
        tie_sides(module)
        query, prototypes = query + 30, prototypes + 30
    return module, query.to(dtype), prototypes.to(dtype)


def tie_sides(module):
    """Both sides alike: identical skeletons then give identical activated frames."""
    with torch.no_grad():
        module.W1s.copy_(module.W1q)
        module.W2s.copy_(module.W2q)
        module.W3s.copy_(module.W3q)


def grads(module, distances, *features):
    return torch.autograd.grad(distances, [*features, *module.parameters()])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kind", ["random", "near", "zero", "large", "offset"])
def test_distances_equal_the_literal_loops(kind, dtype, generator):
    module, query, prototypes = problem(kind, generator, dtype=dtype)
    found = module(query, prototypes)
    assert found.shape == (3, 2, 4, 3)
    assert found.dtype == dtype
    expected = oracle.distances(copy.deepcopy(module).double(), query.double(), prototypes.double())
    torch.testing.assert_close(found.double(), expected, rtol=TOLERANCE[dtype], atol=0)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kind", ["random", "zero", "large"])
def test_cosine_of_activated_frames_equals_the_literal_loops(kind, dtype, generator):
    module, query, prototypes = problem(kind, generator, dtype=dtype)
    module.distance = "cosine"
    found = module(query, prototypes)
    assert found.dtype == dtype
    exact = copy.deepcopy(module).double()
    for q, w, t, s in ((0, 0, 0, 0), (2, 1, 1, 0), (1, 1, 3, 2), (2, 0, 3, 2)):
        pair = matching.activated(SimpleNamespace(activation=exact), query[q, t].double(), prototypes[w, s].double())
        expected = matching.frame_distance(*pair, "cosine").item()
        assert found[q, w, t, s].item() == pytest.approx(expected, rel=TOLERANCE[dtype])


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1, 1), (2, 1, 3, 4, 1, 2), (2, 3, 1, 1, 4, 1)], ids=str)
def test_one_frame_one_joint_one_channel(sizes, generator):
    module, query, prototypes = problem("random", generator, sizes)
    torch.testing.assert_close(
        module(query, prototypes), oracle.distances(module, query, prototypes), rtol=1e-9, atol=0
    )


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kind", ["random", "near"])
def test_gradients_equal_those_of_the_literal_loops(kind, dtype, generator):
    module, query, prototypes = problem(kind, generator, dtype=dtype)
    exact = copy.deepcopy(module).double()
    fast, slow = [(query.to(t).requires_grad_(), prototypes.to(t).requires_grad_()) for t in (dtype, torch.float64)]
    found = grads(module, module(*fast).sum(), *fast)
    expected = grads(exact, oracle.distances(exact, *slow).sum(), *slow)
    for quick, true in zip(found, expected, strict=True):
        allowed = TOLERANCE[dtype] * true.abs().max().item() * (100 if kind == "near" else 1)
        torch.testing.assert_close(quick.double(), true, rtol=0, atol=allowed)


def test_gradcheck_of_features_and_projections(generator):
    module, query, prototypes = problem("random", generator, (2, 2, 2, 1, 2, 2))

    def distances(query, prototypes, *weights):
        return torch.func.functional_call(module, dict(zip(NAMES, weights, strict=True)), (query, prototypes))

    inputs = [t.detach().clone().requires_grad_() for t in (query, prototypes, *module.parameters())]
    assert torch.autograd.gradcheck(distances, inputs)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_identical_activated_frames_have_distance_zero_and_finite_gradients(dtype, generator):
    module, query, _ = problem("random", generator, dtype=dtype)
    tie_sides(module)
    query.requires_grad_()
    distances = module(query, query.detach())
    same = distances.detach()[range(3), range(3)].diagonal(dim1=1, dim2=2)
    assert same.max() < 1e-5 * distances.max()
    assert all(grad.isfinite().all() for grad in grads(module, distances.sum(), query))


def test_zeros_have_distance_zero_and_gradient_zero(generator):
    module = made(4, generator=generator)
    query = torch.zeros(2, 3, 5, 4, requires_grad=True)
    distances = module(query, torch.zeros(2, 3, 5, 4))
    assert not distances.any()
    assert not any(grad.any() for grad in grads(module, distances.sum(), query))


@pytest.mark.parametrize("chunk_pairs", [1, 7, 12, 10_000])
def test_chunks_change_neither_distances_nor_gradients(chunk_pairs, generator):
    module, query, prototypes = problem("random", generator)
    chunked = copy.deepcopy(module)
    chunked.chunk_pairs = chunk_pairs
    query.requires_grad_()
    whole, parts = module(query, prototypes), chunked(query, prototypes)
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=0)
    expected = grads(module, whole.square().sum(), query)
    torch.testing.assert_close(grads(chunked, parts.square().sum(), query), expected, rtol=1e-10, atol=1e-12)


def test_default_chunk_is_bounded_by_the_sizes():
    module = made(4)
    frames = torch.zeros(1, 25, 4)
    assert module._chunk_frames(frames, 40) == 41  # 4 MiB / (25 * 25 * 4 bytes) = 1677 pairs
    assert module._chunk_frames(frames, 4000) == 1
    module.chunk_pairs = 80
    assert module._chunk_frames(frames, 40) == 2


def test_order_of_queries_and_classes_carries_over(generator):
    module, query, prototypes = problem("random", generator)
    clips, classes = torch.tensor([2, 0, 1]), torch.tensor([1, 0])
    expected = module(query, prototypes)[clips][:, classes]
    torch.testing.assert_close(module(query[clips], prototypes[classes]), expected, rtol=1e-12, atol=0)


def test_joints_permuted_alike_on_both_sides_change_nothing(generator):
    module, query, prototypes = problem("random", generator)
    joints = torch.tensor([4, 2, 0, 1, 3])
    permuted = module(query[:, :, joints], prototypes[:, :, joints])
    torch.testing.assert_close(permuted, module(query, prototypes), rtol=1e-12, atol=0)


def test_attention_is_that_of_the_equations(generator):
    module, query, prototypes = problem("random", generator)
    query_map, support_map = module.attention(query[0, 1], prototypes[1, 2])
    torch.testing.assert_close(query_map.sum(1), torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(support_map.sum(1), torch.ones(5, dtype=torch.float64))
    difference = query_map @ (query[0, 1] @ module.W3q) - support_map @ (prototypes[1, 2] @ module.W3s)
    torch.testing.assert_close(difference.norm(), module(query, prototypes)[0, 1, 1, 2], rtol=1e-10, atol=0)


def test_attention_by_hand():
    module = made(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1)
    query, prototype = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    query_map, support_map = module.attention(query, prototype)
    even, by_two = [0.5, 0.5], [1 / (1 + 2.718281828459045**2), 1 / (1 + 2.718281828459045**-2)]
    torch.testing.assert_close(query_map, torch.tensor([even, by_two]))
    torch.testing.assert_close(support_map, torch.tensor([even, by_two]))


def test_attention_keeps_leading_axes(generator):
    module, query, prototypes = problem("random", generator)
    many = module.attention(query[0, :3], prototypes[0])
    one = module.attention(query[0, 2], prototypes[0, 2])
    torch.testing.assert_close((many[0][2], many[1][2]), one)


def test_projections_are_drawn_from_the_generator_alone():
    def drawn(seed):
        return made(9, generator=torch.Generator().manual_seed(seed))

    state = torch.get_rng_state()
    first, again, other = drawn(1), drawn(1), drawn(2)
    assert torch.equal(torch.get_rng_state(), state)
    assert [name for name, _ in first.named_parameters()] == NAMES
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.W1q, other.W1q)
    assert not torch.equal(first.W1q, first.W1s)
    assert 0.3 < max(p.abs().max().item() for p in first.parameters()) <= 1 / 3


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        made(0)
    with pytest.raises(ValueError, match="at least 1, got 4 and 0"):
        made(4, chunk_pairs=0)
    with pytest.raises(ValueError, match="distance: one of frobenius, cosine, got 'manhattan'"):
        made(4, distance="manhattan")
    module = made(4)
    with pytest.raises(ValueError, match="expected 4 channels"):
        module(torch.zeros(1, 1, 2, 3), torch.zeros(1, 1, 2, 3))
    with pytest.raises(ValueError, match="expected query"):
        module(torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 3, 4))
    with pytest.raises(ValueError, match="expected 4 channels"):
        module.attention(torch.zeros(2, 4), torch.zeros(2, 5))


@pytest.mark.parametrize("init", ["tied", "identity"])
def test_distances_begin_as_distances(init, generator):
    """Copies of the prototypes are nearest to themselves; with `uniform` the two sides' values are unrelated."""
    module = made(16, generator=generator, init=init)
    prototypes = torch.randn((5, 2, 4, 16), generator=generator)
    diagonal_cost = module(prototypes, prototypes).diagonal(dim1=2, dim2=3).sum(-1)
    assert diagonal_cost.argmin(1).tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(module.W3q, torch.eye(16))
    assert torch.equal(module.W3s, torch.eye(16))
    assert torch.equal(module.W1q, torch.eye(16)) == (init == "identity")


def test_uniform_draws_all_six_apart(generator):
    module = made(16, generator=generator)
    weights = list(module.parameters())
    assert all((weight.abs() <= 0.25).all() for weight in weights)
    assert not any(torch.equal(a, b) for i, a in enumerate(weights) for b in weights[:i])


def test_codes_of_the_joints_count_in_scores_only(generator):
    """Adding them to the features would give the same attention, and other values."""
    plain, coded = (made(6, generator=generator, code_VD=code) for code in (None, torch.eye(4, 6)))
    plain.load_state_dict({name: value for name, value in coded.state_dict().items() if name != "code_VD"})
    query, prototype = torch.randn((2, 4, 6), generator=generator)
    code = coded.code_VD
    torch.testing.assert_close(
        coded.attention(query, prototype), plain.attention(query + code, prototype + code), rtol=0, atol=1e-6
    )
    a_query, a_support = coded.attention(query, prototype)
    expected = (a_query @ (query @ coded.W3q) - a_support @ (prototype @ coded.W3s)).norm()
    distance = coded(query[None, None], prototype[None, None])
    torch.testing.assert_close(distance[0, 0, 0, 0], expected)
    distance.sum().backward()
    assert code.grad.abs().min() > 0


def test_with_long_codes_joints_attend_to_themselves(generator):
    code = joint_codes(5, 8, 20.0, generator)
    module = made(8, init="identity", code_VD=code)
    query, prototype = torch.randn((2, 5, 8), generator=generator)
    for attention in module.attention(query, prototype):
        torch.testing.assert_close(attention, torch.eye(5), rtol=0, atol=1e-4)
    distance = module(query[None, None], prototype[None, None])
    torch.testing.assert_close(distance[0, 0, 0, 0], (query - prototype).norm(), rtol=1e-3, atol=0)
