"""One body of one recording, as its source has it: an example to enrol, or a clip to recognise.

In: arrays from whoever reads recordings. Out: a checked `Clip`. Nothing here reads files.

Axes: T frames, V joints, C coordinates.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.mapping import halves
from dastm.contract.skeleton import BODY19, Layout

FARTHEST = 1e5
"""How many times its own size a clip may be away from zero: then float32 still has one part in a hundred of a body."""
LARGEST = 1e15
"""Squares of distances of larger numbers do not fit float32."""
STICKS_OUT = 0.5
"""Sine of the angle between a foot and its shin beyond which it says where it points to."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """One body from the first to the last frame that shows it.

    Raises: ValueError if the joints do not fit the layout, none was measured, or so far from zero that float32 has too
    few digits.

    >>> import dastm, numpy
    >>> joints = numpy.zeros((2, 25, 3), dtype=numpy.float32)
    >>> joints[1, 3] = numpy.nan
    >>> clip = dastm.Clip(key="wave/0", source="wave/0.npy", layout=dastm.LAYOUTS["ntu25"], joints_TVC=joints)
    >>> clip.n_frames, int(clip.measured().sum())
    (2, 49)
    """

    key: str
    """Its name among the clips of its source, e.g. `wave/003`."""
    source: str
    """The file, as the user named it."""
    layout: Layout
    joints_TVC: NDArray[np.float32]
    """3-D: x, y (up), z in any unit, nan where a joint was not measured. Images: x, y (down) in any unit that is the
    same for both, and a confidence, 0 where a joint was not measured."""
    body: int = 0
    """The number of the body in the recording, in order of first appearance."""
    fps: float | None = None
    """Frames per second, if known."""
    first_frame: int = 0
    """The frame of the recording that row 0 shows."""
    action: str | None = None
    """The action that its folder or list names."""
    subject: int | None = None
    """Who acts, by the number that a field or the name of the recording gives."""
    notes: tuple[str, ...] = ()
    """What was odd about the recording, in words."""

    def __post_init__(self) -> None:
        expected = (self.layout.n_joints, len(self.layout.coordinates))
        if self.joints_TVC.ndim == 3 and not len(self.joints_TVC):
            raise ValueError(f"{self.source}: no frames")
        if self.joints_TVC.ndim != 3 or self.joints_TVC.shape[1:] != expected:
            raise ValueError(
                f"{self.source}: joints of shape {self.joints_TVC.shape}, {self.layout.name} needs (T, V, C)"
                f" with (V, C) {expected}"
            )
        measured_TV = self.measured()
        if not measured_TV.any():
            raise ValueError(f"{self.source}: no joint was measured")
        places_PC = self.joints_TVC[measured_TV][:, : self.layout.n_space].astype(np.float64)
        largest, size = np.abs(places_PC).max(), np.ptp(places_PC, axis=0).max()
        is_body = measured_TV.any(axis=0).sum() > 1
        if largest > LARGEST or (is_body and largest > FARTHEST * size > 0):
            raise ValueError(
                f"{self.source}: coordinates of up to {largest:.1e} within {size:.1e}, and float32 has seven digits:"
                " subtract the place of the body, in a larger unit if need be"
            )

    def measured(self) -> NDArray[np.bool_]:
        """Which joints were measured in which frames -> (T, V)."""
        return measured(self.joints_TVC, self.layout)

    def upright(self) -> float:
        """How upright the trunk is: the mean cosine of its angle with y, -1 to 1; nan in images, or without a trunk."""
        if self.layout.is_image or self.layout.torso is None:
            return math.nan
        low_TC, high_TC = (self.joints_TVC[:, list(group)].mean(axis=1) for group in self.layout.torso)
        trunk_TC = (high_TC - low_TC).astype(np.float64)
        length_T = np.sqrt((trunk_TC**2).sum(axis=1))
        seen_T = np.isfinite(length_T) & (length_T > 0)
        return float((trunk_TC[seen_T, 1] / length_T[seen_T]).mean()) if seen_T.any() else math.nan

    def feet_ahead(self) -> float:
        """Share of frames in which the feet point to where a person looks who has the left hip on the left; else nan.

        The front is right-handed to the ways up and to the right. Feet along the shin were made up, and do not count.
        """
        halves_V2 = _as_body19(self.layout)
        if halves_V2 is None:
            return math.nan
        at = {name: v for v, name in enumerate(BODY19.joints)}
        body_TVC = self.joints_TVC[:, halves_V2].mean(axis=2, dtype=np.float64)
        up_TC = body_TVC[:, at["neck"]] - body_TVC[:, at["hip centre"]]
        right_TC = body_TVC[:, at["right hip"]] - body_TVC[:, at["left hip"]]
        ahead_TC, is_foot_T = np.zeros_like(up_TC), np.ones(self.n_frames, dtype=np.bool_)
        for side in ("left", "right"):
            knee_TC, ankle_TC, foot_TC = (body_TVC[:, at[f"{side} {name}"]] for name in ("knee", "ankle", "foot"))
            foot_TC, shin_TC = foot_TC - ankle_TC, ankle_TC - knee_TC
            sizes_T = np.linalg.norm(foot_TC, axis=1) * np.linalg.norm(shin_TC, axis=1)
            is_foot_T &= np.linalg.norm(np.cross(foot_TC, shin_TC), axis=1) > STICKS_OUT * sizes_T
            ahead_TC += foot_TC
        front_T = (np.cross(ahead_TC, up_TC) * right_TC).sum(axis=1)
        front_T = front_T[is_foot_T & np.isfinite(front_T) & (front_T != 0)]
        return float((front_T > 0).mean()) if len(front_T) else math.nan

    @property
    def n_frames(self) -> int:
        """Number of frames, from the first to the last that shows the body."""
        return len(self.joints_TVC)


@lru_cache(maxsize=256)
def _as_body19(layout: Layout) -> NDArray[np.int64] | None:
    """`halves` of the joints of body19, once a layout and not once a clip; None for a layout that lacks some."""
    try:
        return halves(layout, BODY19)
    except ValueError:
        return None


def real(value: Any, expected: str, is_right: Callable[[float], bool] = math.isfinite) -> float:
    """A number of any kind that somebody hands over. Raises: ValueError saying what was expected."""
    with suppress(TypeError, ValueError, OverflowError):
        if not isinstance(value, str) and is_right(number := float(value)):
            return number
    raise ValueError(f"{expected}, got {value!r}")


def numbers(joints: Any, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """What somebody hands over as joints, as an array; nan where it is masked.

    Raises: ValueError for what holds no real numbers.
    """
    try:
        if isinstance(joints, np.ma.MaskedArray):
            joints = np.ma.filled(joints.astype(np.float64), np.nan)
        if np.iscomplexobj(joints):
            raise ValueError("they are complex")
        return np.asarray(joints, dtype=dtype)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"joints are no array of numbers: {' '.join(str(error).split())}") from None


def measured(joints_XVC: NDArray[Any], layout: Layout) -> NDArray[np.bool_]:
    """Which joints were measured, of one frame (V, C) or of several (T, V, C) -> the same without C."""
    usable_XV = np.asarray(np.isfinite(joints_XVC).all(axis=-1))
    return usable_XV & (joints_XVC[..., -1] > 0) if layout.is_image else usable_XV
