"""Places of joints from that of one of them, frame by frame: what the limbs do, apart from the way of the body.

Axes: T frames, V joints, C coordinates of which the first `n_space` are places.
"""

import torch
from torch import Tensor


def about(joints: Tensor, centre: int, n_space: int) -> Tensor:
    """Every joint from the centre joint of its frame; that one stays as it is, and so does a confidence.

    Shapes: joints (.., V, C) -> the same. What was not measured, a joint of zeros, stays a joint of zeros.
    """
    places, rest = joints[..., :n_space], joints[..., n_space:]
    at_centre = places[..., centre : centre + 1, :]
    relative = (places - at_centre) * joints.any(-1, keepdim=True)
    return torch.cat([torch.cat([relative[..., :centre, :], at_centre, relative[..., centre + 1 :, :]], -2), rest], -1)
