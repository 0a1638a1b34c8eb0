import pytest
import torch

from dastm.matching import gram
from dastm.matching.gram import activated_distances


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


def test_no_chunk_holds_more_pairs_than_asked_for_in_either_pass(generator, monkeypatch):
    held = []
    whole = gram._pairs

    def recording(query, values, prototypes):
        pairs = whole(query, values, prototypes)
        held.append(pairs.query_map.shape[:2].numel())
        return pairs

    monkeypatch.setattr(gram, "_pairs", recording)
    tensors = [t.requires_grad_() for t in inputs(generator)]
    activated_distances(*tensors, 2).sum().backward()
    assert held == [6, 6, 3] * 2


def test_nothing_is_kept_a_pair_but_its_distance(generator):
    kept = []
    tensors = [t.requires_grad_() for t in inputs(generator, 7, 3, 4, 6)]
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(tuple(t.shape)) or t, lambda t: t):
        activated_distances(*tensors, 2)
    assert sorted(kept) == [(3, 4, 6)] * 3 + [(7, 3)] + [(7, 4, 6)] * 2


def test_second_derivative_is_refused(generator):
    tensors = [t.requires_grad_() for t in inputs(generator, 1, 1)]
    (grad,) = torch.autograd.grad(activated_distances(*tensors, 1).square().sum(), tensors[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()
