"""PairNorm (Zhao & Akoglu, ICLR 2020, Eq. 10-11) body by body and frame by frame; float64 tensors, with gradients."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def pair_norm(x_BCTV: Tensor, scale: float) -> Tensor:
    """Nothing for a scale of 0, as everywhere."""
    if scale == 0:
        return x_BCTV
    bodies = [torch.stack([frame(x_CTV[:, t], scale) for t in range(x_CTV.shape[1])], dim=1) for x_CTV in x_BCTV]
    return torch.stack(bodies)


def frame(x_CV: Tensor, scale: float) -> Tensor:
    n_joints = x_CV.shape[1]
    joints = [x_CV[:, v] for v in range(n_joints)]
    mean = sum(joints) / n_joints
    centred = [joint - mean for joint in joints]
    mean_squared = sum((joint @ joint for joint in centred), start=torch.zeros((), dtype=x_CV.dtype)) / n_joints
    return torch.stack([scale * joint / (mean_squared + 1e-6) ** 0.5 for joint in centred], dim=1)


def of_array(x_BCTV: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """The same for the restatements in numpy."""
    return pair_norm(torch.from_numpy(x_BCTV), scale).numpy()
