"""What every raw format is read into: body tracks, each at its own times, nothing chosen or filled yet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_FRAMES = 100_000
"""A clip that claims more frames than this is refused (genuine ones have at most a few hundred)."""


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """The bodies of one clip; frames in which a body is absent are not stored.

    Axes: B bodies, P = lengths.sum() observations (body after body, each in ascending frame order), V joints, C.
    """

    frames: int
    """Frames of the clip, those without any body included."""
    ids: NDArray[np.int64]
    """(B,) the source's body ids in order of first appearance (Kinetics: the place in the frame's list, 0 ..)."""
    lengths: NDArray[np.int32]
    """(B,) in how many frames each body is seen."""
    frame_index: NDArray[np.int32]
    """(P,) 0-based frame of each observation."""
    joints_PVC: NDArray[np.float32]
    """(P, V, C) in the source's units and axes: NTU metres x y z, y up; Kinetics x y in image fractions, y down."""
    scores_PV: NDArray[np.float32] | None = None
    """(P, V) confidences where the source has them."""
    notes: tuple[str, ...] = ()
    """Oddities that do not make the clip unusable, e.g. 'crlf'."""
