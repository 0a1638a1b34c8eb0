"""What every reader of a tool's files gives, and the step from there to `Tracks` that all of them share.

In: `Poses`, one row for each body and frame, in the tool's own numbers, with what its file says about them. Out: tracks
as every reader gives them: 3-D in metres with y up, 2-D as fractions of the image with y down.

Pixels are divided by the image's width and height, where the file or the definition says these. Otherwise both are
divided by the largest coordinate of the clip, so that the picture keeps its proportions, and the clip is noted. Bodies
that the tool does not follow from frame to frame are followed here (`following`), and the clip is noted.

Axes: P observations, V joints, C coordinates (x y in images; z there is no place, and left out).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.layouts import plain
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.dense import NOTE_NAN, as_float32, upright
from pipeline.parse.tools.following import follow
from pipeline.tracks import MAX_FRAMES, Tracks, sorted_tracks

NOTE_SIZE = "image_size_unknown"
NOTE_DEPTH = "depth_of_image_left_out"
NOTE_FOLLOWED = "bodies_followed_by_place"
NOTE_TWICE = "same_pose_twice_in_a_frame"
NOTE_IDS = "ids_repeat_within_a_frame"
NOTE_ORDER = "frames_in_order_of_their_numbers"
MAX_SPREAD = 20
"""Numbers of frames that are further apart than this on average are no frames of a video: only their order counts."""


_LAST_NUMBER = re.compile(r"(?:.*\D)?(\d{1,15})\D*", re.DOTALL)


class NamedBytes(NamedTuple):
    """A file: its name, with the folders in which it lies, and what is in it."""

    name: str
    data: bytes

    @property
    def bare_name(self) -> str:
        """Its name without the folders."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Poses:
    """The bodies of one clip as its tool wrote them; rows in ascending order of frames."""

    layout: Layout
    """What the file says or implies of its joints."""
    named: bool = False
    """Whether the file names its joints; then a definition's layout picks them by name."""
    n_frames: int
    frame_P: NDArray[np.int32]
    places_PVC: NDArray[np.float64]
    """nan where a joint was not measured."""
    scores_PV: NDArray[np.float64] | None = None
    """Confidences; 0: not measured."""
    id_P: NDArray[np.int64] | None = None
    """The tool's own number of the body; None: it does not follow bodies."""
    pixels: bool = True
    """2-D: whether coordinates are pixels, or fractions of the image."""
    size: tuple[float, float] | None = None
    """Width and height in pixels."""
    unit_m: float = 1.0
    up: str = "y"
    """As `SourceSpec` has them, which counts where it says something else."""
    fps: float | None = None
    notes: tuple[str, ...] = ()


class Seen(NamedTuple):
    """One body in one frame, as a reader comes upon it."""

    frame: int
    places_VC: Any
    scores_V: Any = None
    id: int | None = None


def gathered(seen: Sequence[Seen], n_frames: int, layout: Layout, **facts: Any) -> Poses:
    """Poses of what a reader has collected; RefusedError where that is nobody."""
    if not seen:
        raise RefusedError(f"no body in any of {n_frames} frames")
    followed = all(one.id is not None for one in seen)
    return Poses(
        layout=layout,
        n_frames=n_frames,
        frame_P=np.array([one.frame for one in seen], np.int32),
        places_PVC=np.asarray([one.places_VC for one in seen], np.float64),
        scores_PV=None if seen[0].scores_V is None else np.asarray([one.scores_V for one in seen], np.float64),
        id_P=np.array([one.id for one in seen], np.int64) if followed else None,
        **facts,
    )


def last_number(text: str) -> int | None:
    """The last number in a text, of at most 15 digits, as names of pictures and frames end in one."""
    match = _LAST_NUMBER.fullmatch(text)
    return int(match[1]) if match is not None else None


def frames_of(numbers: Sequence[int]) -> tuple[list[int], int, tuple[str, ...]]:
    """Frames from 0 on of ascending numbers, how many there are with those left out, and notes."""
    if not numbers:
        return [], 0, ()
    first, last = min(numbers), max(numbers)
    if last - first < MAX_FRAMES and last - first <= MAX_SPREAD * len(set(numbers)):
        return [number - first for number in numbers], last - first + 1, ()
    order = {number: at for at, number in enumerate(sorted(set(numbers)))}
    return [order[number] for number in numbers], len(order), (NOTE_ORDER,)


def tracks_of(poses: Poses, layout: Layout, spec: SourceSpec, *, zero_is_missing: bool = False) -> Tracks:
    """Tracks of one clip in the layout that is wanted.

    Raises: RefusedError for another number of joints (with the layouts that fit), an unknown joint, a 3-D layout of a
    2-D pose, numbers that are not finite as float32, and a clip in which no joint is measured.
    """
    poses = _without_doubles(_fitted(poses, layout))
    if poses.n_frames > MAX_FRAMES:
        raise RefusedError(f"{poses.n_frames} frames, more than {MAX_FRAMES}")
    places_PVC, scores_PV = poses.places_PVC, poses.scores_PV
    lost_PV = np.asarray(np.isnan(places_PVC).any(axis=2))
    if scores_PV is not None:
        lost_PV |= ~(scores_PV > 0)
    if zero_is_missing and (scores_PV is None or not layout.is_image):
        lost_PV |= ~np.any(places_PVC, axis=2)
    kept_P = np.asarray(
        ~lost_PV.all(axis=1) & places_PVC.any(axis=(1, 2))
    )  # all zero: nobody is there, and nan counts as shown
    if not kept_P.any():
        raise RefusedError(f"no joint is measured in any of {poses.n_frames} frames")
    notes = poses.notes + ((NOTE_NAN,) if (np.isnan(places_PVC).any(axis=2) & kept_P[:, None]).any() else ())
    frame_P, places_PVC, lost_PV = poses.frame_P[kept_P], places_PVC[kept_P], lost_PV[kept_P]
    scores_PV = None if scores_PV is None else scores_PV[kept_P]
    place_P, ids, followed = _bodies(frame_P, places_PVC, lost_PV, None if poses.id_P is None else poses.id_P[kept_P])
    joints_PVC, scored_PV, said = _numbers(replace(poses, places_PVC=places_PVC), scores_PV, lost_PV, layout, spec)
    return sorted_tracks(poses.n_frames, ids, place_P, frame_P, joints_PVC, scored_PV, notes=(*notes, *followed, *said))


def _fitted(poses: Poses, layout: Layout) -> Poses:
    """The poses with the joints of the layout, in its order."""
    n_joints, own = poses.places_PVC.shape[1], poses.layout
    if layout.is_image and poses.places_PVC.shape[2] == 3:
        poses = replace(poses, places_PVC=poses.places_PVC[..., :2], notes=(*poses.notes, NOTE_DEPTH))
    if not layout.is_image and poses.places_PVC.shape[2] == 2:
        raise RefusedError(f"x and y in an image, and layout {layout.name} has x y z; say parse.layout: {own.name}")
    if poses.named:
        number = {plain(joint): v for v, joint in enumerate(own.joints)}
        missing = next((joint for joint in layout.joints if plain(joint) not in number), None)
        if missing is not None:
            raise RefusedError(f"no joint {missing!r} as layout {layout.name} has; it has {', '.join(own.joints)}")
        order = [number[plain(joint)] for joint in layout.joints]
        scores_PV = None if poses.scores_PV is None else poses.scores_PV[:, order]
        return replace(poses, places_PVC=poses.places_PVC[:, order], scores_PV=scores_PV)
    if n_joints != layout.n_joints:
        fits = f"; say parse.layout: {own.name}" if own.n_joints == n_joints and own.name != layout.name else ""
        raise RefusedError(f"{n_joints} joints, and layout {layout.name} has {layout.n_joints}{fits}")
    return poses


def _without_doubles(poses: Poses) -> Poses:
    """Each pose once a frame: programs that append to a file write the same line again."""
    if len(np.unique(poses.frame_P)) == len(poses.frame_P):
        return poses
    seen: set[tuple[int, int, bytes]] = set()
    new_P = np.zeros(len(poses.frame_P), np.bool_)
    ids = poses.id_P.tolist() if poses.id_P is not None else [0] * len(poses.frame_P)
    for at, (frame, body, places_VC) in enumerate(zip(poses.frame_P.tolist(), ids, poses.places_PVC, strict=True)):
        own = (frame, body, places_VC.tobytes())
        new_P[at] = own not in seen
        seen.add(own)
    if new_P.all():
        return poses
    return replace(
        poses,
        frame_P=poses.frame_P[new_P],
        places_PVC=poses.places_PVC[new_P],
        scores_PV=None if poses.scores_PV is None else poses.scores_PV[new_P],
        id_P=None if poses.id_P is None else poses.id_P[new_P],
        notes=(*poses.notes, NOTE_TWICE),
    )


def _bodies(
    frame_P: NDArray[np.int32],
    places_PVC: NDArray[np.float64],
    lost_PV: NDArray[np.bool_],
    id_P: NDArray[np.int64] | None,
) -> tuple[NDArray[np.int32], NDArray[np.int64], tuple[str, ...]]:
    """The track of each observation, the id of each track in order of appearance, and notes."""
    notes: tuple[str, ...] = ()
    if id_P is not None:
        pairs = np.stack([frame_P.astype(np.int64), id_P], axis=1)
        if len(np.unique(pairs, axis=0)) < len(pairs):
            id_P, notes = None, (NOTE_IDS,)
    if id_P is None and len(np.unique(frame_P)) == len(frame_P):
        id_P = np.zeros(len(frame_P), np.int64)
    elif id_P is None:
        id_P, notes = follow(frame_P, np.where(lost_PV[..., None], np.nan, places_PVC)), (*notes, NOTE_FOLLOWED)
    found, first, at_P = np.unique(id_P, return_index=True, return_inverse=True)
    rank = np.empty(len(found), np.int32)
    order = np.argsort(first)
    rank[order] = np.arange(len(found), dtype=np.int32)
    return rank[at_P.reshape(-1)], found[order].astype(np.int64), notes


def _numbers(
    poses: Poses, scores_PV: NDArray[np.float64] | None, lost_PV: NDArray[np.bool_], layout: Layout, spec: SourceSpec
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, tuple[str, ...]]:
    """Joints and confidences as the table has them, and notes."""
    lost_PV1 = lost_PV[..., None]
    if not layout.is_image:
        places_PVC = np.where(lost_PV1, 0.0, poses.places_PVC)
        up = spec.up if spec.up != SourceSpec.up else poses.up
        unit_m = spec.unit_m if spec.unit_m != SourceSpec.unit_m else poses.unit_m
        if (up, unit_m, spec.mirrored) != ("y", 1.0, False):
            places_PVC = upright(places_PVC, up, unit_m, spec.mirrored)
        joints_PVC = as_float32(places_PVC, "coordinate", ("observation", "joint"))
        joints_PVC[lost_PV] = np.nan
        scored_PV = None if scores_PV is None else np.where(lost_PV, 0.0, scores_PV)
        return joints_PVC, None if scored_PV is None else as_float32(scored_PV, "confidence", ("observation",)), ()
    nowhere_PV1 = np.isnan(poses.places_PVC).any(axis=2, keepdims=True)
    places_PVC, notes = _fractions(np.where(nowhere_PV1, 0.0, poses.places_PVC), lost_PV, poses, spec)
    scored_PV = (~lost_PV).astype(np.float64) if scores_PV is None else np.where(lost_PV, 0.0, scores_PV)
    joints_PVC = as_float32(places_PVC, "coordinate", ("observation", "joint"))
    return joints_PVC, as_float32(scored_PV, "confidence", ("observation",)), notes


def _fractions(
    places_PVC: NDArray[np.float64], lost_PV: NDArray[np.bool_], poses: Poses, spec: SourceSpec
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    if spec.image == "centred":
        moved_PVC = places_PVC * np.array([1.0, -1.0]) + 0.5
        return np.where(lost_PV[..., None], 0.0, moved_PVC), ()
    if not (spec.image == "pixels" or spec.image_size or poses.pixels) or spec.image == "fractions":
        return places_PVC, ()
    size = spec.image_size or poses.size
    if size is not None and all(0 < length < 1e9 for length in size):
        return places_PVC / np.array(size, np.float64), ()
    largest = float(np.abs(places_PVC[~lost_PV]).max(initial=0.0))
    if largest == np.inf:
        raise RefusedError("a coordinate that is infinite")
    return places_PVC / max(1.0, largest), (NOTE_SIZE,)
