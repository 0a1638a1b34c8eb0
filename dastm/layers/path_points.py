"""Points at shares of the length of a clip's path, in place of equal times: slow and fast movements look alike.

In: clips, and which shares of their paths. Out: the same clips there, interpolated between the two frames that each
point lies between. The path leads through the space of all joints of all bodies of a clip; confidences do not count as
steps, and are interpolated as the coordinates are.
A joint of an image that was not measured stays where it was measured last: a jump to zero and back would be most of the
path. Resampling by arc length is common to recognisers of gestures; Taranta et al., "Jackknife", CHI 2017, do it for
whole bodies.

Axes: L clips, M bodies, T frames, F points, V joints, C coordinates.
"""

import torch
from torch import Tensor
from torch.nn import functional

from dastm.layers.gaps import without_gaps


def even_shares(n_points: int) -> Tensor:
    """Equal steps from the beginning (0) to the end (1) of the path -> (F,) float64; a single one is in the middle."""
    return torch.linspace(0, 1, n_points, dtype=torch.float64) if n_points > 1 else torch.full((1,), 0.5).double()


def along_path(joints_LMTVC: Tensor, shares_LF: Tensor, n_space: int) -> Tensor:
    """The clips at shares of the length of their paths; one that never moves stays where it is.

    Shapes: joints (L, M, T, V, C), of which the first `n_space` coordinates are places; shares (L, F) from 0 to 1, of
        the same device -> (L, M, F, V, C).
    """
    n_clips, n_bodies, n_frames, n_joints, n_coordinates = joints_LMTVC.shape
    if n_space < n_coordinates:
        joints_LMTVC = torch.cat([without_gaps(joints_LMTVC), joints_LMTVC[..., n_space:]], dim=-1)
    steps_LT = joints_LMTVC[..., :n_space].double().diff(dim=2).square().sum((1, 3, 4)).sqrt()
    lengths_LT = functional.pad(steps_LT.cumsum(1), (1, 0))
    wanted_LF = shares_LF * lengths_LT[:, -1:]
    before_LF = (torch.searchsorted(lengths_LT, wanted_LF, right=True) - 1).clamp(0, max(n_frames - 2, 0))
    after_LF = (before_LF + 1).clamp(max=n_frames - 1)
    start_LF = lengths_LT.gather(1, before_LF)
    size_LF = lengths_LT.gather(1, after_LF) - start_LF
    way_LF = ((wanted_LF - start_LF) / size_LF.masked_fill(size_LF == 0, 1)).clamp(0, 1)

    def at(frames_LF: Tensor) -> Tensor:
        index = frames_LF[:, None, :, None, None]
        return joints_LMTVC.gather(2, index.expand(n_clips, n_bodies, -1, n_joints, n_coordinates))

    way = way_LF[:, None, :, None, None].to(joints_LMTVC.dtype)
    return at(before_LF) * (1 - way) + at(after_LF) * way
