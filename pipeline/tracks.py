"""The form into which every raw format is read: body tracks, each at its own times; nothing is chosen or filled yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError

MAX_FRAMES = 100_000
"""A clip that claims more frames than this is refused (genuine ones have at most a few hundred)."""
FLOAT32_LIMIT = 3.4e38
"""Coordinates and scores must be smaller than this in absolute value, so that none becomes inf as float32."""


MAX_ODD_BYTES = 16 * 2**20
"""A larger file that is not plain is refused without a search for the reason, which takes up to 25 times its size."""


class ClipName(NamedTuple):
    """The facts about a clip that the name of its raw file states."""

    key: str
    class_id: int | None = None
    subject: int | None = None
    camera: int | None = None
    setup: int | None = None
    replication: int | None = None


class Observation(NamedTuple):
    """One body in one frame: V * C coordinates, joint after joint, and V scores if the source has them."""

    frame: int
    coordinates: Sequence[float]
    scores: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """The bodies of one clip; frames in which a body is absent are not stored.

    Axes: B bodies, P = lengths.sum() observations (body after body, each in ascending frame order), V joints, C.
    """

    frames: int
    """Number of frames of the clip, including those without any body."""
    ids: NDArray[np.int64]
    """(B,) the source's body ids in order of first appearance (Kinetics: the place in the frame's list, 0 ..)."""
    lengths: NDArray[np.int32]
    """(B,) number of frames in which each body is seen."""
    frame_index: NDArray[np.int32]
    """(P,) 0-based frame of each observation."""
    joints_PVC: NDArray[np.float32]
    """(P, V, C) in the source's units and axes: NTU metres x y z, y up; Kinetics x y in image fractions, y down.

    nan in all three coordinates of a 3-D joint that was not measured."""
    scores_PV: NDArray[np.float32] | None = None
    """(P, V) confidences if the source has them; 0: not measured."""
    notes: tuple[str, ...] = ()
    """Oddities that do not make the clip unusable, e.g. 'crlf'."""


def check_odd_bytes(data: bytes) -> None:
    """Raise RefusedError if finding the fault of a file would take too much memory."""
    if len(data) > MAX_ODD_BYTES:
        raise RefusedError(f"wrong or unusual somewhere; with {len(data)} bytes too large to find out where")


def build_tracks(
    frames: int, tracks: Mapping[int, Sequence[Observation]], n_joints: int, notes: tuple[str, ...] = ()
) -> Tracks:
    """Build `Tracks` from the observations of a reader: body id -> observations in ascending frame order.

    Tracks keep the mapping's order. At least one observation is needed, each of `n_joints` joints; scores all or none.
    """
    seen = [observation for track in tracks.values() for observation in track]
    joints = np.array([o.coordinates for o in seen], np.float32).reshape(len(seen), n_joints, -1)
    return Tracks(
        frames=frames,
        ids=np.array(list(tracks), np.int64),
        lengths=np.array([len(track) for track in tracks.values()], np.int32),
        frame_index=np.array([o.frame for o in seen], np.int32),
        joints_PVC=joints,
        scores_PV=np.array([o.scores for o in seen], np.float32) if seen[0].scores else None,
        notes=notes,
    )


def mark_zeros(tracks: Tracks) -> Tracks:
    """Set 3-D joints at exactly (0, 0, 0) to nan (not measured), for sources that mark lost joints in this way.

    2-D joints are not changed, because they have a confidence.
    """
    joints_PVC = tracks.joints_PVC
    if joints_PVC.shape[2] != 3:
        return tracks
    zero_PV = np.all(joints_PVC == 0, axis=2)
    if not zero_PV.any():
        return tracks
    return replace(tracks, joints_PVC=np.where(zero_PV[..., None], np.float32(np.nan), joints_PVC))


class TrackMeasures(NamedTuple):
    """The measures by which bodies are chosen, each (B,) float64; -1 for a track without a measured joint.

    Joints without a measurement are left out. Lengths are in the source's units (metres, or fractions of the image).
    """

    spread: NDArray[np.float64]
    """Standard deviations of x, y and z over all joints and frames, added up: 2s-AGCN's "energy" (Shi et al., 2019)."""
    motion: NDArray[np.float64]
    """Variances of x, y and z, added up: what CTR-GCN (Chen et al., 2021) and PYSKL (Duan et al., 2022) call motion."""
    upright: NDArray[np.float64]
    """Share of frames whose x extent is at most 0.8 of the y extent: CTR-GCN's and PYSKL's test of a frame."""
    upright_motion: NDArray[np.float64]
    """`motion` over the upright frames alone; -1 where there is none."""
    extent: NDArray[np.float64]
    """Largest of the x, y and z extents of a frame, median over the frames."""
    travel: NDArray[np.float64]
    """The largest movement of any joint along any axis: largest minus smallest coordinate over the frames."""
    confidence: NDArray[np.float64] | None = None
    """Mean over frames and joints, where a missing joint counts as 0; None if the source has no scores."""


def sorted_tracks(
    frames: int,
    ids: NDArray[np.int64],
    track_P: NDArray[np.int32],
    frame_P: NDArray[np.int32],
    joints_PVC: NDArray[np.float32],
    scores_PV: NDArray[np.float32] | None = None,
    notes: tuple[str, ...] = (),
) -> Tracks:
    """Tracks from observations in the order of the source, whose frames ascend.

    Args:
        ids: the source's id of every track; each has at least one observation.
        track_P: for every observation the index of its track in `ids`.
    """
    if len(ids) > 1:
        order_P = np.argsort(track_P, kind="stable")
        frame_P, joints_PVC = frame_P[order_P], joints_PVC[order_P]
        scores_PV = scores_PV if scores_PV is None else scores_PV[order_P]
    return Tracks(
        frames=frames,
        ids=ids,
        lengths=np.bincount(track_P, minlength=len(ids)).astype(np.int32),
        frame_index=frame_P,
        joints_PVC=joints_PVC,
        scores_PV=scores_PV,
        notes=notes,
    )
