"""Positions of joints relative to one of them, frame by frame: the movement of limbs without that of the whole body.

Axes: T frames, V joints, C coordinates of which the first `n_space` are positions.
"""

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
