import pytest
import torch

from dastm.matching.eigen import eigh

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("shape", [(1, 1), (5, 3, 3), (2, 4, 25, 25), (18, 18)], ids=str)
def test_values_and_vectors_are_those_of_torch(shape, generator):
    half = torch.randn(shape, generator=generator, dtype=torch.float64)
    matrices = half @ half.mT
    values, vectors = eigh(matrices)
    torch.testing.assert_close(values, torch.linalg.eigvalsh(matrices), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(vectors @ torch.diag_embed(values) @ vectors.mT, matrices, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(vectors @ vectors.mT, torch.eye(shape[-1]).double().expand(shape), rtol=0, atol=1e-12)


def test_repeated_values_have_orthogonal_vectors():
    values, vectors = eigh(torch.eye(4, dtype=torch.float64)[None] * torch.tensor([2.0, 0.0])[:, None, None])
    assert values.tolist() == [[2.0] * 4, [0.0] * 4]
    torch.testing.assert_close(vectors @ vectors.mT, torch.eye(4).double().expand(2, 4, 4))


@pytest.mark.parametrize("n_threads", [1, 2])
def test_torchs_number_of_threads_is_left_as_it_was(n_threads):
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        eigh(torch.eye(3, dtype=torch.float64).expand(8, 3, 3))
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
