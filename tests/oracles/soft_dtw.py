"""Slow soft-DTW: every alignment written out, and the recursion of Eq. 7 in plain Python."""

import math
from collections.abc import Iterator
from decimal import Decimal, localcontext

import torch
from torch import Tensor

Path = list[tuple[int, int]]


def paths(n_t: int, n_s: int) -> Iterator[Path]:
    """All alignments of n_t with n_s frames, Delannoy(n_t - 1, n_s - 1) of them."""
    if (n_t, n_s) == (1, 1):
        yield [(0, 0)]
        return
    for before_t, before_s in ((n_t - 1, n_s - 1), (n_t - 1, n_s), (n_t, n_s - 1)):
        if before_t and before_s:
            for path in paths(before_t, before_s):
                yield [*path, (n_t - 1, n_s - 1)]


def path_costs(cost_TS: Tensor) -> list[float]:
    costs = cost_TS.double().tolist()
    return [math.fsum(costs[t][s] for t, s in path) for path in paths(*cost_TS.shape)]


def enumerated(cost_TS: Tensor, gamma: float) -> float:
    """-gamma log sum exp(-cost / gamma) over all alignments."""
    totals = path_costs(cost_TS)
    least = min(totals)
    return least - gamma * math.log(math.fsum(math.exp((least - total) / gamma) for total in totals))


def enumerated_alignment(cost_TS: Tensor, gamma: float) -> Tensor:
    """Weighted share of the alignments through each cell."""
    totals = path_costs(cost_TS)
    least = min(totals)
    weights = [math.exp((least - total) / gamma) for total in totals]
    share_TS = torch.zeros(cost_TS.shape, dtype=torch.float64)
    for path, weight in zip(paths(*cost_TS.shape), weights, strict=True):
        for t, s in path:
            share_TS[t, s] += weight / math.fsum(weights)
    return share_TS


def recursive(cost_TS: Tensor, gamma: float) -> float:
    """Eq. 7, cell by cell; gamma 0 is the ordinary minimum."""
    costs = cost_TS.double().tolist()
    table: dict[tuple[int, int], float] = {}
    for t in range(len(costs)):
        for s in range(len(costs[0])):
            before = [table[cell] for cell in ((t - 1, s - 1), (t - 1, s), (t, s - 1)) if cell in table]
            table[t, s] = costs[t][s] + (soft_min(before, gamma) if before else 0.0)
    return table[len(costs) - 1, len(costs[0]) - 1]


def soft_min(values: list[float], gamma: float) -> float:
    least = min(values)
    if gamma == 0:
        return least
    return least - gamma * math.log(sum(math.exp((least - value) / gamma) for value in values))


def rational(cost_TS: Tensor, gamma: float) -> tuple[float, list[list[float]]]:
    """Value and expected alignment with path costs added exactly and exponentials of 60 digits."""
    exact = [[Decimal(c) for c in row] for row in cost_TS.double().tolist()]
    with localcontext(prec=420):
        every = list(paths(*cost_TS.shape))
        totals = [sum((exact[t][s] for t, s in path), Decimal(0)) for path in every]
        least = min(totals)
        weights = [weight((least - total) / Decimal(gamma)) for total in totals]
        value = least - Decimal(gamma) * sum(weights).ln()
        share = [[Decimal(0) for _ in row] for row in exact]
        for path, one in zip(every, weights, strict=True):
            for t, s in path:
                share[t][s] += one / sum(weights)
        return float(value), [[float(x) for x in row] for row in share]


def weight(exponent: Decimal) -> Decimal:
    """exp, with zero for what no float64 could hold."""
    return exponent.exp() if exponent > -800 else Decimal(0)
