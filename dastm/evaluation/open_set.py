"""How well known queries are told from unknown ones, and how far scores can be believed. Small functions, numpy only.

In: of each query its novelty (small: surely known), whether its class is unknown, whether its nearest class is right;
or its score and whether the answer was right. Out: shares from 0 to 1. Every novelty takes a query to be known up to
some threshold; all of these but `open_accuracy` look at every threshold there is.

Axes: Q queries, B bins.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Truths = NDArray[np.bool_]
BINS = 15
"""Equal widths, as Guo et al. (ICML 2017) have them."""
RESAMPLED = 200
"""Times that episodes are drawn again, with repetition, for an interval."""


def auroc(novelty_Q: Values, unknown_Q: Truths) -> float:
    """The chance that an unknown query is newer than a known one; equal novelties count half."""
    from scipy import stats  # takes a second, which other evaluations need not spend

    unknown = stats.rankdata(novelty_Q)[unknown_Q]
    n, m = len(unknown), int((~unknown_Q).sum())
    return float((unknown.sum() - n * (n + 1) / 2) / (n * m))


def aupr(novelty_Q: Values, unknown_Q: Truths) -> float:
    """Area under precision over recall of the unknown queries (average precision: steps, no lines between them)."""
    order = np.argsort(-novelty_Q, kind="stable")
    found_Q = np.cumsum(unknown_Q[order])
    last_Q = np.append(np.diff(novelty_Q[order]) != 0, True)  # queries of one novelty come together
    found, taken = found_Q[last_Q], np.arange(1, len(order) + 1)[last_Q]
    return float((np.diff(found, prepend=0) * found / taken).sum() / unknown_Q.sum())


def fpr_at_95(novelty_Q: Values, unknown_Q: Truths) -> float:
    """Share of unknown queries taken for known at the least threshold that takes 95 % of the known ones."""
    known = np.sort(novelty_Q[~unknown_Q])
    threshold = known[int(np.ceil(0.95 * len(known) - 1e-9)) - 1]
    return float((novelty_Q[unknown_Q] <= threshold).mean())


def oscr(novelty_Q: Values, unknown_Q: Truths, right_Q: Truths) -> float:
    """Area under the share of known queries that are taken and right, over that of unknown ones that are taken.

    Source: Dhamija et al., NeurIPS 2018. At best it is the accuracy of the known queries.
    """
    right = novelty_Q[~unknown_Q & right_Q]
    unknown = np.sort(novelty_Q[unknown_Q])
    newer = len(unknown) - np.searchsorted(unknown, right, "right")
    equal = np.searchsorted(unknown, right, "right") - np.searchsorted(unknown, right, "left")
    return float((newer + equal / 2).sum() / (len(unknown) * (~unknown_Q).sum()))


def open_accuracy(novelty_Q: Values, unknown_Q: Truths, right_Q: Truths) -> float:
    """Share of right answers: known queries taken (a novelty below 1) for the right class, unknown ones for none."""
    taken_Q = novelty_Q < 1
    return float(np.where(unknown_Q, ~taken_Q, taken_Q & right_Q).mean())


def reliability(score_Q: Values, right_Q: Truths) -> list[dict[str, float]]:
    """Of each bin of scores that holds any: its ends, how many queries, their mean score, the share that is right."""
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
    """Expected calibration error: the mean over queries of how far the score of a bin is from the share that is right.

    Source: Guo et al., ICML 2017.
    """
    bins = reliability(score_Q, right_Q)
    return sum(one["queries"] * abs(one["score"] - one["right"]) for one in bins) / len(score_Q)


def resampled_interval(of: Callable[[NDArray[np.int64]], float], n_episodes: int) -> float:
    """Half width of the 95 % interval of what is no mean over episodes, by drawing episodes again (a bootstrap).

    `of` takes the numbers of the episodes that were drawn.
    """
    rng = np.random.default_rng(0)
    drawn = [of(rng.integers(n_episodes, size=n_episodes)) for _ in range(RESAMPLED)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(high - low) / 2
