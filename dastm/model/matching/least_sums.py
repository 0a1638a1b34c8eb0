"""The least sum of costs along an alignment, of many pairs of sequences at once, in numpy alone.

In: costs, with all pairs adjacent in memory. Out: a sum for each pair, computed in float64. It is for processes that
answer
once: numba is three times as fast here, but takes a second to load.

Axes: T frames of the first and S of the second sequence, N pairs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def least_sums(cost_TSN: NDArray[np.floating[Any]], band: int | None = None) -> NDArray[np.float64]:
    """Least sum over all alignments, one anti-diagonal after the other (Sakoe & Chiba, IEEE TASSP 1978) -> (N,).

    Args:
        band: only pairs of frames with |t - s| <= band; None: all.
    """
    n_t, n_s, n_pairs = cost_TSN.shape
    reach = max(n_t, n_s) if band is None else band
    cells = cost_TSN.reshape(n_t * n_s, n_pairs)
    # The sum of cell (t, k - t) of anti-diagonal k is in row t + 1; row 0 stands before the first frame. In `cells` the
    # cells of an anti-diagonal lie n_s - 1 apart.
    before, last, row = (np.full((n_t + 1, n_pairs), np.inf) for _ in range(3))
    before[0] = 0.0
    for k in range(n_t + n_s - 1):
        first = max(0, k - n_s + 1, (k - reach + 1) // 2)
        end = min(n_t, k + 1, (k + reach) // 2 + 1)
        row[first], row[end + 1 : end + 2] = np.inf, np.inf
        sums = row[first + 1 : end + 1]
        np.minimum(last[first:end], last[first + 1 : end + 1], out=sums)
        np.minimum(sums, before[first:end], out=sums)
        start = first * (n_s - 1) + k
        sums += cells[start : start + (end - first - 1) * (n_s - 1) + 1 : max(n_s - 1, 1)][: end - first]
        before, last, row = last, row, before
    sums_N: NDArray[np.float64] = last[n_t]
    return sums_N
