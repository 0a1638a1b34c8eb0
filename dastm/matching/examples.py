"""From distances to examples to distances to classes.

Axes: Q queries, L examples (support clips), W ways (classes).
"""

import torch
from torch import Tensor


def nearest_example(distances_QL: Tensor, labels_L: Tensor, n_way: int) -> Tensor:
    """Distance of every query to the nearest example of every class.

    Shapes: distances_QL (Q, L), labels_L (L,) integers in 0..n_way-1 -> (Q, W); infinite for a class without example.
    """
    members_WL = labels_L == torch.arange(n_way, device=labels_L.device)[:, None]
    return distances_QL[:, None].masked_fill(members_WL.logical_not(), torch.inf).amin(2)
