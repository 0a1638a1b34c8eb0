"""Products that TF32 does not reach."""

import pytest
import torch

from dastm.layers.full_product import full_product
from dastm.runs.device import precision


def test_on_the_cpu_it_is_the_plain_product(generator):
    first, second = torch.randn(2, 3, 4, generator=generator), torch.randn(4, 5, generator=generator)
    assert torch.equal(full_product(first, second), first @ second)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="TF32 is of CUDA")
def test_tf32_does_not_reach_it(generator):
    first, second = torch.randn(64, 64, generator=generator).cuda(), torch.randn(64, 64, generator=generator).cuda()
    true = (first.double() @ second.double()).float()
    with precision(torch.device("cuda"), "tf32"):
        assert torch.equal(full_product(first, second), true)
        assert not torch.equal(first @ second, true)
