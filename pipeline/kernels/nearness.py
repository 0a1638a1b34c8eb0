"""Joins the bodies of each frame to the nearest ones of the frames before; `pipeline.parse.tools.following` says how.

In: observations in ascending order of frames, nan for joints that were not measured. Out: a number for each. Several
people in a video would take more time as arrays, frame by frame, than everything else that is done with their file.

Axes: P observations, V joints, C coordinates, B bodies followed, N bodies of one frame.
"""

import numpy as np

from dastm.contract.compiled import compiled


@compiled(error_model="numpy")
def follow_bodies(ids_P, frame_P, places_PVC, most_step, least_overlap, most_gap):  # type: ignore[no-untyped-def]
    """Fill `ids_P` with bodies from 0 on; nearest pairs are joined first, of equals the one of the older body."""
    n_seen = len(frame_P)
    low_PC, high_PC, size_P, area_P = _boxes(places_PVC)
    bodies_B = np.empty(n_seen, np.int64)  # the bodies that may go on, and the last observation of each
    last_B = np.empty(n_seen, np.int64)
    n_alive, n_bodies, start = 0, 0, 0
    while start < n_seen:
        stop = start
        while stop < n_seen and frame_P[stop] == frame_P[start]:
            stop += 1
        n_kept = 0
        for b in range(n_alive):
            if frame_P[start] - frame_P[last_B[b]] <= most_gap:
                bodies_B[n_kept], last_B[n_kept] = bodies_B[b], last_B[b]
                n_kept += 1
        n_alive = n_kept
        n_here = stop - start
        cost_BN = np.empty((n_alive, n_here))
        for b in range(n_alive):
            for n in range(n_here):
                old, new = last_B[b], start + n
                step = _step(places_PVC[old], places_PVC[new], max(size_P[old], size_P[new]))
                overlap = _overlap(low_PC[old], high_PC[old], low_PC[new], high_PC[new], area_P[old] + area_P[new])
                near = step >= 0 and step <= most_step
                cost_BN[b, n] = np.inf if not near and overlap < least_overlap else step if step >= 0 else 1.0
        joined_N = _joined(cost_BN)
        for n in range(n_here):
            b = joined_N[n]
            if b < 0:
                b, bodies_B[n_alive] = n_alive, n_bodies
                n_alive += 1
                n_bodies += 1
            ids_P[start + n], last_B[b] = bodies_B[b], start + n
        start = stop


@compiled(error_model="numpy")
def _boxes(places_PVC):  # type: ignore[no-untyped-def]
    """The corners of each observation's measured joints, the distance between them, and its area in the image."""
    n_seen, n_joints, n_places = places_PVC.shape
    low_PC, high_PC = np.full((n_seen, n_places), np.inf), np.full((n_seen, n_places), -np.inf)
    size_P, area_P = np.zeros(n_seen), np.ones(n_seen)
    for p in range(n_seen):
        for v in range(n_joints):
            for c in range(n_places):
                place = places_PVC[p, v, c]
                if np.isfinite(place):
                    low_PC[p, c], high_PC[p, c] = min(low_PC[p, c], place), max(high_PC[p, c], place)
        for c in range(n_places):
            size_P[p] += (high_PC[p, c] - low_PC[p, c]) ** 2
        for c in range(2):
            area_P[p] *= high_PC[p, c] - low_PC[p, c]
        size_P[p] = np.sqrt(size_P[p])
    return low_PC, high_PC, size_P, area_P


@compiled(error_model="numpy")
def _step(old_VC, new_VC, size):  # type: ignore[no-untyped-def]
    """Mean distance of the joints that both have, over the size; -1 where they have none in common."""
    total, n_both = 0.0, 0
    for v in range(len(old_VC)):
        square = 0.0
        for c in range(old_VC.shape[1]):
            square += (old_VC[v, c] - new_VC[v, c]) ** 2
        if np.isfinite(square):
            total += np.sqrt(square)
            n_both += 1
    return total / n_both / max(size, 1e-12) if n_both else -1.0


@compiled(error_model="numpy")
def _overlap(low_C, high_C, other_low_C, other_high_C, areas):  # type: ignore[no-untyped-def]
    """The area that two boxes share, over the one that they cover together."""
    inner = 1.0
    for c in range(len(low_C)):
        side = min(high_C[c], other_high_C[c]) - max(low_C[c], other_low_C[c])
        if not side > 0:
            return 0.0
        if c < 2:
            inner *= side
    return inner / max(areas - inner, 1e-12)


@compiled(error_model="numpy")
def _joined(cost_BN):  # type: ignore[no-untyped-def]
    """The body that each observation of a frame goes on with, -1: none."""
    n_alive, n_here = cost_BN.shape
    joined_N, taken_B = np.full(n_here, -1, np.int64), np.zeros(n_alive, np.bool_)
    costs = cost_BN.ravel()
    for flat in np.argsort(costs, kind="mergesort"):
        if not np.isfinite(costs[flat]):
            break
        b, n = flat // n_here, flat % n_here
        if joined_N[n] < 0 and not taken_B[b]:
            joined_N[n], taken_B[b] = b, True
    return joined_N
