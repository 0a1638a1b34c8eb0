import numpy as np
import pytest
import torch

from dastm.model.matching import soft_dtw_diagonal
from dastm.model.matching.least_sums import least_sums
from tests.oracles import soft_dtw as oracle

SIZES = [((1, 1), None), ((1, 5), None), ((4, 1), 3), ((6, 4), 2), ((3, 7), 4), ((5, 5), 0), ((5, 5), 1)]


@pytest.mark.parametrize(("sizes", "band"), SIZES, ids=str)
def test_sums_are_those_of_the_ordinary_recursion_to_the_last_digit(sizes, band, generator):
    cost_NTS = torch.rand(3, *sizes, generator=generator)
    sums_N = least_sums(cost_NTS.permute(1, 2, 0).numpy(), band)
    assert sums_N.dtype == np.float64
    assert sums_N.tolist() == soft_dtw_diagonal.hard(cost_NTS, band).tolist()
    if band is None:
        assert sums_N.tolist() == pytest.approx([oracle.recursive(cost, 0) for cost in cost_NTS], rel=1e-14)
