import pytest
import torch

from dastm.model.matching import soft_dtw_cpu, soft_dtw_diagonal
from tests.oracles import soft_dtw as oracle

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("gamma", [1e-4, 0.01, 1.0, 1e3])
@pytest.mark.parametrize(
    ("sizes", "band"), [((1, 1), None), ((1, 5), None), ((4, 1), 3), ((6, 4), None), ((6, 4), 2), ((3, 7), 4)], ids=str
)
def test_both_versions_agree_forward_and_backward(sizes, band, gamma, generator):
    cost = torch.rand(3, *sizes, generator=generator, dtype=torch.float64)
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    values, kept = soft_dtw_diagonal.forward(cost, gamma, band, keep=True)
    kernel_values, shares = soft_dtw_cpu.forward(cost, gamma, band, keep=True)
    torch.testing.assert_close(values, kernel_values, rtol=1e-12, atol=1e-12)
    grad = soft_dtw_diagonal.backward(kept, gamma, band, weights)
    torch.testing.assert_close(grad, soft_dtw_cpu.backward(shares, gamma, band, weights), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 3), (3, 1), (4, 3)], ids=str)
def test_values_and_shares_are_those_of_all_alignments(sizes, generator):
    cost = torch.rand(2, *sizes, generator=generator, dtype=torch.float64)
    values, kept = soft_dtw_diagonal.forward(cost, 0.1, None, keep=True)
    expected = torch.tensor([oracle.enumerated(c, 0.1) for c in cost], dtype=torch.float64)
    torch.testing.assert_close(values, expected, rtol=1e-10, atol=0)
    shares = soft_dtw_diagonal.backward(kept, 0.1, None, torch.ones(2, dtype=torch.float64))
    expected = torch.stack([oracle.enumerated_alignment(c, 0.1) for c in cost])
    torch.testing.assert_close(shares, expected, rtol=1e-9, atol=1e-12)


def test_hard_sums_are_the_ordinary_recursion(generator):
    cost = torch.rand(2, 5, 4, generator=generator)
    values = soft_dtw_diagonal.hard(cost, None)
    assert values.dtype == torch.float64
    assert values.tolist() == pytest.approx([oracle.recursive(c, 0) for c in cost], rel=1e-14)
