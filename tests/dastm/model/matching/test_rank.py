import pytest
import torch

from dastm.model.matching import rank
from dastm.model.matching.rank import nuclear_norm, rank_loss
from tests.oracles import rank as oracle

pytestmark = pytest.mark.kernel
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}


def with_values(values, n_joints, n_channels, generator):
    """A matrix of given singular values."""

    def frame(n):
        return torch.linalg.qr(torch.randn(n, len(values), generator=generator, dtype=torch.float64)).Q

    return frame(n_joints) @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ frame(n_channels).T


MATRICES = {
    "plain": ([5.0, 3.0, 1.0, 0.5], 4, 9),
    "tall": ([5.0, 3.0, 1.0], 8, 3),
    "repeated": ([2.0, 2.0, 2.0, 1.0], 4, 6),
    "deficient": ([3.0, 1.0], 5, 7),
    "rank one": ([4.0], 6, 6),
    "tiny": ([1.0, 1e-3, 1e-13], 3, 5),
    "large": ([1e15, 1e14, 3.0], 3, 5),
    "small": ([1e-15, 1e-16], 2, 5),
    "one joint": ([2.5], 1, 4),
}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", MATRICES)
def test_norm_and_gradient_equal_those_of_the_decomposition(name, dtype, generator):
    matrix = with_values(*MATRICES[name], generator).to(dtype).requires_grad_()
    norm = nuclear_norm(matrix)
    norm.backward()
    assert norm.dtype == matrix.grad.dtype == dtype
    matrix, grad = matrix.detach(), matrix.grad
    torch.testing.assert_close(norm.detach().double(), oracle.nuclear_norm(matrix), rtol=TOLERANCE[dtype], atol=0)
    expected = oracle.gradient(matrix, least=1e-5)
    torch.testing.assert_close(grad.double(), expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", MATRICES)
def test_the_form_of_accelerators_gives_the_same(name, dtype, generator, monkeypatch):
    matrix = with_values(*MATRICES[name], generator).to(dtype).requires_grad_()
    monkeypatch.setattr(rank, "_ByEigenvectors", rank._ByProducts)
    norm = nuclear_norm(matrix)
    norm.backward()
    values = torch.linalg.svdvals(matrix.detach().double())
    matrix, grad = matrix.detach(), matrix.grad
    torch.testing.assert_close(norm.detach().double(), oracle.nuclear_norm(matrix), rtol=TOLERANCE[dtype], atol=0)
    assert grad.isfinite().all()
    assert torch.linalg.matrix_norm(grad.double(), 2) <= 1 + 1e-5
    if values.min() > 1e-5 * values.max():
        torch.testing.assert_close(grad.double(), oracle.gradient(matrix, least=1e-5), rtol=0, atol=TOLERANCE[dtype])


def test_zeros_stay_zeros_on_accelerators(monkeypatch):
    monkeypatch.setattr(rank, "_ByEigenvectors", rank._ByProducts)
    test_zero_matrix_has_norm_zero_and_gradient_zero()


def test_norm_of_a_diagonal_by_hand():
    assert nuclear_norm(torch.tensor([[3.0, 0.0, 0.0], [0.0, -4.0, 0.0]])).item() == pytest.approx(7)


def test_extreme_sizes_neither_overflow_nor_vanish():
    matrix = torch.eye(2, 3, dtype=torch.float64)
    for size in (1e200, 1e-200):
        assert nuclear_norm(size * matrix).item() == pytest.approx(2 * size, rel=1e-12)


def test_zero_matrix_has_norm_zero_and_gradient_zero():
    matrix = torch.zeros(2, 3, 4, requires_grad=True)
    norms = nuclear_norm(matrix)
    norms.sum().backward()
    assert norms.tolist() == [0.0, 0.0]
    assert not matrix.grad.any()


@pytest.mark.parametrize("values", [[3.0, 2.0, 1.0], [2.0, 2.0, 2.0], [2.0, 1.0, 1.0]])
@pytest.mark.parametrize("sizes", [(3, 5), (5, 3)], ids=str)
def test_gradcheck_with_repeated_singular_values(sizes, values, generator):
    matrix = with_values(values, *sizes, generator).requires_grad_()
    assert torch.autograd.gradcheck(nuclear_norm, matrix)


def test_a_batch_holds_the_norms_of_its_matrices(generator):
    features = torch.randn(2, 3, 4, 6, generator=generator, dtype=torch.float64)
    expected = torch.stack([torch.stack([oracle.nuclear_norm(h) for h in clip]) for clip in features])
    torch.testing.assert_close(nuclear_norm(features), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("tall", [False, True])
def test_chunks_of_matrices_each_keep_their_own_weight(tall, dtype, generator, monkeypatch):
    monkeypatch.setattr(rank, "_CHUNK_BYTES", 8 * 4 * 6 * 2)  # two matrices a chunk
    features = torch.randn(5, 4, 6, generator=generator, dtype=dtype)
    features = (features.mT if tall else features).requires_grad_()
    weights = torch.arange(1, 6).to(dtype)
    (grad,) = torch.autograd.grad(weights @ nuclear_norm(features), features)
    expected = torch.stack([n * oracle.gradient(h, least=1e-5) for n, h in enumerate(features.detach(), start=1)])
    torch.testing.assert_close(grad.double(), expected, rtol=0, atol=5 * TOLERANCE[dtype])


def test_rank_loss_is_minus_the_mean_over_clips_and_frames(generator):
    features = torch.randn(2, 3, 4, 6, generator=generator, dtype=torch.float64)
    expected = -sum(oracle.nuclear_norm(h) for clip in features for h in clip) / 6
    torch.testing.assert_close(rank_loss(features), expected, rtol=1e-10, atol=0)


def test_unit_loss_does_not_change_with_scale_and_is_bounded(generator):
    features = torch.randn(2, 3, 4, 6, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(rank_loss(1000 * features, unit=True), rank_loss(features, unit=True))
    torch.testing.assert_close(rank_loss(1000 * features), 1000 * rank_loss(features))
    orthogonal = torch.eye(4, 6).expand(1, 2, 4, 6)
    assert rank_loss(orthogonal, unit=True).item() == pytest.approx(-2)
    assert rank_loss(torch.ones(1, 2, 4, 6), unit=True).item() == pytest.approx(-1)


@pytest.mark.parametrize("unit", [False, True])
def test_rank_loss_gradcheck(unit, generator):
    features = torch.randn(2, 2, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: rank_loss(f, unit=unit), features)


def test_frames_of_zeros_give_no_gradient_also_when_unit(generator):
    features = torch.randn(1, 2, 3, 4, generator=generator)
    features[0, 0] = 0
    features.requires_grad_()
    rank_loss(features, unit=True).backward()
    assert features.grad.isfinite().all()
    assert not features.grad[0, 0].any()
    assert features.grad[0, 1].any()


def test_following_the_gradient_raises_the_rank(generator):
    features = with_values([5.0, 1.0, 0.2], 3, 6, generator)[None, None].requires_grad_()
    rank_loss(features).backward()
    values = torch.linalg.svdvals((features - features.grad).detach()[0, 0])
    torch.testing.assert_close(values, torch.tensor([6.0, 2.0, 1.2], dtype=torch.float64), rtol=1e-9, atol=0)


def test_second_derivative_is_refused():
    matrix = torch.eye(2, requires_grad=True)
    (grad,) = torch.autograd.grad(nuclear_norm(matrix).square(), matrix, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (torch.ones(3), "expected matrices"),
        (torch.ones(0, 3, 4), "expected matrices"),
        (torch.tensor([[float("nan"), 1.0]]), "nan or inf"),
        (torch.tensor([[float("inf"), 1.0]]), "nan or inf"),
    ],
)
def test_features_that_do_not_fit_are_refused(features, message):
    with pytest.raises(ValueError, match=message):
        nuclear_norm(features)


def test_rank_loss_refuses_a_single_clip():
    with pytest.raises(ValueError, match=r"\(3, 4, 6\)"):
        rank_loss(torch.ones(3, 4, 6))
