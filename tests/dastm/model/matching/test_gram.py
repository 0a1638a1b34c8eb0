from types import SimpleNamespace

import pytest
import torch

from dastm.model.matching import gram
from dastm.model.matching.gram import activated_cosines, activated_distances


def literal(query, values, keys, scores, prototype_values):
    def one(a, b):
        query_map = (query[a] @ keys[b].T).softmax(1)
        support_map = (scores[b] @ query[a].T).softmax(1)
        return (query_map @ values[a] - support_map @ prototype_values[b]).norm()

    return torch.stack([torch.stack([one(a, b) for b in range(len(keys))]) for a in range(len(query))])


def inputs(generator, n_query=5, n_prototypes=3, n_joints=4, n_channels=6):
    sizes = [n_query, n_query, n_prototypes, n_prototypes, n_prototypes]
    return [torch.randn(n, n_joints, n_channels, generator=generator, dtype=torch.float64) for n in sizes]


def with_grads(function, tensors, weight):
    tensors = [t.clone().requires_grad_() for t in tensors]
    value = function(*tensors)
    return value.detach(), torch.autograd.grad((value * weight).sum(), tensors)


@pytest.mark.parametrize("n_frames", [1, 2, 5, 100])
def test_distances_and_gradients_equal_the_literal_form_for_every_chunk(n_frames, generator):
    tensors = inputs(generator)
    weight = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    expected = with_grads(literal, tensors, weight)
    found = with_grads(lambda *t: activated_distances(*t, n_frames), tensors, weight)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_gradcheck(generator):
    tensors = [t.requires_grad_() for t in inputs(generator, 3, 2, 2, 2)]
    assert torch.autograd.gradcheck(lambda *t: activated_distances(*t, 2), tensors)


def literal_cosines(query, values, keys, scores, prototype_values):
    def one(a, b):
        first = ((query[a] @ keys[b].T).softmax(1) @ values[a]).flatten()
        second = ((scores[b] @ query[a].T).softmax(1) @ prototype_values[b]).flatten()
        return 1 - first @ second / (first.norm() * second.norm())

    return torch.stack([torch.stack([one(a, b) for b in range(len(keys))]) for a in range(len(query))])


@pytest.mark.parametrize("kept_bytes", [0, 1 << 28])
@pytest.mark.parametrize("n_frames", [1, 2, 100])
def test_cosines_and_gradients_equal_the_literal_form_for_every_chunk(n_frames, kept_bytes, generator, monkeypatch):
    monkeypatch.setattr(gram, "_KEPT_BYTES", kept_bytes)
    tensors = inputs(generator)
    weight = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    expected = with_grads(literal_cosines, tensors, weight)
    found = with_grads(lambda *t: activated_cosines(*t, n_frames), tensors, weight)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_cosine_of_zeros_is_a_distance_of_one_with_finite_gradients(generator):
    tensors = [t.requires_grad_() for t in inputs(generator)]
    with torch.no_grad():
        tensors[1][0], tensors[4][1] = 0, 0
    distances = activated_cosines(*tensors, 2)
    assert torch.equal(distances.detach()[0], torch.ones(3).double())
    assert torch.equal(distances.detach()[:, 1], torch.ones(5).double())
    assert all(grad.isfinite().all() for grad in torch.autograd.grad(distances.sum(), tensors))


@pytest.mark.parametrize(("n_kept", "held"), [(0, [6, 6, 3] * 2), (1, [6, 6, 3, 6, 3]), (3, [6, 6, 3])])
def test_chunks_beyond_the_room_are_formed_again_and_none_is_larger_than_asked_for(
    n_kept, held, generator, monkeypatch
):
    formed = []
    whole = gram._pairs

    def recording(query, values, prototypes):
        pairs = whole(query, values, prototypes)
        formed.append(pairs.query_map.shape[:2].numel())
        return pairs

    tensors, weight = inputs(generator), torch.ones(5, 3, dtype=torch.float64)
    expected = with_grads(lambda *t: activated_distances(*t, 2), tensors, weight)
    chunk_bytes = 5 * 6 * 4 * 4 * 8  # five n x n matrices of 6 pairs of 4 joints in float64
    monkeypatch.setattr(gram, "_KEPT_BYTES", n_kept * chunk_bytes)
    monkeypatch.setattr(gram, "_pairs", recording)
    found = with_grads(lambda *t: activated_distances(*t, 2), tensors, weight)
    assert formed == held
    assert torch.equal(found[0], expected[0])
    assert all(torch.equal(*pair) for pair in zip(found[1], expected[1], strict=True))


def test_nothing_is_kept_where_no_gradient_is_wanted(generator):
    ctx = SimpleNamespace(needs_input_grad=(False,) * 6, save_for_backward=lambda *_: None)
    gram._ActivatedDistances.forward(ctx, *inputs(generator), 2)
    assert ctx.kept == []


@pytest.mark.parametrize("closeness", [1e-1, 1e-2, 1e-3])
def test_close_pairs_are_about_as_accurate_as_subtracting_first(closeness, generator):
    """Both in float32, against float64: what is left is the rounding of the inputs, which no form can undo."""
    query, values, *_ = inputs(generator, 3, 3, 8, 16)
    near = [0.3 * query, 0.3 * query, values]
    tensors = [query, values, *(t + closeness * torch.randn(t.shape, generator=generator) for t in near)]
    tensors = [t.float().double() for t in tensors]
    weight = torch.eye(3, dtype=torch.float64)  # of each query frame with the frame that it resembles
    expected = with_grads(literal, tensors, weight)

    def errors(function):
        distances, grads = with_grads(function, [t.float() for t in tensors], weight.float())
        of_distances = ((distances - expected[0]) / expected[0]).diagonal().abs().max()
        return [of_distances, *((g - e).norm() / e.norm() for g, e in zip(grads, expected[1], strict=True))]

    ours, subtracting = errors(lambda *t: activated_distances(*t, 2)), errors(literal)
    assert ours[0] < 1e-4
    assert all(mine <= 10 * theirs + 1e-5 for mine, theirs in zip(ours, subtracting, strict=True))


def test_second_derivative_is_refused(generator):
    tensors = [t.requires_grad_() for t in inputs(generator, 1, 1)]
    (grad,) = torch.autograd.grad(activated_distances(*tensors, 1).square().sum(), tensors[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()
