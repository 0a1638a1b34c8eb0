"""The measures of `dastm.evaluation.open_set` by their definitions, query by query and threshold by threshold."""

import itertools


def auroc(novelty, unknown):
    pairs = [(a, b) for a, is_a in zip(novelty, unknown, strict=True) if is_a for b in _known(novelty, unknown)]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def aupr(novelty, unknown):
    area, recall = 0.0, 0.0
    for threshold in sorted(set(novelty), reverse=True):
        refused = [is_unknown for value, is_unknown in zip(novelty, unknown, strict=True) if value >= threshold]
        reached = sum(refused) / sum(unknown)
        area, recall = area + (reached - recall) * sum(refused) / len(refused), reached
    return area


def fpr_at_95(novelty, unknown):
    known = _known(novelty, unknown)
    for threshold in sorted(novelty):
        if 20 * sum(value <= threshold for value in known) >= 19 * len(known):
            new = [value for value, is_unknown in zip(novelty, unknown, strict=True) if is_unknown]
            return sum(value <= threshold for value in new) / len(new)
    raise AssertionError("the largest novelty takes all")


def oscr(novelty, unknown, right):
    """Points of all thresholds, and lines between them."""
    rows = list(zip(novelty, unknown, right, strict=True))
    n_unknown = sum(unknown)
    points = [(0.0, 0.0)]
    for threshold in sorted(set(novelty)):
        taken = [(is_unknown, is_right) for value, is_unknown, is_right in rows if value <= threshold]
        of_unknown = sum(is_unknown for is_unknown, _ in taken) / n_unknown
        of_known = sum(not is_unknown and is_right for is_unknown, is_right in taken) / (len(rows) - n_unknown)
        points.append((of_unknown, of_known))
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points))


def calibration_error(score, right, bins=15):
    total = 0.0
    for at in range(bins):
        low, high = at / bins, (at + 1) / bins
        inside = [(s, r) for s, r in zip(score, right, strict=True) if low <= s < high or (s == 1 and at == bins - 1)]
        if inside:
            total += abs(sum(s for s, _ in inside) - sum(r for _, r in inside))
    return total / len(score)


def _known(novelty, unknown):
    return [value for value, is_unknown in zip(novelty, unknown, strict=True) if not is_unknown]
