"""Matrix products that keep all digits, also where the rest of the network may have TF32 with its eleven bits."""

import torch
from torch import Tensor


def full_product(first: Tensor, second: Tensor) -> Tensor:
    """first @ second; on CUDA by way of float64, which `precision: tf32` does not reach.

    For few numbers that others are measured by: means of examples, turns of coordinates.
    """
    wide = torch.float64 if first.is_cuda else first.dtype
    product: Tensor = (first.to(wide) @ second.to(wide)).to(first.dtype)
    return product
