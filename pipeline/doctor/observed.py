"""Arranges the arrays of one clip for the checks: whose each observation is, what was measured, which ones are
successive.

In: `Tracks` from a reader or a parsed table. Out: `Bodies`. Arrays that contradict each other are refused here. Time
and memory grow with the observations in the source, never with the frames or bodies that it claims to have.

Axes: P observations (body after body, each in order of its frames), B bodies, V joints, C coordinates,
S steps (an observation whose predecessor is the same body one frame before).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dastm.contract.skeleton import Layout
from pipeline.kernels.joints import measured
from pipeline.kernels.measures import spread_and_motion
from pipeline.tracks import Tracks

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Bodies:
    """A clip's observations, laid out for the checks; values that are not finite are zero and not measured."""

    tracks: Tracks
    layout: Layout | None
    """None: how the joints are connected is not known."""
    joints_PVC: Floats
    measured_PV: Mask
    seen_P: Mask
    """Observations with a measured joint."""
    frame_P: Ints
    rows: tuple[slice, ...]
    """Each body's observations."""
    main: int
    """The body that moves most, as `split` ranks them; 0 where nothing is measured."""
    step_S: Ints
    """The later observation of each step."""

    @property
    def is_image(self) -> bool:
        """Fractions of an image, not metres."""
        return bool(self.joints_PVC.shape[2] == 2)


def lay_out(tracks: Tracks, layout: Layout | None) -> Bodies:
    """The observations of a clip whose arrays fit each other and the layout; ValueError where they do not."""
    check_shapes(tracks, layout)
    measured_PV = measured(tracks.joints_PVC, tracks.scores_PV)
    ends_B = np.cumsum(tracks.lengths, dtype=np.int64)
    body_P = np.repeat(np.arange(len(ends_B)), tracks.lengths)
    frame_P = tracks.frame_index.astype(np.int64)
    follows = (body_P[1:] == body_P[:-1]) & (frame_P[1:] == frame_P[:-1] + 1)
    joints_PVC = tracks.joints_PVC.astype(np.float64)
    joints_PVC[~np.isfinite(joints_PVC)] = 0.0
    return Bodies(
        tracks=tracks,
        layout=layout,
        joints_PVC=joints_PVC,
        measured_PV=measured_PV,
        seen_P=np.asarray(measured_PV.any(axis=1)),
        frame_P=frame_P,
        rows=tuple(slice(int(end - n), int(end)) for end, n in zip(ends_B, tracks.lengths, strict=True)),
        main=int(np.argmax(spread_and_motion(tracks, measured_PV)[0])) if measured_PV.any() else 0,
        step_S=np.flatnonzero(follows) + 1,
    )


def check_shapes(tracks: Tracks, layout: Layout | None) -> None:
    """The kernels index without bounds checks, and a table's lists can be of any length."""
    n, shape = len(tracks.frame_index), tracks.joints_PVC.shape
    if len(shape) != 3 or shape[0] != n or not n or 0 in shape:
        raise ValueError(f"joints {shape} for {n} observations")
    if tracks.scores_PV is not None and tracks.scores_PV.shape != shape[:2]:
        raise ValueError(f"confidences {tracks.scores_PV.shape} for joints {shape}")
    if (tracks.lengths < 0).any() or int(tracks.lengths.sum()) != n or len(tracks.ids) != len(tracks.lengths):
        raise ValueError(f"{len(tracks.ids)} bodies of {int(tracks.lengths.sum())} observations in all, there are {n}")
    if not 0 <= tracks.frame_index.min() <= tracks.frame_index.max() < tracks.frames:
        raise ValueError(f"a frame outside 0 .. {tracks.frames - 1}")
    if layout is not None and shape[1:] != (layout.n_joints, layout.n_space):
        raise ValueError(f"{shape[1]} joints of {shape[2]} coordinates, layout {layout.name} has {layout.n_joints}")
