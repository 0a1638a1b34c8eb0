"""Measures of how well known queries are told from unknown ones, and of how reliable scores are. numpy only.

In: for each query its novelty (small means known), whether its class is unknown, and whether its nearest class is
right; or its score and whether the answer was right. Out: shares from 0 to 1. A query counts as known if its novelty is
below a threshold; all measures but `open_accuracy` consider every threshold.

Axes: Q queries, B bins.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Truths = NDArray[np.bool_]
BINS = 15
"""Number of bins of equal width, as in Guo et al. (ICML 2017)."""
RESAMPLED = 200
"""Number of bootstrap samples for an interval."""


def auroc(novelty_Q: Values, unknown_Q: Truths) -> float:
    """The probability that an unknown query has a larger novelty than a known one; equal novelties count half."""
    from scipy import stats  # takes a second, which other evaluations need not spend

    unknown = stats.rankdata(novelty_Q)[unknown_Q]
    n, m = len(unknown), int((~unknown_Q).sum())
    return float((unknown.sum() - n * (n + 1) / 2) / (n * m))


def aupr(novelty_Q: Values, unknown_Q: Truths) -> float:
    """Area under the precision-recall curve of the unknown queries (average precision: a step function)."""
    order = np.argsort(-novelty_Q, kind="stable")
    found_Q = np.cumsum(unknown_Q[order])
    last_Q = np.append(np.diff(novelty_Q[order]) != 0, True)  # queries of one novelty come together
    found, taken = found_Q[last_Q], np.arange(1, len(order) + 1)[last_Q]
    return float((np.diff(found, prepend=0) * found / taken).sum() / unknown_Q.sum())


def fpr_at_95(novelty_Q: Values, unknown_Q: Truths) -> float:
    """Share of unknown queries accepted as known at the lowest threshold that accepts 95 % of the known ones."""
    known = np.sort(novelty_Q[~unknown_Q])
    threshold = known[int(np.ceil(0.95 * len(known) - 1e-9)) - 1]
    return float((novelty_Q[unknown_Q] <= threshold).mean())


def oscr(novelty_Q: Values, unknown_Q: Truths, right_Q: Truths) -> float:
    """Area under the share of known queries accepted and right, over the share of unknown queries accepted.

    Source: Dhamija et al., NeurIPS 2018. Its largest value is the accuracy of the known queries.
    """
    right = novelty_Q[~unknown_Q & right_Q]
    unknown = np.sort(novelty_Q[unknown_Q])
    newer = len(unknown) - np.searchsorted(unknown, right, "right")
    equal = np.searchsorted(unknown, right, "right") - np.searchsorted(unknown, right, "left")
    return float((newer + equal / 2).sum() / (len(unknown) * (~unknown_Q).sum()))


def open_accuracy(novelty_Q: Values, unknown_Q: Truths, right_Q: Truths) -> float:
    """Share of right answers: the right class for known queries (novelty below 1), no class for unknown ones."""
    taken_Q = novelty_Q < 1
    return float(np.where(unknown_Q, ~taken_Q, taken_Q & right_Q).mean())


def reliability(score_Q: Values, right_Q: Truths) -> list[dict[str, float]]:
    """For each bin that is not empty: its ends, number of queries, their mean score, and the share that is right."""
    bin_Q = np.minimum((score_Q * BINS).astype(int), BINS - 1)
    return [
        {
            "from": at / BINS,
            "to": (at + 1) / BINS,
            "queries": int((bin_Q == at).sum()),
            "score": float(score_Q[bin_Q == at].mean()),
            "right": float(right_Q[bin_Q == at].mean()),
        }
        for at in range(BINS)
        if (bin_Q == at).any()
    ]


def calibration_error(score_Q: Values, right_Q: Truths) -> float:
    """Expected calibration error: the mean over queries of the gap between a bin's score and its share of right
    answers.

    Source: Guo et al., ICML 2017.
    """
    bins = reliability(score_Q, right_Q)
    return sum(one["queries"] * abs(one["score"] - one["right"]) for one in bins) / len(score_Q)


def resampled_interval(of: Callable[[NDArray[np.int64]], float], n_episodes: int) -> float:
    """Half width of the 95 % interval of a value that is not a mean over episodes, by a bootstrap over episodes.

    `of` computes the value from the numbers of the drawn episodes.
    """
    rng = np.random.default_rng(0)
    drawn = [of(rng.integers(n_episodes, size=n_episodes)) for _ in range(RESAMPLED)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(high - low) / 2
