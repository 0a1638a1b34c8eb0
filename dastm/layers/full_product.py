"""Matrix products in full precision, even where the rest of the network may use TF32 with its eleven bits."""

import torch
from torch import Tensor


def full_product(first: Tensor, second: Tensor) -> Tensor:
    """first @ second; on an accelerator by way of float64, which `precision: tf32` does not reach.

    For values that others are compared with, or whose differences are taken: means of examples, rotations of
    coordinates, cosines.
    """
    wide = first.dtype if first.device.type == "cpu" else torch.float64
    product: Tensor = (first.to(wide) @ second.to(wide)).to(first.dtype)
    return product
