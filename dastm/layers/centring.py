"""Positions of joints relative to other joints, frame by frame: of all to one joint, or of each to its parent.

Axes: T frames, V joints, C coordinates of which the first `n_space` are positions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def about(joints: Tensor, centre: int, n_space: int) -> Tensor:
    """Every joint relative to the centre joint of its frame; the centre joint itself and confidences are not changed.

    Shapes: joints (.., V, C) -> the same. A joint that was not measured (zeros) stays zero.
    """
    places, rest = joints[..., :n_space], joints[..., n_space:]
    at_centre = places[..., centre : centre + 1, :]
    relative = (places - at_centre) * joints.any(-1, keepdim=True)
    return torch.cat([torch.cat([relative[..., :centre, :], at_centre, relative[..., centre + 1 :, :]], -2), rest], -1)


def of_parents(joints: Tensor, parents: Sequence[int]) -> Tensor:
    """What the parent of every joint has, (.., V, C) -> the same."""
    # Views, not an index tensor: that would be a copy to the device, which a captured CUDA graph does not allow.
    each = torch.split(joints, 1, dim=-2)
    return torch.cat([each[parent] for parent in parents], dim=-2)


def from_parents(joints: Tensor, parents: Sequence[int]) -> Tensor:
    """The vector to every joint from its parent; zero where a joint is its own parent.

    Shapes: joints (.., V, C) -> the same. Every coordinate is subtracted, a confidence too.
    """
    return joints - of_parents(joints, parents)
