"""The released activation: each pair of clips on its own, frame t with frame t, whatever the chunks."""

import copy

import pytest
import torch

from dastm.layers.dropout import reseed_dropout
from dastm.model.matching import block_activation
from dastm.model.matching.block_activation import BlockActivation
from tests.oracles import matching as oracle

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}
DISTANCES = ("frobenius", "cosine")


def problem(generator, distance, dtype=torch.float64, sizes=(3, 4, 2, 5, 6), **options):
    n_query, n_frames, n_way, n_joints, n_channels = sizes
    module = BlockActivation(
        n_channels, **{"distance": distance, "dropout": 0.0, "generator": generator, **options}
    ).to(dtype)
    query, prototypes = (
        torch.randn(n, n_frames, n_joints, n_channels, generator=generator, dtype=torch.float64)
        for n in (n_query, n_way)
    )
    return module, query.to(dtype), prototypes.to(dtype)


def literal(module, query, prototypes, distance, masks=None):
    """masks: of the query's side (Q, T, W, ..) and of the support's (W, T, Q, ..)."""
    n_query, n_frames, n_way = *query.shape[:2], len(prototypes)
    found = torch.empty(n_query, n_way, n_frames, n_frames, dtype=query.dtype)
    for q in range(n_query):
        for w in range(n_way):
            of_query, of_support = [], []
            for t in range(n_frames):
                mine, theirs = query[q, t], prototypes[w, t]
                a, b = (oracle.NOTHING, oracle.NOTHING)
                if masks is not None:
                    a = tuple(mask[q, t, w] for mask in masks[0])
                    b = tuple(mask[w, t, q] for mask in masks[1])
                of_query.append(oracle.block(module.query_side, mine, theirs, a))
                of_support.append(oracle.block(module.support_side, theirs, mine, b))
            for i in range(n_frames):
                for j in range(n_frames):
                    found[q, w, i, j] = oracle.frame_distance(of_query[i], of_support[j], distance)
    return found


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("distance", DISTANCES)
def test_distances_equal_the_literal_loops(distance, dtype, generator):
    module, query, prototypes = problem(generator, distance, dtype)
    found = module(query, prototypes)
    assert found.shape == (3, 2, 4, 4)
    assert found.dtype == dtype
    with torch.no_grad():
        expected = literal(copy.deepcopy(module).double(), query.double(), prototypes.double(), distance)
    torch.testing.assert_close(found.double(), expected, rtol=TOLERANCE[dtype], atol=0)


def test_gradients_of_features_and_weights_equal_those_of_the_literal_loops(generator):
    module, query, prototypes = problem(generator, "cosine", sizes=(2, 2, 2, 3, 4))
    inputs = [query.requires_grad_(), prototypes.requires_grad_(), *module.parameters()]
    weight = torch.randn(2, 2, 2, 2, generator=generator, dtype=torch.float64)
    found = torch.autograd.grad((module(query, prototypes) * weight).sum(), inputs)
    expected = torch.autograd.grad((literal(module, query, prototypes, "cosine") * weight).sum(), inputs)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("distance", DISTANCES)
def test_gradcheck(distance, generator):
    module, query, prototypes = problem(generator, distance, sizes=(2, 2, 2, 2, 3))
    assert torch.autograd.gradcheck(module, (query.requires_grad_(), prototypes.requires_grad_()))


@pytest.mark.parametrize("kept", [0, 1 << 30])
@pytest.mark.parametrize("chunk_queries", [1, 2, 5])
def test_chunks_change_neither_distances_nor_gradients_nor_what_is_dropped(chunk_queries, kept, generator, monkeypatch):
    module, query, prototypes = problem(generator, "cosine", sizes=(5, 2, 2, 3, 4), dropout=0.3)
    monkeypatch.setattr(block_activation, "_KEPT_BYTES", kept)
    results = []
    for size in (None, chunk_queries):
        module.chunk_queries = size
        module.train()
        reseed_dropout(module, 1)
        features = query.clone().requires_grad_()
        distances = module(features, prototypes)
        grads = torch.autograd.grad(distances.square().sum(), [features, *module.parameters()])
        results.append((distances.detach(), grads))
    torch.testing.assert_close(results[0], results[1], rtol=1e-10, atol=1e-12)


def test_dropout_is_drawn_for_every_pair_of_clips_and_follows_from_its_seed(generator):
    module, query, prototypes = problem(generator, "cosine", sizes=(3, 2, 2, 3, 4), dropout=0.3)
    module.train()
    reseed_dropout(module, 5)
    found = module(query, prototypes)
    reseed_dropout(module, 5)
    shapes = (3, 2, 2, 3), (2, 2, 3, 3)
    sides = module.query_side, module.support_side
    masks = [
        (side.drop_attention.mask(query.new_empty(*shape, 3)), side.drop_output.mask(query.new_empty(*shape, 4)))
        for side, shape in zip(sides, shapes, strict=True)
    ]
    with torch.no_grad():
        torch.testing.assert_close(found, literal(module, query, prototypes, "cosine", masks), rtol=1e-10, atol=1e-12)
    assert not torch.equal(module(query, prototypes), found)
    module.eval()
    with torch.no_grad():
        torch.testing.assert_close(
            module(query, prototypes), literal(module, query, prototypes, "cosine"), rtol=1e-10, atol=1e-12
        )


def test_order_of_queries_and_classes_carries_over(generator):
    module, query, prototypes = problem(generator, "cosine")
    clips, classes = torch.tensor([2, 0, 1]), torch.tensor([1, 0])
    expected = module(query, prototypes)[clips][:, classes]
    torch.testing.assert_close(module(query[clips], prototypes[classes]), expected, rtol=1e-10, atol=1e-12)


def test_attention_is_that_of_the_two_blocks(generator):
    module, query, prototypes = problem(generator, "cosine")
    maps = module.attention(query[0, 1], prototypes[1, 1])
    torch.testing.assert_close(maps[0], module.query_side.attention(query[0, 1], prototypes[1, 1]))
    torch.testing.assert_close(maps[1], module.support_side.attention(prototypes[1, 1], query[0, 1]))


def test_features_of_zeros_have_finite_gradients():
    module = BlockActivation(4, dropout=0.0, distance="cosine", generator=torch.Generator().manual_seed(0))
    query = torch.zeros(2, 3, 5, 4, requires_grad=True)
    module(query, torch.zeros(1, 3, 5, 4)).sum().backward()
    assert query.grad.isfinite().all()


def test_other_numbers_of_frames_or_channels_are_refused():
    module = BlockActivation(4, dropout=0.0, distance="frobenius")
    with pytest.raises(ValueError, match="frame t is compared with frame t, but there are 2 query frames and 3"):
        module(torch.zeros(1, 2, 5, 4), torch.zeros(1, 3, 5, 4))
    with pytest.raises(ValueError, match="expected frames"):
        module(torch.zeros(1, 2, 5, 3), torch.zeros(1, 2, 5, 3))
    with pytest.raises(ValueError, match="expected query"):
        module(torch.zeros(1, 2, 5, 4), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match="distance: one of frobenius, cosine, got 'manhattan'"):
        BlockActivation(4, dropout=0.0, distance="manhattan")
