"""How the d x d projections of Eq. 4-5 (DASTM, ECCV 2022) begin: the paper does not say."""

import math
from collections.abc import Iterable

import torch
from torch import nn

INITS = "uniform", "tied", "identity"


def start(parameters: Iterable[tuple[str, nn.Parameter]], generator: torch.Generator | None, init: str) -> None:
    """Fill square projections, named W1.., W2.. and W3.., anew; the same generator state gives the same numbers.

    uniform   each drawn on its own in +-1/sqrt(d), as nn.Linear does: the two sides' values then have nothing to
              do with each other, and distances start as noise
    tied      the values of both sides begin as the features themselves, the rest is drawn: nearly even attention,
              so that distances start as those of the features' means over the joints
    identity  all are the identity: joints attend to alike joints and distances start as those of the features

    Raises: ValueError for another name.
    """
    if init not in INITS:
        raise ValueError(f"init: one of {', '.join(INITS)}, got {init!r}")
    for name, parameter in parameters:
        if init == "identity" or (init == "tied" and name.startswith("W3")):
            nn.init.eye_(parameter)
        else:
            bound = 1 / math.sqrt(len(parameter))
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
