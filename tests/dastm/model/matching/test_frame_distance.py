import pytest
import torch

from dastm.model.matching import frame_distance
from dastm.model.matching.frame_distance import (
    cosine,
    euclidean,
    frobenius,
    paired_cosine,
    paired_frobenius,
    pairwise_distance,
    squared_euclidean,
)
from tests.oracles import matching as oracle

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}


def literal(query, prototypes):
    return torch.stack(
        [
            torch.stack([torch.stack([torch.stack([(h - c).norm() for c in p]) for h in q]) for p in prototypes])
            for q in query
        ]
    )


def features(kind, dtype, generator, sizes=(3, 4, 2, 3, 5, 7)):
    n_query, n_t, n_way, n_s, n_joints, n_channels = sizes
    query = torch.randn(n_query, n_t, n_joints, n_channels, generator=generator, dtype=torch.float64)
    prototypes = torch.randn(n_way, n_s, n_joints, n_channels, generator=generator, dtype=torch.float64)
    if kind == "near":
        prototypes = 3 + query[:1, :1] + 1e-3 * prototypes
        query = 3 + query[:1, :1] + 1e-3 * query
    if kind == "few near":
        prototypes[1, 0] = query[2, 1] + 1e-3 * prototypes[1, 0]
    if kind == "large":
        query, prototypes = 1e8 * query, 1e8 * prototypes
    if kind == "offset":
        query, prototypes = query + 100, prototypes + 100
    return query.to(dtype), prototypes.to(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kind", ["random", "near", "few near", "large", "offset"])
def test_frobenius_equals_the_literal_difference(kind, dtype, generator):
    query, prototypes = features(kind, dtype, generator)
    found = frobenius(query, prototypes)
    assert found.shape == (3, 2, 4, 3)
    assert found.dtype == dtype
    expected = literal(query.double(), prototypes.double())
    torch.testing.assert_close(found.double(), expected, rtol=TOLERANCE[dtype], atol=0)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1, 1), (2, 1, 3, 4, 1, 2), (2, 3, 1, 1, 4, 1)], ids=str)
def test_one_frame_one_joint_one_channel(sizes, generator):
    query, prototypes = features("random", torch.float64, generator, sizes)
    torch.testing.assert_close(frobenius(query, prototypes), literal(query, prototypes), rtol=1e-10, atol=0)


def test_hand_computed_distance():
    query = torch.tensor([[[[3.0, 0.0], [0.0, 4.0]]]])
    assert frobenius(query, torch.zeros_like(query)).tolist() == [[[[5.0]]]]


def test_identical_frames_have_distance_zero_and_finite_gradients(generator):
    query = torch.randn(2, 3, 4, 5, generator=generator, requires_grad=True)
    distances = frobenius(query, query.detach())
    distances.sum().backward()
    same = distances.detach()[range(2), range(2)].diagonal(dim1=1, dim2=2)
    assert torch.equal(same, torch.zeros(2, 3))
    assert query.grad.isfinite().all()


def test_zeros_have_distance_zero_and_gradient_zero():
    query = torch.zeros(1, 2, 3, 4, requires_grad=True)
    distances = frobenius(query, torch.zeros(1, 2, 3, 4))
    distances.sum().backward()
    assert not distances.detach().any()
    assert not query.grad.any()


def test_nan_reaches_the_distances():
    query = torch.full((1, 1, 1, 1), float("nan"))
    assert frobenius(query, torch.zeros(1, 1, 1, 1)).isnan().all()


def test_frobenius_gradcheck(generator):
    query, prototypes = features("few near", torch.float64, generator, (3, 2, 2, 1, 2, 2))
    assert torch.autograd.gradcheck(frobenius, (query.requires_grad_(), prototypes.requires_grad_()))


def test_gradients_of_near_pairs_in_float32(generator):
    query, prototypes = features("few near", torch.float64, generator)
    exact = [t.clone().requires_grad_() for t in (query, prototypes)]
    single = [t.float().requires_grad_() for t in (query, prototypes)]
    literal(*exact)[2, 1, 1, 0].backward()
    frobenius(*single)[2, 1, 1, 0].backward()
    for slow, fast in zip(exact, single, strict=True):
        torch.testing.assert_close(fast.grad.double(), slow.grad, rtol=0, atol=1e-3 * slow.grad.abs().max().item())


def test_joint_order_does_not_matter_and_clip_order_carries_over(generator):
    query, prototypes = features("random", torch.float64, generator)
    expected = frobenius(query, prototypes)
    joints, clips, classes = torch.tensor([4, 2, 0, 1, 3]), torch.tensor([2, 0, 1]), torch.tensor([1, 0])
    torch.testing.assert_close(frobenius(query[:, :, joints], prototypes[:, :, joints]), expected)
    torch.testing.assert_close(frobenius(query[clips], prototypes[classes]), expected[clips][:, classes])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_euclidean_equals_the_norm_of_the_flattened_difference(dtype, generator):
    query, prototypes = features("random", dtype, generator, (3, 4, 2, 4, 5, 7))
    expected = torch.stack([torch.stack([(q - p).norm() for p in prototypes.double()]) for q in query.double()])
    torch.testing.assert_close(euclidean(query, prototypes).double(), expected, rtol=TOLERANCE[dtype], atol=0)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("kind", ["random", "near", "large", "offset"])
def test_cosine_equals_the_literal_loops(kind, dtype, generator):
    """Close frames lose digits of the distance, not of the cosine."""
    query, prototypes = features(kind, dtype, generator)
    found = cosine(query, prototypes)
    assert found.shape == (3, 2, 4, 3)
    assert found.dtype == dtype
    for q, w, t, s in ((0, 0, 0, 0), (2, 1, 1, 0), (1, 1, 3, 2)):
        expected = oracle.frame_distance(query[q, t].double(), prototypes[w, s].double(), "cosine")
        assert found[q, w, t, s].item() == pytest.approx(expected.item(), rel=0, abs=TOLERANCE[dtype] / 10)


def test_cosine_by_hand():
    query = torch.tensor([[[[1.0, 0.0]], [[3.0, 0.0]], [[-2.0, 0.0]], [[0.0, 5.0]], [[1.0, 1.0]]]])
    torch.testing.assert_close(cosine(query, query[:, :1])[0, 0, :, 0], torch.tensor([0, 0, 2, 1, 1 - 0.5**0.5]))


def test_frames_of_zeros_have_cosine_distance_one_and_no_gradient(generator):
    query = torch.randn(2, 2, 3, 4, generator=generator, dtype=torch.float64)
    query[0, 0] = 0
    query.requires_grad_()
    distances = cosine(query, torch.cat([query.detach()[:1, :1], torch.ones(1, 1, 3, 4).double()]))
    assert torch.equal(distances.detach()[0, :, 0], torch.ones(2, 1).double())
    distances.sum().backward()
    assert query.grad.isfinite().all()
    assert not query.grad[0, 0].any()
    assert query.grad[0, 1].any()


def test_cosine_gradcheck(generator):
    query, prototypes = features("random", torch.float64, generator, (2, 2, 2, 1, 2, 2))
    assert torch.autograd.gradcheck(cosine, (query.requires_grad_(), prototypes.requires_grad_()))


@pytest.mark.parametrize(("paired", "whole"), [(paired_frobenius, frobenius), (paired_cosine, cosine)])
def test_sequences_in_pairs_have_the_distances_of_their_frames(paired, whole, generator):
    first, second = (torch.randn(3, n, 4, 5, generator=generator, dtype=torch.float64) for n in (4, 2))
    expected = whole(first, second)[range(3), range(3)]
    torch.testing.assert_close(paired(first, second), expected, rtol=1e-10, atol=1e-13)
    first.requires_grad_()
    paired(first, first).sum().backward()
    assert first.grad.isfinite().all()


def test_squared_euclidean_is_the_square_and_its_gradient_is_that_of_the_sum_of_squares(generator):
    query, prototypes = features("random", torch.float64, generator, (3, 4, 2, 4, 5, 7))
    prototypes[0] = query[1]
    query.requires_grad_()
    expected = (query[:, None] - prototypes).square().sum((2, 3, 4))
    found = squared_euclidean(query, prototypes)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)
    grads = [torch.autograd.grad(distances.sum(), query)[0] for distances in (found, expected)]
    torch.testing.assert_close(*grads, rtol=1e-9, atol=1e-12)


def test_close_pairs_are_recomputed_in_bounded_pieces(generator, monkeypatch):
    gathered = []
    whole = frame_distance.recompute_close

    def recording(square, scale, exact, n_at_once):
        def measured(a, b):
            gathered.append(len(a))
            return exact(a, b)

        whole(square, scale, measured, n_at_once)

    monkeypatch.setattr(frame_distance, "_NUMBERS_AT_ONCE", 8)
    monkeypatch.setattr(frame_distance, "recompute_close", recording)
    rows = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    distances = pairwise_distance(rows, rows.clone())
    assert gathered == [2, 2, 1]
    torch.testing.assert_close(distances, torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist"))


def test_second_derivative_is_refused():
    rows = torch.eye(2, requires_grad=True)
    (grad,) = torch.autograd.grad(pairwise_distance(rows, torch.zeros(1, 2)).square().sum(), rows, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


@pytest.mark.parametrize(
    ("query", "prototypes"),
    [
        ((1, 2, 3), (1, 2, 3, 4)),
        ((1, 2, 3, 4), (1, 2, 5, 4)),
        ((1, 2, 3, 4), (1, 2, 3, 5)),
        ((0, 2, 3, 4), (1, 2, 3, 4)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(query, prototypes):
    with pytest.raises(ValueError, match="expected query"):
        frobenius(torch.zeros(query), torch.zeros(prototypes))


def test_euclidean_refuses_different_numbers_of_frames():
    with pytest.raises(ValueError, match="2 query frames and 3 prototype frames"):
        euclidean(torch.zeros(1, 2, 1, 1), torch.zeros(1, 3, 1, 1))
