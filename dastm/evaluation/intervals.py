"""Accuracies in, means with 95 % intervals out: over the episodes of one seed, or over seeds."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Accuracies = NDArray[np.float64]
"""The accuracy of every episode, from 0 to 1 (or of every query, 0 or 1)."""


def interval95(accuracies: Accuracies) -> float:
    """Half width of the 95 % interval of the mean, Student's t: over episodes, or over seeds."""
    n = len(accuracies)
    if n < 2:
        return math.nan
    return float(special.stdtrit(n - 1, 0.975) * accuracies.std(ddof=1) / math.sqrt(n))


def mean_interval(accuracies: Accuracies) -> dict[str, float]:
    """Mean and half width of its 95 % interval, in %, rounded as in metrics.json."""
    return {"mean": round(100 * float(accuracies.mean()), 4), "interval": round(100 * interval95(accuracies), 4)}
