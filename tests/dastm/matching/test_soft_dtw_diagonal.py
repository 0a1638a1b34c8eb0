import pytest
import torch

from dastm.matching import soft_dtw_cpu
from dastm.matching.soft_dtw_diagonal import accumulate, alignment, hard_minimum, soft_minimum
from tests.oracles import soft_dtw as oracle

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("gamma", [1e-4, 0.01, 1.0, 1e3])
@pytest.mark.parametrize("sizes", [(1, 1), (1, 5), (4, 1), (2, 2), (6, 4), (3, 7)], ids=str)
def test_both_versions_agree_forward_and_backward(sizes, gamma, generator):
    cost = torch.rand(3, *sizes, generator=generator, dtype=torch.float64)
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    sums = accumulate(cost, soft_minimum(gamma))
    kernel_sums = soft_dtw_cpu.accumulate(cost.numpy(), gamma)
    torch.testing.assert_close(sums, torch.from_numpy(kernel_sums), rtol=1e-12, atol=1e-12)
    grad = alignment(sums, gamma, weights)[:, 1:, 1:]
    kernel_grad = soft_dtw_cpu.alignment(kernel_sums, gamma, weights.numpy())[:, 1:, 1:]
    torch.testing.assert_close(grad, torch.from_numpy(kernel_grad), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 3), (3, 1), (4, 3)], ids=str)
def test_values_and_shares_are_those_of_all_alignments(sizes, generator):
    cost = torch.rand(2, *sizes, generator=generator, dtype=torch.float64)
    sums = accumulate(cost, soft_minimum(0.1))
    expected = torch.tensor([oracle.enumerated(c, 0.1) for c in cost], dtype=torch.float64)
    torch.testing.assert_close(sums[:, -1, -1], expected, rtol=1e-10, atol=0)
    shares = alignment(sums, 0.1, torch.ones(2, dtype=torch.float64))[:, 1:, 1:]
    expected = torch.stack([oracle.enumerated_alignment(c, 0.1) for c in cost])
    torch.testing.assert_close(shares, expected, rtol=1e-9, atol=1e-12)


def test_hard_sums_are_the_ordinary_recursion(generator):
    cost = torch.rand(2, 5, 4, generator=generator)
    sums = accumulate(cost, hard_minimum)
    assert sums.dtype == torch.float64
    assert sums[:, -1, -1].tolist() == pytest.approx([oracle.recursive(c, 0) for c in cost], rel=1e-14)
