"""Arrays of whole clips, bodies x frames x joints x coordinates -> `Tracks`; the step that all array sources share.

In: numbers of any kind, with or without confidences, and the block `parse.source`, which says how they are written.
Out: tracks as from every reader: 3-D in metres with y up, 2-D as fractions of the image with y down. A body is absent
from a frame if all its numbers are zero. A joint that is nan was not measured: it stays nan in 3-D, gets confidence 0
if there are confidences, and the clip is noted. A single joint at zero counts as measured, unless `parse.zero_joints`
says otherwise.

Axes: M bodies, T frames, V joints, C coordinates (x y in 2-D).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RefusedError
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.sources.padding import NOTE_REPEATS, find_end
from pipeline.tracks import FLOAT32_LIMIT, MAX_FRAMES, Tracks

NOTE_NAN = "nan_as_missing"

_TURNS: dict[str, tuple[tuple[int, int], ...]] = {
    "y": ((0, 1), (1, 1), (2, 1)),
    "z": ((0, 1), (2, 1), (1, -1)),
    "x": ((1, -1), (0, 1), (2, 1)),
    "-y": ((0, 1), (1, -1), (2, -1)),
    "-z": ((0, 1), (2, -1), (1, 1)),
    "-x": ((1, 1), (0, -1), (2, 1)),
}
"""up -> the source axis and sign that x, y and z are taken from; turns by 90 or 180 degrees, no mirror."""


def dense_tracks(
    clip_MTVC: NDArray[Any],
    scores_MTV: NDArray[Any] | None,
    layout: Layout,
    spec: SourceSpec,
    *,
    zero_is_missing: bool,
    image: str = "fractions",
    size: tuple[float, float] | None = None,
    frames_stated: bool = False,
    notes: tuple[str, ...] = (),
) -> Tracks:
    """Tracks of one clip without padding by repetition (see `padding`); a body's id is its place in the array.

    Args:
        clip_MTVC: C is 3, for 2-D layouts 2; one more where the confidence comes last.
        scores_MTV: confidences; None: those of the last coordinate, if it is one; else none in 3-D and 1 in 2-D.
        zero_is_missing: a joint at exactly zero was not measured (`ParseSpec.zero_is_missing`).
        image: how 2-D coordinates are written if `spec.image` does not say.
        size: width and height for `pixels`.
        frames_stated: whether the source states the number of frames; then a repetition to the end is noted, not cut.

    Raises: RefusedError for other shapes, numbers that are not finite as float32 (nan aside), and a clip without a
    body.
    """
    places_MTVC, scores_MTV = _divide(clip_MTVC, scores_MTV, layout)
    places_MTVC, scores_MTV, padded = _without_padding(places_MTVC, scores_MTV, frames_stated)
    places_MTVC, scores_MTV, lost_MTV = _without_nan(places_MTVC, scores_MTV)
    present_MT = _present(places_MTVC, scores_MTV)
    zero_MTV = ~np.any(places_MTVC, axis=3)
    if layout.is_image:
        if scores_MTV is None:
            known_MTV = ~zero_MTV if zero_is_missing else ~lost_MTV & present_MT[..., None]
            scores_MTV = known_MTV.astype(np.float32)
        written = spec.image or ("pixels" if spec.image_size else image)
        places_MTVC = _fractions(places_MTVC, scores_MTV > 0, written, size or spec.image_size)
    elif (spec.up, spec.unit_m, spec.mirrored) != ("y", 1.0, False):
        places_MTVC = upright(places_MTVC, spec.up, spec.unit_m, spec.mirrored)
    joints_MTVC = as_float32(places_MTVC, "coordinate")
    if not layout.is_image:
        known_zero_MTV = False if zero_is_missing else True if scores_MTV is None else scores_MTV > 0
        joints_MTVC[lost_MTV | zero_MTV & ~np.asarray(known_zero_MTV)] = np.nan
    return sparse_tracks(
        joints_MTVC,
        None if scores_MTV is None else as_float32(scores_MTV, "confidence"),
        present_MT,
        notes=(*notes, *padded, *([NOTE_NAN] if lost_MTV.any() else [])),
    )


def sparse_tracks(
    joints_MTVC: NDArray[np.float32],
    scores_MTV: NDArray[np.float32] | None,
    present_MT: NDArray[np.bool_],
    ids: NDArray[np.int64] | None = None,
    notes: tuple[str, ...] = (),
) -> Tracks:
    """Tracks of the bodies that are present at least once. Raises: RefusedError if none is."""
    n_frames = present_MT.shape[1]
    shown_M = present_MT.any(axis=1)
    if not shown_M.any():
        raise RefusedError(f"no body in any of {n_frames} frames")
    if n_frames > MAX_FRAMES:
        raise RefusedError(f"{n_frames} frames, more than {MAX_FRAMES}")
    return Tracks(
        frames=n_frames,
        ids=np.flatnonzero(shown_M).astype(np.int64) if ids is None else ids[shown_M],
        lengths=present_MT[shown_M].sum(axis=1).astype(np.int32),
        frame_index=np.nonzero(present_MT)[1].astype(np.int32),
        joints_PVC=joints_MTVC[present_MT],
        scores_PV=None if scores_MTV is None else scores_MTV[present_MT],
        notes=notes,
    )


def _divide(
    clip_MTVC: NDArray[Any], scores_MTV: NDArray[Any] | None, layout: Layout
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Positions and confidences of a clip whose shape and kind have been checked."""
    n_places = 2 if layout.is_image else 3
    expected = (n_places, n_places + 1)
    shape = clip_MTVC.shape
    if len(shape) != 4 or shape[2] != layout.n_joints or shape[3] not in expected:
        wanted = f"(bodies, frames, {layout.n_joints}, {' or '.join(map(str, expected))})"
        raise RefusedError(f"an array of shape {shape}, expected {wanted} as layout {layout.name} has")
    if shape[3] > n_places:
        clip_MTVC, last_MTV = clip_MTVC[..., :n_places], clip_MTVC[..., n_places]
        scores_MTV = last_MTV if scores_MTV is None else scores_MTV
    if scores_MTV is not None and scores_MTV.shape != shape[:3]:
        raise RefusedError(f"confidences of shape {scores_MTV.shape}, expected {shape[:3]}")
    for array in (clip_MTVC, scores_MTV):
        if array is not None and array.dtype.kind not in "fiu":
            raise RefusedError(f"an array of {array.dtype}, expected numbers")
    return clip_MTVC, scores_MTV


def _without_padding(
    places_MTVC: NDArray[Any], scores_MTV: NDArray[Any] | None, frames_stated: bool
) -> tuple[NDArray[Any], NDArray[Any] | None, tuple[str, ...]]:
    """The frames before a clip repeats itself to its end, and a note where it does."""
    scored = [] if scores_MTV is None else [scores_MTV[..., None]]
    ending = find_end(np.concatenate([places_MTVC, *scored], axis=3))
    if ending.note in (None, NOTE_REPEATS) or frames_stated:
        return places_MTVC, scores_MTV, (NOTE_REPEATS,) if ending.note else ()
    own_MT = np.arange(ending.frames) < ending.lengths_M[:, None]
    places_MTVC = np.where(own_MT[..., None, None], places_MTVC[:, : ending.frames], 0)
    if scores_MTV is not None:
        scores_MTV = np.where(own_MT[..., None], scores_MTV[:, : ending.frames], 0)
    return places_MTVC, scores_MTV, (ending.note,)


def _without_nan(
    places_MTVC: NDArray[Any], scores_MTV: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[np.bool_]]:
    """Joints with a nan, as zeros with confidence 0; and which they are."""
    lost_MTV = np.isnan(places_MTVC).any(axis=3)
    if scores_MTV is not None:
        lost_MTV |= np.isnan(scores_MTV)
    if not lost_MTV.any():
        return places_MTVC, scores_MTV, lost_MTV
    places_MTVC = np.where(lost_MTV[..., None], 0, places_MTVC)
    return places_MTVC, None if scores_MTV is None else np.where(lost_MTV, 0, scores_MTV), lost_MTV


def _fractions(
    places_MTVC: NDArray[Any], shown_MTV: NDArray[np.bool_], image: str, size: tuple[float, float] | None
) -> NDArray[Any]:
    """2-D coordinates as fractions of the image, y down; what is not shown stays as zero."""
    if image == "fractions":
        return places_MTVC
    if image == "centred":
        moved_MTVC = places_MTVC * np.array([1.0, -1.0]) + 0.5
        return np.where(shown_MTV[..., None] | places_MTVC.any(axis=3, keepdims=True), moved_MTVC, 0.0)
    if size is None or not all(0 < length < 1e9 for length in size):
        raise RefusedError("pixels of an image whose width and height are not known (parse.source.image_size)")
    return places_MTVC.astype(np.float64) / np.array(size, np.float64)


def upright(places_xC: NDArray[Any], up: str, unit_m: float, mirrored: bool = False) -> NDArray[np.float64]:
    """Positions in metres, turned so that the axis `up` becomes y, and mirrored back if they are `mirrored`."""
    axes, signs = zip(*_TURNS[up], strict=True)
    turned: NDArray[np.float64] = places_xC[..., axes].astype(np.float64) * np.array(signs) * unit_m
    return turned * np.array([-1.0, 1.0, 1.0]) if mirrored else turned


def _present(places_MTVC: NDArray[Any], scores_MTV: NDArray[Any] | None) -> NDArray[np.bool_]:
    present_MT: NDArray[np.bool_] = np.any(places_MTVC, axis=(2, 3))
    return present_MT if scores_MTV is None else present_MT | np.any(scores_MTV, axis=2)


def as_float32(
    values: NDArray[Any], what: str, axes: tuple[str, ...] = ("body", "frame", "joint")
) -> NDArray[np.float32]:
    """The numbers as float32. Raises: RefusedError, with the position, for one that is not finite as float32."""
    fit = np.abs(values.astype(np.float64, copy=False)) < FLOAT32_LIMIT
    if not fit.all():
        place = np.unravel_index(int(np.argmin(fit)), fit.shape)
        told = [f"{axis} {int(at) + (axis == 'frame')}" for axis, at in zip(axes, place, strict=False)]
        raise RefusedError(f"{what} {values[place]} at {', '.join(told)}, expected finite numbers")
    return values.astype(np.float32)
