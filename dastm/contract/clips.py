"""How both halves prepare one clip: fill gaps, turn image axes up, choose one frame of each segment.

In: joints of a clip's bodies as a source has them. Out: joints without gaps, at the chosen frames. `dastm-data split`
does this to whole data sets and a recogniser to single clips. Both use this code, so that a network is never asked
about clips that were prepared in another way than those of its training.

Axes: M bodies, T frames, V joints, C coordinates.
"""

import numpy as np
from numpy.typing import NDArray


def fill(joints_MTVC: NDArray[np.float64], measured_MTV: NDArray[np.bool_], centre: int) -> NDArray[np.float64]:
    """Give every joint a position in every frame: linear in time between measurements, held before and after them.

    A joint that is never measured in its body is put at the centre joint, or at the mean of the measured joints if the
    centre was not measured either. A body without any measurement stays 0.

    Shapes: (M, T, V, C) and (M, T, V) -> (M, T, V, C), a new array.
    """
    filled: NDArray[np.float64] = joints_MTVC.copy()
    for body_TVC, shown_TV in zip(filled, measured_MTV, strict=True):
        _interpolate(body_TVC, shown_TV)
        shown_V = np.any(shown_TV, axis=0)
        if shown_V.any() and not shown_V.all():
            stand_in_TC = body_TVC[:, centre] if shown_V[centre] else body_TVC[:, shown_V].mean(axis=1)
            body_TVC[:, ~shown_V] = stand_in_TC[:, None]
    return filled


def _interpolate(joints_TVC: NDArray[np.float64], measured_TV: NDArray[np.bool_]) -> None:
    """Interpolate in place; a joint without any measurement is not changed."""
    gap_t, gap_v = np.nonzero(~measured_TV & measured_TV.any(axis=0))
    if not len(gap_t):
        return
    n_frames, frame_T1 = len(measured_TV), np.arange(len(measured_TV))[:, None]
    last_TV = np.maximum.accumulate(np.where(measured_TV, frame_T1, -1))
    next_TV = np.minimum.accumulate(np.where(measured_TV, frame_T1, n_frames)[::-1])[::-1]
    last, following = last_TV[gap_t, gap_v], next_TV[gap_t, gap_v]
    last, following = np.where(last < 0, following, last), np.where(following == n_frames, last, following)
    before, after = joints_TVC[last, gap_v], joints_TVC[following, gap_v]
    step = (after - before) / np.maximum(following - last, 1)[:, None]
    joints_TVC[gap_t, gap_v] = before + step * (gap_t - last)[:, None]


def image_axes(joints_MTVC: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractions of the image (x right, y down) to coordinates from its middle (x right, y up): x - 0.5, 0.5 - y.

    Shapes: (M, T, V, 2) -> (M, T, V, 2), a new array.
    """
    centred: NDArray[np.float64] = (joints_MTVC - 0.5) * np.array([1.0, -1.0])
    return centred


def segment_frames(n_source: int, n_frames: int, rng: np.random.Generator | None = None) -> NDArray[np.int64]:
    """Choose one frame of each of `n_frames` equal segments -> (n_frames,) numbers in 0 .. n_source - 1, not
    decreasing.

    TSN sampling (Wang et al., ECCV 2016; section 5 of the DASTM paper): segments are [i L / n, (i + 1) L / n). A clip
    shorter than `n_frames` is stretched (frames repeat), never padded.

    Args:
        rng: None: the middle of each segment, floor((i + 0.5) L / n); a generator: one frame that the segment touches,
            each with the same probability.

    Raises: ValueError if a count is below 1.
    >>> segment_frames(6, 3)
    array([1, 3, 5])
    """
    if n_source < 1 or n_frames < 1:
        raise ValueError(f"sampling {n_frames} of {n_source} frames: both must be at least 1")
    i = np.arange(n_frames, dtype=np.int64)
    if rng is None:
        return (2 * i + 1) * n_source // (2 * n_frames)
    first = i * n_source // n_frames
    last = -(-(i + 1) * n_source // n_frames) - 1  # ceil((i + 1) L / n) - 1, never below `first`
    return rng.integers(first, last, endpoint=True, dtype=np.int64)
