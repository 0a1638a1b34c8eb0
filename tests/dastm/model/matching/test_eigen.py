import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dastm.model.matching import eigen
from dastm.model.matching.eigen import eigh

pytestmark = pytest.mark.kernel
EPS = torch.finfo(torch.float64).eps


def assert_solved(matrices):
    """Values of LAPACK, A V = V diag(values) and V^T V = 1, each to rounding errors of the largest entry."""
    values, vectors = eigh(matrices)
    n = matrices.shape[-1]
    size = matrices.abs().amax((-2, -1))
    size = size.masked_fill(size == 0, 1)
    matrices, values = matrices / size[..., None, None], values / size[..., None]
    error = 20 * n * EPS
    assert (values.diff() >= 0).all()
    torch.testing.assert_close(values, torch.linalg.eigvalsh(matrices), rtol=0, atol=error)
    torch.testing.assert_close(matrices @ vectors, vectors * values[..., None, :], rtol=0, atol=error)
    identity = torch.eye(n, dtype=torch.float64).expand_as(matrices)
    torch.testing.assert_close(vectors.mT @ vectors, identity, rtol=0, atol=error)


def symmetric(half):
    return half.tril() + half.tril(-1).mT


def tridiagonal(diagonal, beside):
    return torch.diag(diagonal) + torch.diag(beside, 1) + torch.diag(beside, -1)


def wilkinson(n):
    """W_n^+: pairs of eigenvalues that agree to 14 digits although no entry beside the diagonal is small."""
    return tridiagonal((torch.arange(n).double() - n // 2).abs(), torch.ones(n - 1).double())


def glued(n, glue):
    matrix = torch.block_diag(wilkinson(n), wilkinson(n))
    matrix[n, n - 1] = matrix[n - 1, n] = glue
    return matrix


def turned(values, seed=0):
    """A full matrix of these eigenvalues."""
    half = torch.randn(len(values), len(values), generator=torch.Generator().manual_seed(seed)).double()
    q = torch.linalg.qr(half).Q
    return symmetric(q @ torch.diag(torch.as_tensor(values).double()) @ q.mT)


def graded(n, down):
    scales = torch.logspace(0, -15, n, dtype=torch.float64)  # entries from 1 to 1e-30
    scales = scales if down else scales.flip(0)
    noise = symmetric(torch.randn(n, n, generator=torch.Generator().manual_seed(1)).double())
    return scales[:, None] * noise * scales


ORDER = torch.arange(1, 13).double()
HARD = {
    "one by one": torch.tensor([[-3.0]]).double(),
    "two by two": torch.tensor([[1.0, 2.0], [2.0, 1.0]]).double(),
    "zeros beside": torch.diag(torch.tensor([3.0, -1.0, 2.0])).double(),
    "nothing": torch.zeros(4, 4).double(),
    "ones: rank one": torch.ones(9, 9).double(),
    "rank one": (ORDER * ORDER[:, None]) / 7,
    "no diagonal": tridiagonal(torch.zeros(8), torch.ones(7)).double(),
    "Wilkinson's": wilkinson(21),
    "glued": glued(11, 1e-8),
    "glued closely": glued(11, 1e-14),
    "Hilbert's": 1 / (ORDER + ORDER[:, None] - 1),
    "graded downwards": graded(12, down=True),
    "graded upwards": graded(12, down=False),
    "clustered": turned([1.0] * 6 + [1 + 1e-14, 1 + 1e-13, 1 + 1e-9, 2.0]),
    "repeated": turned([2.0] * 5 + [-2.0] * 5),
    "deficient": turned([1.0, 0.5] + [0.0] * 8),
    "spread": turned([10.0**-k for k in range(0, 32, 3)]),
    "far apart": tridiagonal(torch.logspace(0, -300, 6).double(), torch.logspace(-20, -320, 5).double()),
    "about the least number": symmetric(torch.full((5, 5), 2.0**-299).double() + torch.eye(5).double()),
}


@pytest.mark.parametrize("shape", [(1, 1), (5, 3, 3), (2, 2, 25, 25), (18, 18)], ids=str)
def test_values_and_vectors_are_those_of_torch(shape, generator):
    half = torch.randn(shape, generator=generator, dtype=torch.float64)
    matrices = half @ half.mT
    values, vectors = eigh(matrices)
    torch.testing.assert_close(values, torch.linalg.eigvalsh(matrices), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(vectors @ torch.diag_embed(values) @ vectors.mT, matrices, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(vectors @ vectors.mT, torch.eye(shape[-1]).double().expand(shape), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", HARD)
def test_hard_matrices_are_solved_to_rounding_errors(name):
    assert_solved(HARD[name])


@pytest.mark.parametrize("size", [1e-320, 1e-300, 1e-160, 1e-9, 1e9, 1e160, 1e300])
def test_neither_large_nor_small_entries_matter(size, generator):
    matrix = symmetric(torch.randn(6, 6, generator=generator).double())
    values, vectors = eigh(matrix * size)
    if size > 1e-310:  # below, the entries themselves have few digits
        torch.testing.assert_close(values / size, eigh(matrix)[0], rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(vectors.mT @ vectors, torch.eye(6).double(), rtol=0, atol=1e-14)


NUMBERS = st.builds(lambda sign, power: sign * 10.0**power, st.sampled_from([-1, 0, 1]), st.floats(-330, 0))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 6).flatmap(lambda n: st.lists(NUMBERS | st.floats(-1, 1), min_size=n * n, max_size=n * n)))
def test_any_matrix_is_solved(entries):
    n = round(len(entries) ** 0.5)
    matrix = symmetric(torch.tensor(entries, dtype=torch.float64).view(n, n))
    if matrix.abs().max() > 1e-290:  # so that the errors can be measured by it
        assert_solved(matrix)


def test_repeated_values_have_orthogonal_vectors():
    values, vectors = eigh(torch.eye(4, dtype=torch.float64)[None] * torch.tensor([2.0, 0.0])[:, None, None])
    assert values.tolist() == [[2.0] * 4, [0.0] * 4]
    torch.testing.assert_close(vectors @ vectors.mT, torch.eye(4).double().expand(2, 4, 4))


def test_the_matrices_are_left_as_they_were(generator):
    matrices = symmetric(torch.randn(3, 5, 5, generator=generator).double())
    before = matrices.clone()
    eigh(matrices)
    assert torch.equal(matrices, before)


def test_four_steps_for_each_eigenvalue_are_plenty(monkeypatch):
    monkeypatch.setattr(eigen, "_STEPS", 4)
    for name in ("Wilkinson's", "glued", "graded upwards", "graded downwards", "spread", "deficient"):
        assert_solved(HARD[name])


@pytest.mark.parametrize(("bad", "n_steps"), [(float("nan"), 30), (2.0, 0)])
def test_a_matrix_without_a_solution_is_named(bad, n_steps, monkeypatch):
    monkeypatch.setattr(eigen, "_STEPS", n_steps)
    matrices = torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    matrices[1, 0, 1] = matrices[1, 1, 0] = bad
    with pytest.raises(ValueError, match="no eigenvalues found for matrix 1 of 2"):
        eigh(matrices)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_torchs_number_of_threads_is_left_as_it_was(n_threads):
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        eigh(torch.eye(3, dtype=torch.float64).expand(8, 3, 3))
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
