"""The rows times the weight, whoever computes it, and so are the gradients."""

import pytest
import torch

from dastm.layers.onednn_linear import onednn_linear


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(7, 5), (2, 3, 4, 5), (1, 5), (0, 5)], ids=str)
def test_it_is_the_product_of_rows_with_a_weight_and_so_are_its_gradients(shape, dtype, generator):
    x = torch.randn(shape, generator=generator, dtype=dtype).requires_grad_()
    weight = torch.randn((3, 5), generator=generator, dtype=dtype).requires_grad_()
    ours, expected = onednn_linear(x, weight), x @ weight.T
    torch.testing.assert_close(ours, expected)
    grad = torch.randn(expected.shape, generator=generator, dtype=dtype)
    for mine, theirs in zip(*(torch.autograd.grad(y, (x, weight), grad) for y in (ours, expected)), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_transposed_sides_are_taken_as_they_are(generator):
    x, weight = torch.randn((5, 7), generator=generator), torch.randn((5, 3), generator=generator)
    torch.testing.assert_close(onednn_linear(x.T, weight.T), x.T @ weight)
