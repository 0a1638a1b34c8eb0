"""Thresholds, novelty and scores of `model.matching.rejection`, written out for one class and one query at a time."""

import math


def class_thresholds(between, labels, n_way, limits, to_negatives=()):
    members = [[i for i, label in enumerate(labels) if label == way] for way in range(n_way)]
    usual = [limits.threshold / len(own) ** limits.decline for own in members]
    told = []
    for way, own in enumerate(members):
        n = len(own)
        if n == 1:
            told.append(usual[way])
            continue
        nearest = [max(min(between[i][j] for j in own if j != i), 1e-6 * limits.threshold) for i in own]
        spread = math.prod(nearest) ** (1 / n)
        by_examples = limits.spread * spread * ((n - 1) / n) ** limits.decline
        told.append(min(max(by_examples, usual[way]), usual[way] * 4))
    spare = [len(own) - 1 for own in members]
    together = sum(spare)
    mean = sum(s * math.log(t / u) for s, t, u in zip(spare, told, usual, strict=True)) / max(together, 1)
    of_all = mean * together / (together + 32)
    found = []
    for way, own in enumerate(members):
        share = spare[way] / (spare[way] + 8)
        moved = math.log(usual[way]) + of_all + share * (math.log(told[way] / usual[way]) - of_all)
        threshold = math.exp(moved)
        negatives = [distance for i in own for distance in (to_negatives[i] if len(to_negatives) else ())]
        if negatives and min(negatives) < threshold:
            threshold = math.sqrt(threshold * max(min(negatives), 1e-6 * limits.threshold))
        found.append(threshold)
    return found


def border(row, thresholds, rival=None, known=(), negatives=()):
    nearest = row.index(min(row))
    at, rivals = thresholds[nearest], [*row[:nearest], *row[nearest + 1 :], *known]
    if rival is not None and rivals:
        at *= max(min(rivals) / rival, 1e-6) ** 0.4
    return min([at, *negatives])


def scores(row, at, temperature):
    weights = [distance ** (-1 / temperature) for distance in row] + [at ** (-1 / temperature)]
    return [weight / sum(weights) for weight in weights]
