"""Puts joints of an image that were not measured at the places where they were measured last.

Axes: any, then T frames, V joints, C coordinates, the last of them a confidence.
"""

import torch
from torch import Tensor


def without_gaps(joints_TVC: Tensor) -> Tensor:
    """The places of joints, without confidences; a joint that is not there (all its numbers are 0) stays where it was.

    A place that was guessed, with a confidence of 0, counts as measured.

    Before its first measurement a joint has the place of that measurement; a joint that is never measured keeps its
    own numbers. So gaps make no jumps.
    Shapes: (.., T, V, C) -> (.., T, V, C - 1).
    """
    measured_TV = (joints_TVC != 0).any(-1)
    frames_T1 = torch.arange(joints_TVC.shape[-3], device=joints_TVC.device)[:, None]
    last_TV = torch.where(measured_TV, frames_T1, -1).cummax(dim=-2).values
    first_1V = measured_TV.to(torch.int8).argmax(dim=-2, keepdim=True)
    from_TV = torch.where(last_TV < 0, first_1V, last_TV)
    places_TVC = joints_TVC[..., :-1]
    return places_TVC.gather(-3, from_TV[..., None].expand_as(places_TVC))
