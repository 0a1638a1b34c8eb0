"""Slow path distances (Taranta et al., CHI 2017): one pair, one frame and one number at a time, in plain Python."""

import math
from itertools import pairwise

Frames = list[list[float]]
"""Frames of a clip, each with all numbers of all joints of all bodies."""


def resampled(frames: Frames, n_points: int) -> Frames:
    """Walk along the line, and put down a point whenever an equal part of its length is behind."""
    total = sum(math.dist(a, b) for a, b in pairwise(frames))
    if total == 0:
        return [frames[-1]] * n_points
    points = []
    for number in range(n_points):
        wanted, behind = total * number / (n_points - 1), 0.0
        for a, b in pairwise(frames):
            length = math.dist(a, b)
            share = (wanted - behind) / length if length > 0 else 0.0
            point = [x + min(share, 1.0) * (y - x) for x, y in zip(a, b, strict=True)]
            behind += length
            if behind >= wanted and length > 0:
                break
        points.append(point)
    return points


def unit(vector: list[float]) -> list[float]:
    size = math.hypot(*vector)
    return [x / size for x in vector] if size > 0 else vector


def inner(first: list[float], second: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(first, second, strict=True))


Described = tuple[Frames, list[float], list[float]]


def described(frames: Frames, n_points: int | None = 16) -> Described:
    """Unit steps; path lengths a number; extents a number."""
    points = frames if n_points is None else resampled(frames, n_points)
    steps = [[y - x for x, y in zip(a, b, strict=True)] for a, b in pairwise(points)]
    lengths = [sum(abs(step[d]) for step in steps) for d in range(len(frames[0]))]
    extents = [max(p[d] for p in points) - min(p[d] for p in points) for d in range(len(frames[0]))]
    return [unit(step) for step in steps], unit(lengths), unit(extents)


def posed(
    points: Frames, n_numbers: int, centres: set[int], weights: tuple[float, ...], parents: list[int] | None = None
) -> Frames:
    """Steps with places and poses; `n_numbers` a joint, and the joints `centres`, one a body, have no place in a pose.

    With `parents` also the directions of bones, and each number counts by the movement of its joint.
    """
    middles = [[(x + y) / 2 for x, y in zip(a, b, strict=True)] for a, b in pairwise(points)]
    mean = [math.fsum(middle[d] for middle in middles) / len(middles) for d in range(len(points[0]))]
    counted = [1.0] * len(points[0]) if parents is None else moving(points, n_numbers, centres)
    steps = []
    for (a, b), middle in zip(pairwise(points), middles, strict=True):
        place = [x - m for x, m in zip(middle, mean, strict=True)]
        pose = [0.0 if d // n_numbers in centres else x for d, x in enumerate(middle)]
        parts = [[y - x for x, y in zip(a, b, strict=True)], place, pose]
        if parents is not None:
            parts.append(directed(pose, n_numbers, parents))
        parts = [[x * c for x, c in zip(part, counted, strict=True)] for part in parts]
        steps.append([w**0.5 * x for w, part in zip(weights, parts, strict=True) for x in unit(part)])
    return steps


def directed(pose: list[float], n_numbers: int, parents: list[int]) -> list[float]:
    """The unit vector to every joint from its parent."""
    joints = [pose[d : d + n_numbers] for d in range(0, len(pose), n_numbers)]
    bones = [[x - y for x, y in zip(joint, joints[parents[v]], strict=True)] for v, joint in enumerate(joints)]
    return [x for bone in bones for x in unit(bone)]


def moving(points: Frames, n_numbers: int, centres: set[int]) -> list[float]:
    """For every number the root of 0.1 + how much its joint moves, as a share of the most moving joint.

    A joint moves as much as its standard deviation says. `centres` are not among the most moving; their share is at
    most 1.
    """
    deviations = []
    for v in range(0, len(points[0]), n_numbers):
        places = [point[v : v + n_numbers] for point in points]
        mean = [math.fsum(xs) / len(places) for xs in zip(*places, strict=True)]
        deviations.append(math.sqrt(math.fsum(math.dist(place, mean) ** 2 for place in places) / len(places)))
    largest = max(d for v, d in enumerate(deviations) if v not in centres)
    return [math.sqrt(0.1 + min(d / largest, 1.0)) for d in deviations for _ in range(n_numbers)]


def warped(first: Frames, second: Frames, band: int = 2) -> float:
    sums = {(-1, -1): 0.0}
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            if abs(i - j) <= band:
                before = min(sums.get(cell, math.inf) for cell in ((i - 1, j - 1), (i - 1, j), (i, j - 1)))
                sums[i, j] = before + 1 - inner(a, b)
    return sums[len(first) - 1, len(second) - 1]


def likeness(first: Frames, second: Frames) -> float:
    """How much the same numbers move."""
    return alike(described(first), described(second))


def alike(one: Described, other: Described) -> float:
    return max(inner(one[1], other[1]), 0.01) * max(inner(one[2], other[2]), 0.01)


def path_distance(first: Frames, second: Frames) -> float:
    return warped(described(first)[0], described(second)[0]) / likeness(first, second)
