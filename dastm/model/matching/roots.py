"""Square roots of squared distances: finite gradients where a distance is zero, digits kept where two sides are close.

In: squared distances obtained as |x|^2 + |y|^2 - 2xy. Out: their roots. A square found that way carries a rounding
error of about eps (|x|^2 + |y|^2), so a pair much closer than its own size has few right digits left, or none.
"""

from collections.abc import Callable

import torch
from torch import Tensor

CLOSE = 1e-2
"""A pair is close where its squared distance is below this share of |x|^2 + |y|^2. The others keep a relative error of
about eps / CLOSE, 1e-5 in float32."""


def safe_sqrt(square: Tensor) -> Tensor:
    """Root with gradient zero, not infinity, at zero; negative rounding residues count as zero, nan stays nan."""
    zero = square <= 0
    return square.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)


def over_root(grad: Tensor, root: Tensor) -> Tensor:
    """grad / root, and zero where the root is zero: the factor in front of (x - y) in the gradient of |x - y|."""
    zero = root == 0
    return (grad / root.masked_fill(zero, 1)).masked_fill(zero, 0)


def recompute_close(
    square_AB: Tensor, scale_AB: Tensor, exact: Callable[[Tensor, Tensor], Tensor], n_at_once: int
) -> None:
    """Overwrite close pairs in place: square_AB[a, b] = exact(a, b) wherever it is below CLOSE * scale_AB[a, b].

    `exact` takes two index vectors and returns the squares of these pairs by subtracting first; it is asked for at most
    `n_at_once` pairs at a time, which bounds its memory. No gradient flows through here.
    """
    close_P2 = (square_AB < CLOSE * scale_AB).nonzero()
    for chunk in torch.split(close_P2, max(1, n_at_once)) if len(close_P2) else ():
        a, b = chunk.unbind(1)
        square_AB[a, b] = exact(a, b)
