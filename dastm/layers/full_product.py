"""Matrix products that keep all digits, also where the rest of the network may have TF32 with its eleven bits."""

import torch
from torch import Tensor


def full_product(first: Tensor, second: Tensor) -> Tensor:
    """first @ second; on an accelerator by way of float64, which `precision: tf32` does not reach.

    For what others are measured by, or differences are taken of: means of examples, turns of coordinates, cosines.
    """
    wide = first.dtype if first.device.type == "cpu" else torch.float64
    product: Tensor = (first.to(wide) @ second.to(wide)).to(first.dtype)
    return product
