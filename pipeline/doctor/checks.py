"""The arrays of one clip -> its doubts: one plain function per check, without severity and advice.

In: `Bodies` (see `observed`), the observations of all bodies of a clip, and the `Limits`. Out: `Doubt`s, at most one a
check and body, but two of `at_origin`.

Axes: as in `observed`, and E bones, T frames.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from dastm.contract.skeleton import Layout
from pipeline.audit.origin import share_at
from pipeline.doctor.limits import Limits
from pipeline.doctor.observed import Bodies, Floats, Ints, Mask
from pipeline.kernels.measures import extents

MOST_PAIRS = 100_000
"""Pairs of bodies that are compared; people are at most a few dozen in a clip."""


class Doubt(NamedTuple):
    """Name of the check, what it saw, and the 0-based frame where it shows best."""

    check: str
    what: str
    frame: int | None = None


def not_finite(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """NaN or infinity among coordinates or confidences; a 3-D joint that is nan throughout was not measured."""
    joints_PVC = bodies.tracks.joints_PVC
    lost_PV = np.isnan(joints_PVC).all(axis=2, keepdims=True) & (not bodies.is_image)
    wrong_P = ~(np.isfinite(joints_PVC) | lost_PV).all(axis=(1, 2))
    if bodies.tracks.scores_PV is not None:
        wrong_P |= ~np.isfinite(bodies.tracks.scores_PV).all(axis=1)
    if wrong_P.any():
        yield Doubt(
            "not_finite", f"NaN or infinity in {_n(wrong_P.sum(), 'observation')}", _first(bodies.frame_P, wrong_P)
        )


def nothing_measured(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """All joints of all bodies are marked as lost, or have no confidence."""
    if not bodies.measured_PV.any():
        yield Doubt("nothing_measured", f"not one measured joint in {_n(bodies.tracks.frames, 'frame')}")


def points(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """In every frame all joints of a body are at one point. 3-D only, where `split` moves it to the origin."""
    if bodies.is_image or bodies.joints_PVC.shape[1] < 2:
        return
    extents_PC, _ = extents(bodies.tracks, bodies.measured_PV)
    if extents_PC.max(initial=-1.0) == 0.0:
        yield Doubt("point", f"all joints of a body in one point, in {_n(bodies.tracks.frames, 'frame')}")


def zero_joints(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """Joints of the main body that are marked as lost (3-D) for long, or never found (2-D)."""
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
        what = f"joint {_joint(bodies.layout, worst)}{more} is lost in {lost_V[worst]:.0%} of the main body's frames"
        yield Doubt("zero_joints", what)


def at_origin(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """Joints of the main body that are measured at exactly (0, 0, 0) in nearly all frames, or in some.

    In an image (0, 0) is its corner, or its middle where the source counts from there.
    """
    rows = bodies.rows[bodies.main]
    share_V = share_at(bodies.joints_PVC[rows], bodies.measured_PV[rows])
    where, frames = "(0, 0)" if bodies.is_image else "(0, 0, 0)", "of the main body's frames"
    over = np.flatnonzero(share_V >= limits.origin_share)
    some = np.flatnonzero(share_V >= limits.origin_least)
    if len(some) > len(over):
        worst = max(sorted({*some.tolist()} - {*over.tolist()}), key=lambda joint: share_V[joint])
        what = f"joint {_joint(bodies.layout, worst)} is {where} in {share_V[worst]:.0%} {frames}"
        yield Doubt("at_origin", f"{what} only: lost there, most likely (parse.zero_joints: missing)")
    if len(over):
        first = int(over[0])
        more = f" (and {len(over) - 1} more)" if len(over) > 1 else ""
        what = f"joint {_joint(bodies.layout, first)}{more} is {where} in {share_V[first]:.0%} {frames}"
        yield Doubt("at_origin", what)


def frozen_tail(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """At the end of the clip, no body changes from frame to frame, to the bit."""
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
    n_empty = bodies.tracks.frames - n_seen
    if n_seen and n_empty > limits.empty_share * bodies.tracks.frames:
        yield Doubt("empty_frames", f"{n_empty} of {bodies.tracks.frames} frames show nobody")


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
    """Joints that are too far away for any camera; confidences that cannot be confidences."""
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
    """Bodies besides the main one that are not people: crumpled, wider than tall, or seen briefly. 3-D only, y is
    up."""
    if bodies.is_image:
        return
    main_frames = bodies.frame_P[bodies.rows[bodies.main]]
    for number, rows in enumerate(bodies.rows):
        seen_PV = bodies.measured_PV[rows]
        if number == bodies.main or not seen_PV.any():
            continue
        is_beside = bool(np.isin(bodies.frame_P[rows], main_frames).any())  # if not: one person under two ids
        brief = min(limits.ghost_frames, math.ceil(bodies.tracks.frames / 2)) if is_beside else 0
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


def new_id(bodies: Bodies, limits: Limits) -> Iterator[Doubt]:
    """A body begins soon after another has ended, in the same place: most likely one person under two ids. 3-D only."""
    shown = [rows for rows in bodies.rows if bodies.seen_P[rows].any()]
    if bodies.is_image or len(shown) < 2:
        return
    for before, after in _soon_after(bodies, shown, limits):
        ends, begins = shown[before].stop - 1, shown[after].start
        both_V = bodies.measured_PV[ends] & bodies.measured_PV[begins]
        apart_VC = bodies.joints_PVC[begins, both_V] - bodies.joints_PVC[ends, both_V]
        if both_V.any() and np.median(np.linalg.norm(apart_VC, axis=1)) < limits.same_place:
            old, new = (bodies.tracks.ids[bodies.rows.index(shown[b])] for b in (before, after))
            yield Doubt("new_id", f"body {old} seems to go on as body {new}", int(bodies.frame_P[begins]))
            return


def _soon_after(bodies: Bodies, shown: list[slice], limits: Limits) -> Iterator[tuple[int, int]]:
    """Pairs of bodies of which the second begins soon after the first has ended; at most MOST_PAIRS of them.

    Of a million pairs of 20,000 bodies none is in memory but the one at hand.
    """
    first_B = np.array([bodies.frame_P[rows.start] for rows in shown])
    order_B = np.argsort(first_B, kind="stable")
    sorted_B = first_B[order_B]
    left = MOST_PAIRS
    for before, rows in enumerate(shown):
        last = bodies.frame_P[rows.stop - 1]
        start, stop = np.searchsorted(sorted_B, [last + 1, last + limits.same_frames + 1])
        for after in np.sort(order_B[start:stop][:left]):
            yield before, int(after)
        left -= min(left, int(stop - start))
        if not left:
            return


CHECKS: tuple[Callable[[Bodies, Limits], Iterator[Doubt]], ...] = (
    *(not_finite, nothing_measured, points, zero_joints, at_origin, frozen_tail, empty_frames, short),
    *(many_bodies, ghosts, new_id, bones, jump, far),
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
