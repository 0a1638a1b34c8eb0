"""The drawing of one clip: the source's bodies on the left, what training sees on the right, on one time axis.

In: a clip as found. Out: `Scene`: positions on a screen (x right, y up, z away from the viewer), each with its frame,
its body, and which joints were measured. Joints that were not measured are drawn where interpolation in time puts them,
and marked. HTML and GIF are drawn from this alone.
Axes: P observations, M bodies kept, T frames, V joints, C coordinates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dastm.contract.clips import fill
from dastm.contract.skeleton import Layout
from pipeline.inspect.find import Found, Normalised
from pipeline.inspect.tracks import BodyFacts, Chosen
from pipeline.tracks import Tracks

CLIPPED = 1.0
"""Percent of positions on either side that may lie outside the picture: one joint far away must not shrink the rest."""
FAR = 1.6
"""The picture follows the body where a fixed one would have to be this many times as wide."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One side. Its own steps (source frames, or sampled ones) stand at frames of the source."""

    title: str
    points_PV3: NDArray[np.float64]
    measured_PV: NDArray[np.bool_]
    step_P: NDArray[np.int64]
    body_P: NDArray[np.int64]
    """Which of the scene's bodies (left), or of the kept bodies (right)."""
    slot_P: NDArray[np.int64]
    """Which kept body, for its colour; -1: not kept."""
    steps: tuple[int, ...]
    """The source frame of each step, not descending."""
    names: tuple[str, ...]
    """Short names of its bodies."""
    is_normalised: bool
    is_3d: bool


@dataclass(frozen=True, kw_only=True)
class View:
    """Where one looks. The picture follows somebody who walks through the room, or they would be tiny in it."""

    centres_S3: NDArray[np.float64]
    """(steps, 3) the middle of the picture."""
    radius: float
    """From there to its edge, whichever way it is turned."""
    floor: float
    """The height of the lowest joints."""


def view_of(panel: Panel) -> View:
    """The view of the bodies that are kept, or of all where none is."""
    kept_P = panel.slot_P >= 0
    shown_PV = panel.measured_PV & (kept_P if kept_P.any() else ~kept_P)[:, None]
    points, step = panel.points_PV3[shown_PV], np.repeat(panel.step_P, shown_PV.sum(axis=1))
    n_steps = len(panel.steps)
    if not len(points):
        return View(centres_S3=np.zeros((n_steps, 3)), radius=1.0, floor=0.0)
    low, high = np.percentile(points, [CLIPPED, 100 - CLIPPED], axis=0)
    middle, (width, height, depth) = (low + high) / 2, (high - low) / 2
    still = float(max(np.hypot(width, depth), height))
    followed_S3 = _followed(points, step, n_steps)
    followed_S3[:, 1] = middle[1]
    away = points - followed_S3[step]
    near = max(float(np.percentile(np.hypot(away[:, 0], away[:, 2]), 100 - CLIPPED)), height)
    follows = still > FAR * near
    return View(
        centres_S3=followed_S3 if follows else np.tile(middle, (n_steps, 1)),
        radius=max(1.08 * (near if follows else still), 1e-3),
        floor=float(low[1]),
    )


def _followed(points: NDArray[np.float64], step: NDArray[np.int64], n_steps: int) -> NDArray[np.float64]:
    """The mean of each step's points, smoothed over time; between the steps around it where a step has none."""
    count_S = np.bincount(step, minlength=n_steps)
    there = np.flatnonzero(count_S)
    half = n_steps // 30
    smooth = [
        np.convolve(
            np.pad(
                np.interp(np.arange(n_steps), there, np.bincount(step, points[:, c], n_steps)[there] / count_S[there]),
                half,
                mode="edge",
            ),
            np.full(2 * half + 1, 1 / (2 * half + 1)),
            mode="valid",
        )
        for c in range(3)
    ]
    return np.stack(smooth, axis=1)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One clip."""

    title: str
    frames: int
    """Frames of the source: the time axis."""
    layout: Layout
    panels: tuple[Panel, ...]
    bodies: tuple[BodyFacts, ...]
    """The source's bodies; none where only the shards' version is known."""
    slots: tuple[int, ...]
    """Which kept body each of the source's bodies mostly is, -1 for none."""

    @property
    def sampled(self) -> tuple[int, ...]:
        """The source frames that training sees; empty where the clip cannot be normalised."""
        return next((panel.steps for panel in self.panels if panel.is_normalised), ())


def scene_of(found: Found, chosen: Chosen | None) -> Scene:
    """What is to be drawn; `chosen` as in `summary_lines`."""
    panels: list[Panel] = []
    bodies: tuple[BodyFacts, ...] = ()
    slots: tuple[int, ...] = ()
    if chosen is not None and found.tracks is not None:
        panels.append(_source_panel(found.tracks, chosen, found.layout))
        bodies = chosen.bodies
        slots = tuple(_slot_of(rows) for rows in np.split(chosen.slot_P, np.cumsum(found.tracks.lengths)[:-1]))
    if found.normalised is not None:
        panels.append(_normalised_panel(found.normalised, chosen, found.layout, found.upright))
    return Scene(
        title=f"{found.key}: {found.class_name}",
        frames=found.frames,
        layout=found.layout,
        panels=tuple(panels),
        bodies=bodies,
        slots=slots,
    )


def _slot_of(slot_P: NDArray[np.int64]) -> int:
    """The kept body that these observations mostly are."""
    kept = slot_P[slot_P >= 0]
    return int(np.bincount(kept).argmax()) if len(kept) else -1


def _source_panel(tracks: Tracks, chosen: Chosen, layout: Layout) -> Panel:
    filled = np.concatenate(
        [
            fill(np.where(measured_TV[..., None], part_TVC, 0.0)[None], measured_TV[None], layout.centre)[0]
            for part_TVC, measured_TV in zip(
                *(np.split(a, np.cumsum(tracks.lengths)[:-1]) for a in (tracks.joints_PVC, chosen.measured_PV)),
                strict=True,
            )
        ]
    )
    unit = "fractions of the image" if layout.is_image else "metres"
    if layout.is_image:
        filled = filled * [1.0, -1.0]
    return Panel(
        title=f"source, {unit}",
        points_PV3=_three(filled, "y", layout),
        measured_PV=chosen.measured_PV,
        step_P=tracks.frame_index.astype(np.int64),
        body_P=np.repeat(np.arange(len(tracks.lengths)), tracks.lengths),
        slot_P=chosen.slot_P,
        steps=tuple(range(tracks.frames)),
        names=tuple(f"body {i}" for i in tracks.ids),
        is_normalised=False,
        is_3d=not layout.is_image,
    )


def _normalised_panel(normalised: Normalised, chosen: Chosen | None, layout: Layout, upright: bool) -> Panel:
    finite = np.isfinite(normalised.joints_MTVC)
    joints_MTVC = np.where(finite, normalised.joints_MTVC, 0.0).astype(np.float64)
    n_bodies, n_frames, n_joints = joints_MTVC.shape[:3]
    places = joints_MTVC[..., :2] if layout.is_image else joints_MTVC
    measured = joints_MTVC[..., 2] > 0 if layout.is_image else np.ones(joints_MTVC.shape[:3], np.bool_)
    if chosen is not None and len(chosen.places_MT) == n_bodies:
        places_MT = chosen.places_MT[:, list(normalised.frame_index)]
        measured = (places_MT >= 0)[..., None] & chosen.measured_PV[places_MT]
    measured = measured & finite.all(axis=3)  # damaged shards are looked at as well
    body_P = np.repeat(np.arange(n_bodies), n_frames)
    return Panel(
        title=f"normalised, {n_frames} frames",
        points_PV3=_three(places.reshape(-1, n_joints, places.shape[-1]), "z" if upright else "y", layout),
        measured_PV=measured.reshape(-1, n_joints),
        step_P=np.tile(np.arange(n_frames), n_bodies),
        body_P=body_P,
        slot_P=body_P,
        steps=normalised.frame_index,
        names=tuple(f"kept body {m}" for m in range(n_bodies)),
        is_normalised=True,
        is_3d=not layout.is_image,
    )


def _three(points_PVC: NDArray[np.float64], up: str, layout: Layout) -> NDArray[np.float64]:
    """x right, `up` upwards, the third coordinate away from the viewer, 0 where there is none.

    Where spines stand along z the viewer sees them from the side of the first body's face, as in the source.
    """
    if layout.is_image or points_PVC.shape[2] < 3:
        return np.concatenate([points_PVC[..., :2], np.zeros_like(points_PVC[..., :1])], axis=2)
    order = [0, 2, 1] if up == "z" else [0, 1, 2]
    return points_PVC[..., order] * ([1.0, 1.0, -1.0] if up == "z" else [1.0, 1.0, 1.0])
