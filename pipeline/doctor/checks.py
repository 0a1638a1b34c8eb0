"""One clip's arrays -> its doubts: a plain function a check, no policy on what to do about them.

In: `Bodies`, the observations of all bodies of a clip, and the `Limits`. Out: `Doubt`s, at most one a check and body.
Work and memory grow with the observations that the source holds, never with the frames or bodies that it claims.

Axes: P observations (body after body, each in order of its frames), B bodies, V joints, C coordinates, E bones,
T frames, S steps (an observation whose predecessor is the same body one frame before).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.skeleton import Layout
from pipeline.doctor.limits import Limits
from pipeline.formats.tracks import Tracks
from pipeline.kernels.bodies import spread
from pipeline.kernels.joints import measured

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Doubt(NamedTuple):
    """Name of the check, what it saw, and the 0-based frame where it shows best."""

    check: str
    what: str
    frame: int | None = None


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
    _check_shapes(tracks, layout)
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
        main=int(np.argmax(spread(tracks, measured_PV))) if measured_PV.any() else 0,
        step_S=np.flatnonzero(follows) + 1,
    )


def _check_shapes(tracks: Tracks, layout: Layout | None) -> None:
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
    if layout is not None and shape[1:] != (layout.n_joints, len(layout.coordinates) - layout.is_image):
        raise ValueError(f"{shape[1]} joints of {shape[2]} coordinates, layout {layout.name} has {layout.n_joints}")


def not_finite(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """NaN or infinity among coordinates or confidences."""
    wrong_P = ~np.isfinite(bodies.tracks.joints_PVC).all(axis=(1, 2))
    if bodies.tracks.scores_PV is not None:
        wrong_P |= ~np.isfinite(bodies.tracks.scores_PV).all(axis=1)
    if wrong_P.any():
        yield Doubt(
            "not_finite", f"NaN or infinity in {_n(wrong_P.sum(), 'observation')}", _first(bodies.frame_P, wrong_P)
        )


def nothing_measured(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """All joints of all bodies are zero, or without confidence."""
    if not bodies.measured_PV.any():
        yield Doubt("nothing_measured", f"not one measured joint in {_n(bodies.tracks.frames, 'frame')}")


def zero_joints(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """Joints of the main body that are zero (3-D) for long, or never found (2-D)."""
    shown_PV = bodies.measured_PV[bodies.rows[bodies.main]]
    if not shown_PV.any():
        return
    lost_V = 1.0 - shown_PV.mean(axis=0)
    if bodies.is_image:
        share = float((lost_V == 1.0).mean())
        if share > limits.never_found:
            yield Doubt("zero_joints", f"{share:.0%} of the main body's joints are never found")
        return
    over = np.flatnonzero(lost_V > limits.zero_share)
    if len(over):
        worst = int(np.argmax(lost_V))
        more = f" (and {len(over) - 1} more)" if len(over) > 1 else ""
        what = f"joint {_joint(bodies.layout, worst)}{more} is zero in {lost_V[worst]:.0%} of the main body's frames"
        yield Doubt("zero_joints", what)


def frozen_tail(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """At the end, every body is where it was in the frame before, to the bit, frame after frame."""
    shown = bodies.seen_P
    if not shown.any():
        return
    step_S = bodies.step_S
    still_S = (bodies.joints_PVC[step_S] == bodies.joints_PVC[step_S - 1]).all(axis=(1, 2)) & shown[step_S]
    frames = bodies.tracks.frames
    n_shown_T = np.bincount(bodies.frame_P[shown], minlength=frames)
    n_still_T = np.bincount(bodies.frame_P[step_S[still_S]], minlength=frames)
    seen = np.flatnonzero(n_shown_T)
    moves = np.flatnonzero(n_still_T[seen] < n_shown_T[seen])  # the first frame has nothing to be equal to
    tail = len(seen) - 1 - int(moves[-1])
    if tail >= limits.frozen_frames:
        all_of_it = "all frames are the same" if len(moves) == 1 else f"the last {tail} frames repeat one"
        yield Doubt("frozen_tail", f"frozen: {all_of_it} ({_n(frames, 'frame')})", int(seen[moves[-1]]) + 1)


def empty_frames(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """Most frames show nobody."""
    n_seen = len(np.unique(bodies.frame_P[bodies.seen_P]))
    share = 1.0 - n_seen / bodies.tracks.frames
    if n_seen and share > limits.empty_share:
        yield Doubt("empty_frames", f"{share:.0%} of {bodies.tracks.frames} frames show nobody")


def short(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """Hardly any frame shows a body."""
    n_seen = len(np.unique(bodies.frame_P[bodies.seen_P]))
    if 0 < n_seen < limits.short_frames:
        yield Doubt("short", f"only {_n(n_seen, 'frame')} with a body")


def many_bodies(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """More bodies than `split` usually keeps: at once, or one after the other (an id that changed)."""
    n_T = np.bincount(bodies.frame_P)
    n_bodies = len(bodies.rows)
    if n_T.max() > limits.bodies:
        yield Doubt("many_bodies", f"{n_T.max()} bodies at once", int(np.argmax(n_T)))
    elif n_bodies > limits.bodies:
        yield Doubt("many_bodies", f"{n_bodies} body ids, at most {_n(n_T.max(), 'body', 'bodies')} at once")


def jump(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """A whole body, or one joint, moves farther in one frame than a person can. 3-D only: a 2-D track is no person."""
    step_S = bodies.step_S
    if bodies.is_image or not len(step_S):
        return
    moved_SV = np.sqrt(np.square(bodies.joints_PVC[step_S] - bodies.joints_PVC[step_S - 1]).sum(axis=2))
    moved_SV[~(bodies.measured_PV[step_S] & bodies.measured_PV[step_S - 1])] = 0.0
    whole_S = np.median(moved_SV, axis=1)
    s = int(np.argmax(whole_S))
    if whole_S[s] > limits.jump_body:
        yield Doubt("jump", f"a body jumps {_m(whole_S[s])} in one frame", int(bodies.frame_P[step_S[s]]))
        return
    s, v = (int(i) for i in np.unravel_index(np.argmax(moved_SV), moved_SV.shape))
    if moved_SV[s, v] > limits.jump_joint:
        what = f"joint {_joint(bodies.layout, v)} jumps {_m(moved_SV[s, v])} in one frame"
        yield Doubt("jump", what, int(bodies.frame_P[step_S[s]]))


def bones(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """Bones of the main body that are too long or too short for a person, or whose length is not steady. 3-D only."""
    layout = bodies.layout
    if layout is None or bodies.is_image or not layout.bones:
        return
    rows, ends_E2 = bodies.rows[bodies.main], np.array(layout.bones)
    joints_PVC, shown_PV = bodies.joints_PVC[rows], bodies.measured_PV[rows]
    lines_PEC = joints_PVC[:, ends_E2[:, 0]] - joints_PVC[:, ends_E2[:, 1]]
    known_PE = shown_PV[:, ends_E2[:, 0]] & shown_PV[:, ends_E2[:, 1]]
    length_PE = np.sqrt(np.square(lines_PEC).sum(axis=2))
    median_E = _medians(length_PE, known_PE)
    longest = int(np.argmax(median_E))
    if median_E[longest] > limits.bone_max:
        yield Doubt("bones", f"{_bone(layout, longest)} is {_m(median_E[longest])} long")
        return
    if 0.0 < median_E[longest] < limits.bone_min:
        yield Doubt("bones", f"the longest bone, {_bone(layout, longest)}, is {_m(median_E[longest])}")
        return
    allowed_E = np.maximum(limits.bone_change * median_E, limits.bone_change_m)
    off_PE = known_PE & (np.abs(length_PE - median_E) > allowed_E)
    share_E = off_PE.sum(axis=0) / np.maximum(known_PE.sum(axis=0), 1)
    worst = int(np.argmax(share_E))
    if share_E[worst] > limits.bone_share:
        what = f"{_bone(layout, worst)} of {_m(median_E[worst])} is longer or shorter in {share_E[worst]:.0%} of frames"
        yield Doubt("bones", what, _first(bodies.frame_P[rows], off_PE[:, worst]))


def far(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """Joints where no camera sees them; confidences that are none."""
    places_PV = np.where(bodies.measured_PV[..., None], bodies.joints_PVC, 0.0)
    if bodies.is_image:
        out_P = ((places_PV < -limits.outside) | (places_PV > 1.0 + limits.outside)).any(axis=(1, 2))
        what = f"joints outside the image, coordinates from {places_PV.min():.4g} to {places_PV.max():.4g}"
    else:
        out_P = (np.abs(places_PV) > limits.far).any(axis=(1, 2))
        what = f"a coordinate of {_m(np.abs(places_PV).max())}"
    if out_P.any():
        yield Doubt("far", what, _first(bodies.frame_P, out_P))
    scores_PV = bodies.tracks.scores_PV
    if scores_PV is not None:
        odd_P = ((scores_PV < 0.0) | (scores_PV > limits.score_max)).any(axis=1)
        if odd_P.any():
            what = f"confidences from {np.nanmin(scores_PV):.4g} to {np.nanmax(scores_PV):.4g}"
            yield Doubt("far", what, _first(bodies.frame_P, odd_P))


def ghosts(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """Bodies beside the main one that are no people: crumpled, wider than tall, or gone at once. 3-D only, y is up."""
    if bodies.is_image:
        return
    for number, rows in enumerate(bodies.rows):
        seen_PV = bodies.measured_PV[rows]
        if number == bodies.main or not seen_PV.any():
            continue
        brief = min(limits.ghost_frames, math.ceil(bodies.tracks.frames / 2))
        why = _ghostly(bodies.joints_PVC[rows], seen_PV, brief, limits)
        if why:
            yield Doubt("ghost", f"body {bodies.tracks.ids[number]} {why}", int(bodies.frame_P[rows.start]))


def _ghostly(joints_PVC: Floats, seen_PV: Mask, brief: int, limits: Limits) -> str:
    if len(joints_PVC) < brief:
        return f"is seen in {_n(len(joints_PVC), 'frame')} only"
    whole = seen_PV.any(axis=1)
    joints_PVC, seen_PV1 = joints_PVC[whole], seen_PV[whole, :, None]
    high_PC = np.where(seen_PV1, joints_PVC, -np.inf).max(axis=1)
    low_PC = np.where(seen_PV1, joints_PVC, np.inf).min(axis=1)
    box_C = np.median(high_PC - low_PC, axis=0)
    if box_C.max() < limits.ghost_size:
        return f"is crumpled into {_m(box_C.max())}"
    if box_C[0] > limits.ghost_width * box_C[1]:
        return f"is wider ({_m(box_C[0])}) than tall ({_m(box_C[1])})"
    return ""


CHECKS: tuple[Callable[[Bodies, Limits], Iterator[Doubt]], ...] = (
    *(not_finite, nothing_measured, zero_joints, frozen_tail, empty_frames, short),
    *(many_bodies, ghosts, bones, jump, far),
)


def examine(bodies: Bodies, limits: Limits) -> list[Doubt]:
    """The doubts of all checks, in the order of CHECKS."""
    return [doubt for check in CHECKS for doubt in check(bodies, limits)]


def _medians(values_PE: Floats, known_PE: Mask) -> Floats:
    """The (lower) median of each column's known values; 0 where it has none."""
    sorted_PE = np.sort(np.where(known_PE, values_PE, np.inf), axis=0)
    count_E = known_PE.sum(axis=0)
    medians_E: Floats = sorted_PE[np.maximum(count_E - 1, 0) // 2, np.arange(len(count_E))]
    return np.where(count_E > 0, medians_E, 0.0)


def _first(frame_P: Ints, wrong_P: Mask | np.bool_) -> int:
    return int(frame_P[wrong_P].min())


def _joint(layout: Layout | None, joint: int) -> str:
    return repr(layout.joints[joint]) if layout is not None else str(joint)


def _bone(layout: Layout, bone: int) -> str:
    end, start = (layout.joints[joint] for joint in layout.bones[bone])
    return f"bone '{start} - {end}'"


def _m(metres: float) -> str:
    return f"{metres:.3g} m"


def _n(count: int, what: str, plural: str | None = None) -> str:
    return f"{count} {what if count == 1 else plural or what + 's'}"
