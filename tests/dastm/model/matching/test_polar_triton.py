"""On the GPU if there is one, else through Triton's interpreter: few and small matrices."""

import pytest
import torch

from tests.triton_device import DEVICE  # isort: skip  (before anything imports Triton)

from dastm.model.matching import polar, polar_triton


@pytest.mark.parametrize("n_joints", [1, 3, 18, 32])
def test_roots_are_those_of_the_plain_version(n_joints, generator):
    features = torch.randn(2, n_joints, 40, generator=generator, dtype=torch.float64)
    gram = features @ features.mT
    gram = (gram / gram.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]).to(DEVICE)
    roots = polar_triton.inverse_roots(gram, polar.STEPS)
    torch.testing.assert_close(roots, polar.inverse_roots(gram), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(roots @ gram @ roots, torch.eye(n_joints).to(gram).expand_as(gram), rtol=0, atol=1e-9)


def test_a_matrix_of_zeros_has_a_finite_root():
    assert polar_triton.inverse_roots(torch.zeros(1, 2, 2, dtype=torch.float64, device=DEVICE), 3).isfinite().all()


def test_more_joints_than_the_kernel_takes_are_refused():
    with pytest.raises(ValueError, match="up to 32 joints, got 33"):
        polar_triton.inverse_roots(torch.zeros(1, 33, 33, dtype=torch.float64, device=DEVICE), 3)
