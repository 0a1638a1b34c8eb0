"""Bodies followed from frame to frame, in plain numpy: slow, obvious.

Axes: P observations, V joints, C coordinates, B bodies followed.
"""

import numpy as np

from pipeline.parse.tools.following import LEAST_OVERLAP, MOST_GAP, MOST_STEP


def follow(frame_P, places_PVC):
    """A body's number for each observation; frames ascend, nan is a joint that was not measured."""
    ids_P = np.zeros(len(frame_P), np.int64)
    last = {}  # body -> its last observation
    n_bodies = 0
    starts = np.flatnonzero(np.diff(frame_P, prepend=frame_P[0] - 1))
    for start, stop in zip(starts, [*starts[1:], len(frame_P)], strict=True):
        here = list(range(int(start), int(stop)))
        last = {body: at for body, at in last.items() if frame_P[start] - frame_P[at] <= MOST_GAP}
        found = _pairs(list(last.values()), here, places_PVC)
        bodies = list(last)
        for at in here:
            if at in found:
                ids_P[at] = bodies[found[at]]
            else:
                ids_P[at] = n_bodies
                n_bodies += 1
            last[int(ids_P[at])] = at
    return ids_P


def _pairs(before, here, places_PVC):
    """Observation of this frame -> the place in `before` of the body that it goes on, nearest first."""
    if not before:
        return {}
    old_BVC, new_PVC = places_PVC[before], places_PVC[here]
    cost_BP = _costs(old_BVC, new_PVC)
    found = {}
    for flat in np.argsort(cost_BP, axis=None, kind="stable"):
        b, p = divmod(int(flat), len(here))
        if not np.isfinite(cost_BP[b, p]):
            break
        if here[p] not in found and b not in found.values():
            found[here[p]] = b
    return found


def _costs(old_BVC, new_PVC):
    """Mean distance of joints over the body's size; inf where the two cannot be the same."""
    steps_BPV = np.linalg.norm(old_BVC[:, None] - new_PVC[None], axis=3)
    both_BPV = np.isfinite(steps_BPV)
    n_both_BP = both_BPV.sum(axis=2)
    low_B, high_B = _box(old_BVC)
    low_P, high_P = _box(new_PVC)
    size_BP = np.maximum(np.linalg.norm(high_B - low_B, axis=1)[:, None], np.linalg.norm(high_P - low_P, axis=1)[None])
    step_BP = np.where(both_BPV, steps_BPV, 0.0).sum(axis=2) / np.maximum(n_both_BP, 1) / np.maximum(size_BP, 1e-12)
    inner_BPC = np.minimum(high_B[:, None], high_P[None]) - np.maximum(low_B[:, None], low_P[None])
    inner_BP = np.where((inner_BPC > 0).all(axis=2), inner_BPC[..., :2].prod(axis=2), 0.0)
    areas = [(high - low)[:, :2].prod(axis=1) for low, high in ((low_B, high_B), (low_P, high_P))]
    overlap_BP = inner_BP / np.maximum(areas[0][:, None] + areas[1][None] - inner_BP, 1e-12)
    can_BP = ((n_both_BP > 0) & (step_BP <= MOST_STEP)) | (overlap_BP >= LEAST_OVERLAP)
    return np.where(can_BP, np.where(n_both_BP > 0, step_BP, 1.0), np.inf)


def _box(places_BVC):
    measured_BVC = np.where(np.isfinite(places_BVC), places_BVC, np.inf)
    low_BC = measured_BVC.min(axis=1)
    high_BC = np.where(np.isfinite(places_BVC), places_BVC, -np.inf).max(axis=1)
    return low_BC, high_BC
