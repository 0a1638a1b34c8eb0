from types import SimpleNamespace

import pytest
import torch

from dastm.model.matching import polar, triton_support
from dastm.model.matching.polar import polar_factor
from tests.oracles import rank as oracle


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 3), (4, 9), (25, 256)], ids=str)
def test_it_is_the_product_of_the_singular_vectors(shape, generator):
    matrices = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
    expected = torch.stack([oracle.gradient(matrix, least=0) for matrix in matrices])
    torch.testing.assert_close(polar_factor(matrices), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1e-100, 1e100])
def test_size_does_not_matter_and_zero_stays_zero(size, generator):
    matrices = torch.randn(2, 3, 5, generator=generator, dtype=torch.float64)
    matrices[1] = 0
    found = polar_factor(size * matrices)
    torch.testing.assert_close(found[0], oracle.gradient(matrices[0], least=0), rtol=0, atol=1e-12)
    assert not found[1].any()


def test_the_kernel_takes_only_what_fits_it_and_a_gpu_without_it_is_told_once(monkeypatch, caplog):
    def fused(device, n_joints):
        return polar.fused(SimpleNamespace(device=torch.device(device), shape=(1, n_joints, n_joints)))

    monkeypatch.setattr(triton_support, "_told", set())
    monkeypatch.setattr(polar, "missing", lambda device: None)
    assert [fused("cpu", 25), fused("cuda", 32), fused("cuda", 33), fused("cuda", 64)] == [False, True, False, False]
    assert [record.message for record in caplog.records] == [
        "rank term: no fused kernel, the general version runs instead: 33 joints are more than 32"
    ]
