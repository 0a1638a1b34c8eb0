"""Initial values of the d x d projections of Eq. 4-5 (DASTM, ECCV 2022), which the paper does not state; joint codes.

Axes: V joints, D channels.
"""

import math
from collections.abc import Iterable
from typing import get_args

import torch
from torch import Tensor, nn

from dastm.config.schema import Init


def start(parameters: Iterable[tuple[str, nn.Parameter]], generator: torch.Generator | None, init: Init) -> None:
    """Draw the square projections W1.., W2.. and W3.. again; the same generator state gives the same numbers.

    uniform   each drawn on its own in +-1/sqrt(d), as nn.Linear does: the two sides' values then have nothing to
              do with each other, and distances start as noise
    tied      the values of both sides begin as the features themselves, the rest is drawn: nearly even attention,
              so that distances start as those of the features' means over the joints
    identity  all are the identity: joints attend to alike joints and distances start as those of the features

    Raises: ValueError for another name.
    """
    if init not in get_args(Init):
        raise ValueError(f"init: one of {', '.join(get_args(Init))}, got {init!r}")
    for name, parameter in parameters:
        if init == "identity" or (init == "tied" and name.startswith("W3")):
            nn.init.eye_(parameter)
        else:
            bound = 1 / math.sqrt(len(parameter))
            nn.init.uniform_(parameter, -bound, bound, generator=generator)


def joint_codes(n_joints: int, n_features: int, length: float, generator: torch.Generator | None) -> Tensor:
    """A vector of `length` for every joint, orthogonal to those of all others where there are channels enough.

    Added to the features where scores are computed, they let a joint attend to itself first: with the projections at
    `identity` its own score begins length^2 / sqrt(D) above the others'. No part of the paper.
    Shapes: -> (V, D). Raises: ValueError if length is not above zero.
    """
    if length <= 0:
        raise ValueError(f"joint_code: a length above 0, got {length}")
    drawn_VD = torch.empty(n_joints, n_features, dtype=torch.float64).normal_(generator=generator)
    if n_joints <= n_features:
        drawn_VD = torch.linalg.qr(drawn_VD.T).Q.T
    lengths_V = torch.linalg.vector_norm(drawn_VD, dim=1, keepdim=True)
    codes_VD: Tensor = length * drawn_VD / lengths_V
    return codes_VD.float()


def coded(features_VD: Tensor, code_VD: Tensor | None) -> Tensor:
    """The input of the scores: the features, plus the codes of the joints if there are any."""
    return features_VD if code_VD is None else features_VD + code_VD
