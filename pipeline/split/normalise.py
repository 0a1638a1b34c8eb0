"""Normalises one parsed clip for training: choose bodies, fill gaps, move, turn, scale, sample frames.

In: the body tracks as parsed, the `split` block of the definition and the layout. Out: float32 joints, bodies present x
frames x joints x coordinates (section 5 of the paper: 30 or 50 frames per clip, each body separately).
Order: choose bodies, cut empty ends, fill, image axes, origin, rotate, scale, sample frames, zero missing joints,
scramble if `frame_order` says so. Computed in float64; a pure function of the clip, the spec and the generator.

Axes: P observations, M bodies kept, T frames, V joints, C coordinates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dastm.contract.clips import fill, image_axes, segment_frames
from dastm.contract.errors import DataError, RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.definition import SplitSpec
from pipeline.definitions.denoising import STEPS
from pipeline.kernels import align, frame_sampling, joints
from pipeline.split import gaps
from pipeline.split.body_choice import BodyChoice, Dropped, choose_bodies
from pipeline.tracks import Tracks

NOTE_UNTURNED = "rotate: a line had no direction, not turned by it"
NOTE_UNSCALED = "scale: no measurable torso, left unscaled"
POINT = "all joints in one point"
UNSEEN = "in none of the frames taken"


@dataclass(frozen=True, kw_only=True)
class NormalisedClip:
    """A clip as the shards hold it."""

    joints_MTVC: NDArray[np.float32]
    """(M, T, V, C) with T = `n_frames` and C as the layout's coordinates; M from 1 to `bodies`."""
    frame_index: tuple[int, ...]
    """For each of the T frames its frame number in the source, from 0."""
    notes: tuple[str, ...]
    """Steps of the definition that were not possible for this clip."""
    kept: tuple[tuple[int, ...], ...]
    """(M,) the source's ids of the tracks that each body is made of."""
    dropped: tuple[Dropped, ...]
    """The tracks that are in no kept body, each with the reason."""


@dataclass(frozen=True, kw_only=True)
class _Whole:
    """A clip between filling and sampling."""

    joints_MTVC: NDArray[np.float64]
    measured_MTV: NDArray[np.bool_]
    confidence_MTV: NDArray[np.float64] | None
    source_T: NDArray[np.int64]
    """For each frame its frame number in the source."""
    body_choice: BodyChoice


def check_split(spec: SplitSpec, layout: Layout) -> None:
    """Raise DataError, before any work, if the definition asks for something that is impossible with its layout."""
    try:
        if spec.rotate != "none":
            align.check_rotation(layout, spec.rotate == "upright")
        if spec.scale == "torso" and layout.torso is None:
            raise ValueError(f"scale: torso: layout {layout.name} names no torso")
        _check_body_choice(spec, layout)
    except ValueError as error:
        raise DataError(f"split.{error}") from error


def _check_body_choice(spec: SplitSpec, layout: Layout) -> None:
    if spec.extra_bodies == "drop" and spec.two_person_classes is None:
        raise ValueError("extra_bodies: drop: needs two_person_classes, an empty list where nobody acts in pairs")
    if spec.denoise and spec.rank == "confidence":
        raise ValueError("denoise: rank: confidence looks at every frame on its own, there are no tracks to denoise")
    if spec.gaps == "close" and spec.rank == "confidence":
        raise ValueError("gaps: close: rank: confidence looks at every frame on its own, there are no tracks to close")
    if spec.denoise and spec.rank == "slots":
        raise ValueError("denoise: rank: slots keeps every body in the slot that it has, there is nothing to choose")
    metric = [name for name in spec.denoise if name in STEPS and STEPS[name].in_metres]
    if metric and layout.is_image:
        raise ValueError(f"denoise: {metric[0]}: its threshold is for metres, layout {layout.name} has none")


def normalise_clip(
    tracks: Tracks,
    spec: SplitSpec,
    layout: Layout,
    rng: np.random.Generator | None = None,
    most_bodies: int | None = None,
) -> NormalisedClip:
    """Choose, fill, normalise and sample one clip.

    Args:
        rng: draws the frames if `spec.frame_sampling` is random (see `frame_sampling.clip_rng`); not used otherwise.
        most_bodies: the largest number for the clip's class (see `SplitSpec.most_bodies`); None: `spec.bodies`.

    Raises: RefusedError if no body is usable, ValueError if the tracks contradict themselves, the layout or the spec.
    """
    if spec.frame_sampling == "random" and rng is None:
        raise ValueError("frame_sampling: random needs a generator")
    _check_tracks(tracks, layout)
    most = most_bodies or spec.bodies
    whole = _gather(tracks, spec, layout, most)
    joints_MTVC, notes = _normalise(whole, spec, layout)
    at_T = _frames_taken(joints_MTVC, spec, rng)
    sampled_MTVC, there_M = _sampled(joints_MTVC, whole.measured_MTV, at_T, spec)
    visible_M = np.asarray(sampled_MTVC.any(axis=(1, 2, 3)))
    if not visible_M.any():
        raise RefusedError(f"no usable body: {POINT if there_M.any() else UNSEEN}")
    notes += tuple(f"body dropped: {why}" for why in _dropped_for(there_M, visible_M).values())
    if whole.confidence_MTV is not None:
        sampled_MTVC = np.concatenate([sampled_MTVC, whole.confidence_MTV[:, at_T, :, None]], axis=3)
    kept, dropped = _verdicts(tracks, whole.body_choice, there_M, visible_M)
    kept_MTVC = sampled_MTVC[visible_M].astype(np.float32)
    if spec.rank == "slots":
        kept_MTVC, kept = _in_slots(kept_MTVC, kept, most)
    if spec.frame_order == "scrambled" and joints_MTVC.shape[1] >= spec.n_frames:
        kept_MTVC, notes = frame_sampling.scramble(kept_MTVC), (*notes, frame_sampling.NOTE_SCRAMBLED)
    return NormalisedClip(
        joints_MTVC=kept_MTVC,
        frame_index=tuple(int(whole.source_T[t]) for t in at_T),
        notes=notes,
        kept=kept,
        dropped=dropped,
    )


def _frames_taken(
    joints_MTVC: NDArray[np.float64], spec: SplitSpec, rng: np.random.Generator | None
) -> NDArray[np.int64]:
    if spec.frame_sampling == "path":
        return frame_sampling.path_frames(joints_MTVC, spec.n_frames)
    return segment_frames(joints_MTVC.shape[1], spec.n_frames, rng if spec.frame_sampling == "random" else None)


def _sampled(
    joints_MTVC: NDArray[np.float64], measured_MTV: NDArray[np.bool_], at_T: NDArray[np.int64], spec: SplitSpec
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The frames taken, zero where the spec says so, and (M,) whether they show the body or stand for it."""
    sampled_MTVC = joints_MTVC[:, at_T]
    if spec.missing_joints == "zero":
        sampled_MTVC[joints.unseen(measured_MTV)[:, at_T]] = 0.0
    if spec.gaps == "interpolate":
        return sampled_MTVC, np.ones(len(sampled_MTVC), np.bool_)
    absent_MT = gaps.absent(measured_MTV)[:, at_T]
    sampled_MTVC[absent_MT] = 0.0
    return sampled_MTVC, ~np.asarray(absent_MT.all(axis=1))


def _dropped_for(there_M: NDArray[np.bool_], visible_M: NDArray[np.bool_]) -> dict[str, str]:
    """Step -> reason, of the bodies that what is sampled does not show."""
    point, unseen = (there_M & ~visible_M).any(), (~there_M).any()
    return ({"point": POINT} if point else {}) | ({"unseen": UNSEEN} if unseen else {})


def _verdicts(
    tracks: Tracks, body_choice: BodyChoice, there_M: NDArray[np.bool_], visible_M: NDArray[np.bool_]
) -> tuple[tuple[tuple[int, ...], ...], tuple[Dropped, ...]]:
    """Kept and dropped tracks; those of a body that is one point are dropped now, unless another body also has them."""
    kept = tuple(body for body, visible in zip(body_choice.kept, visible_M, strict=True) if visible)
    known = {i for body in kept for i in body} | {track.id for track in body_choice.dropped}
    unseen = {i for body, there in zip(body_choice.kept, there_M, strict=True) if not there for i in body}
    points = (
        Dropped(int(i), f"unseen: {UNSEEN}" if int(i) in unseen else f"point: {POINT}")
        for i in tracks.ids
        if i not in known
    )
    order = {int(i): place for place, i in enumerate(tracks.ids)}
    return kept, tuple(sorted([*body_choice.dropped, *points], key=lambda track: order[track.id]))


def _in_slots(
    kept_MTVC: NDArray[np.float32], kept: tuple[tuple[int, ...], ...], most: int
) -> tuple[NDArray[np.float32], tuple[tuple[int, ...], ...]]:
    """Bodies in the slots that their ids name, and zeros made of no track in the empty ones before them."""
    slots = [body[0] for body in kept]
    if slots[-1] >= most:
        raise RefusedError(f"a body in slot {slots[-1]}, rank: slots has 0 .. {most - 1} here (split.bodies)")
    slotted_MTVC = np.zeros((slots[-1] + 1, *kept_MTVC.shape[1:]), np.float32)
    slotted_MTVC[slots] = kept_MTVC
    tracks_of = dict(zip(slots, kept, strict=True))
    return slotted_MTVC, tuple(tracks_of.get(slot, ()) for slot in range(len(slotted_MTVC)))


def _check_tracks(tracks: Tracks, layout: Layout) -> None:
    """The kernels index without bounds checks, so numbers from a file are checked once, here."""
    n_observations = len(tracks.frame_index)
    expected = (n_observations, layout.n_joints, layout.n_space)
    if tracks.joints_PVC.shape != expected:
        raise ValueError(f"joints of shape {tracks.joints_PVC.shape}, layout {layout.name} needs {expected}")
    scores_PV = tracks.scores_PV
    if scores_PV is not None and scores_PV.shape != expected[:2]:
        raise ValueError(f"confidences of shape {scores_PV.shape}, expected {expected[:2]}")
    if scores_PV is None and layout.is_image:
        raise ValueError(f"layout {layout.name} has a confidence, the source has none")
    if int(tracks.lengths.sum()) != n_observations or (tracks.lengths < 0).any():
        raise ValueError(f"track lengths add up to {int(tracks.lengths.sum())}, not to {n_observations} observations")
    if len(tracks.ids) != len(tracks.lengths):
        raise ValueError(f"{len(tracks.ids)} track ids for {len(tracks.lengths)} tracks")
    if n_observations and not 0 <= tracks.frame_index.min() <= tracks.frame_index.max() < tracks.frames:
        raise ValueError(f"a frame number outside 0 .. {tracks.frames - 1}")


def _gather(tracks: Tracks, spec: SplitSpec, layout: Layout, most_bodies: int) -> _Whole:
    """The kept bodies without a gap, from the first to the last frame that shows one of them."""
    source_T = np.arange(tracks.frames)
    if spec.gaps == "close":
        tracks, source_T = gaps.closed(tracks)
    measured_PV = joints.measured(tracks.joints_PVC, tracks.scores_PV)
    body_choice = choose_bodies(tracks, measured_PV, spec, most_bodies)
    places_MT = body_choice.places_MT
    shown = np.flatnonzero((places_MT >= 0).any(axis=0))
    if not len(shown):
        raise RefusedError("no usable body: no frame has a measured joint")
    places_MT = places_MT[:, shown[0] : shown[-1] + 1]
    gappy_MTVC, measured_MTV = joints.lay_out(tracks.joints_PVC, measured_PV, places_MT)
    confidence_MTV = None
    if layout.is_image and tracks.scores_PV is not None:
        confidence_MTV = np.where(measured_MTV, tracks.scores_PV[places_MT], 0.0)
    return _Whole(
        joints_MTVC=fill(gappy_MTVC, measured_MTV, layout.centre),
        measured_MTV=measured_MTV,
        confidence_MTV=confidence_MTV,
        source_T=source_T[shown[0] : shown[-1] + 1],
        body_choice=body_choice,
    )


def _normalise(whole: _Whole, spec: SplitSpec, layout: Layout) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Image axes, origin, rotate, scale; and what could not be done."""
    notes: tuple[str, ...] = ()
    moved_MTVC = image_axes(whole.joints_MTVC) if layout.is_image else whole.joints_MTVC
    if spec.origin != "none":
        moved_MTVC = align.to_origin(moved_MTVC, layout.centre, spec.origin == "every_frame")
    if spec.rotate != "none":
        matrix, clear = align.rotation(moved_MTVC[0, 0], layout, spec.rotate == "upright")
        notes += () if clear else (NOTE_UNTURNED,)
        moved_MTVC = align.rotate(moved_MTVC, matrix)
    if spec.scale == "torso" and layout.torso is not None:
        length = align.torso_length(moved_MTVC, whole.measured_MTV, layout.torso)
        notes += () if length is not None else (NOTE_UNSCALED,)
        moved_MTVC = moved_MTVC / (length or 1.0)
    return moved_MTVC, notes
