"""Drops body tracks that are noise: a table of named steps, each with a threshold on one measure of a track.

In: the `TrackMeasures` of a clip and the steps that a definition names. Out: the tracks that are left and, for each
dropped one, the step and the value that decided. Only measures are used, no coordinates.

The sources. CTR-GCN: the NTU preparation of Chen et al., "Channel-wise Topology Refinement Graph Convolution for
Skeleton-Based Action Recognition", ICCV 2021 (get_raw_denoised_data.py), which goes back to SGN, Zhang et al., CVPR
2020. PYSKL: Duan et al., "PYSKL: Towards Good Practices for Skeleton Action Recognition", ACM MM 2022
(ntu_preproc.py). Both drop short tracks, then wide ones, order what is left by motion (`rank: motion`) and join tracks.
CTR-GCN's script holds a third step, on motion, that it does not run.

Axes: B tracks.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.tracks import TrackMeasures

Value = Callable[[TrackMeasures, NDArray[np.int32]], NDArray[np.float64]]
"""The value of each track that a step compares, from the measures and the lengths."""


class Step(NamedTuple):
    """One step; `drops` compares the `value` of a track with the threshold."""

    threshold: float
    """The usual threshold."""
    value: Value
    drops: Callable[[NDArray[np.float64], float], NDArray[np.bool_]]
    reason: str
    """The reason for dropping a track, as text with {value} and {threshold}."""
    spares_first: bool = False
    """Whether the best-ranked track is never dropped by it."""
    in_metres: bool = True
    """Whether it is only meaningful for coordinates in metres, not for fractions of an image."""


STEPS: Mapping[str, Step] = {
    # CTR-GCN and PYSKL: length of at most 11 frames.
    "short": Step(11, lambda m, n: n.astype(np.float64), np.less_equal, "seen in {value:g} frames", in_metres=False),
    # CTR-GCN and PYSKL ("spread"): a share of at least 0.69754 of frames that are wider than 0.8 of their height.
    "wide": Step(0.69754, lambda m, n: 1.0 - m.upright, np.greater_equal, "{value:.5f} of its frames are not upright"),
    # CTR-GCN's third step: motion of second and further bodies outside 0.089925 .. 2 square metres.
    "motion_low": Step(0.089925, lambda m, n: m.motion, np.less, "motion {value:.6f} below {threshold:g}", True),
    "motion_high": Step(2.0, lambda m, n: m.motion, np.greater, "motion {value:.6f} above {threshold:g}", True),
    # Ours: the jitter of a Kinect alone moves some joint of a real person by more than a centimetre.
    "frozen": Step(0.01, lambda m, n: m.travel, np.less, "no joint moves more than {value:.6f} m"),
    # Ours: a person who crouches is larger than 0.6 m in some direction.
    "crumpled": Step(0.6, lambda m, n: m.extent, np.less, "its usual extent is {value:.6f} m"),
}
JOIN = "join"
"""A step that drops nothing: tracks that share at most this number of frames with a body become part of it."""
SWAP = "swap"
"""The last step drops nothing: the first two bodies change places where only the second is in the first frame shown.
The threshold means nothing and is 0."""
PRESETS: Mapping[str, Mapping[str, float]] = {
    "none": {},
    "ctr_gcn": {"short": 11, "wide": 0.69754, JOIN: 1},
    "pyskl": {"short": 11, "wide": 0.69754, JOIN: 0, SWAP: 0},
    "ghosts": {"motion_low": 0.089925, "frozen": 0.01, "crumpled": 0.6},
}


def resolve_steps(value: Any) -> dict[str, float]:
    """Step -> threshold in the order of the table, from the value of a definition.

    Args:
        value: a preset or a step, a list of such names, or a mapping step -> threshold; None is `none`.

    Raises: ValueError for an unknown name.
    >>> resolve_steps(["pyskl", "frozen"])
    {'short': 11.0, 'wide': 0.69754, 'frozen': 0.01, 'join': 0.0, 'swap': 0.0}
    """
    usual = {name: step.threshold for name, step in STEPS.items()} | {JOIN: 0, SWAP: 0}
    found: dict[str, Any] = {}
    for item in value if isinstance(value, list | tuple) else [] if value is None else [value]:
        if isinstance(item, Mapping):
            found |= item
        elif isinstance(item, str) and item in PRESETS:
            found |= PRESETS[item]
        else:
            found[item if isinstance(item, str) else repr(item)] = usual.get(item) if isinstance(item, str) else None
    unknown = [name for name in found if name not in usual]
    if unknown:
        raise ValueError(f"no step {unknown[0]!r}; presets: {', '.join(PRESETS)}; steps: {', '.join(usual)}")
    for name, threshold in found.items():
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold < np.inf:
            raise ValueError(f"{name}: a threshold of at least 0, got {threshold!r}")
    return {name: float(found[name]) for name in usual if name in found}


def denoise(
    measures: TrackMeasures,
    lengths_B: NDArray[np.int32],
    steps: Mapping[str, float],
    rank: Callable[[TrackMeasures, Sequence[int]], list[int]],
) -> tuple[list[int], dict[int, str]]:
    """The tracks that are left, best first, and why each of the others is dropped.

    A step works on the tracks that the steps before it have left. If it would drop all of them, the best-ranked one is
    kept, so that a single body is never lost. After `wide`, the motion of a track that was partly wide is that of its
    upright frames if that is smaller, as in both sources.

    Args:
        steps: step -> threshold, in order; `join` and `swap` are not carried out here.
        rank: puts tracks in order, best first; only tracks with a measured joint are given to it.
    """
    left = rank(measures, [b for b in range(len(lengths_B)) if measures.spread[b] >= 0.0])
    dropped: dict[int, str] = {b: "unmeasured: no measured joint" for b in range(len(lengths_B)) if b not in left}
    for name, threshold in steps.items():
        if name not in STEPS or len(left) < 2:
            continue
        step = STEPS[name]
        value_B = step.value(measures, lengths_B)
        noise_B = step.drops(value_B, threshold)
        spared = left[0] if step.spares_first or noise_B[left].all() else None
        for b in [b for b in left if noise_B[b] and b != spared]:
            left.remove(b)
            dropped[b] = f"{name}: {step.reason.format(value=value_B[b], threshold=threshold)}"
        if name == "wide":
            measures = measures._replace(motion=_upright_only(measures))
            left = rank(measures, sorted(left))
    return left, dropped


def _upright_only(measures: TrackMeasures) -> NDArray[np.float64]:
    partly_B = (measures.upright > 0.0) & (measures.upright < 1.0)
    return np.where(partly_B, np.minimum(measures.motion, measures.upright_motion), measures.motion)
