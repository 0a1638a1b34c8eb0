"""Recorded clips of any layout -> the input of an encoder.

In: `Clip`s of any layouts. Out: joints of the encoder's common layout at the points along the path, and the frame of
the recording at each point. The steps are those of `dastm-data split` and of a run with a common layout: fill gaps,
choose a frame of each segment, map joints, move, turn and scale the clip by its own landmarks, sample points along its
path. Whatever else `split` moves, turns and scales is undone by the common layout, so it is left out here.

Axes: L clips, M = 1 body, T frames, F points that the encoder sees, V joints, C coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.clips import fill, image_axes, segment_frames
from dastm.contract.mapping import halves
from dastm.contract.skeleton import Layout
from dastm.episodes.common import common_form
from dastm.episodes.episode import ClipBatch
from dastm.layers.gaps import without_gaps
from dastm.layers.path_points import along_path, even_shares
from dastm.recogniser.clips import Clip


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How clips are prepared for an encoder: its layout, and the numbers of frames and of points along the path."""

    layout: Layout
    """The common layout."""
    n_frames: int
    """Number of frames of a recording, one from each of as many equal segments."""
    n_points: int
    """Points along the path through these frames."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """Clips as the input of an encoder."""

    batch: ClipBatch
    """(L, 1, F, V, C)"""
    frames_LF: NDArray[np.float64]
    """The frame of the recording at each point; not a whole number where the point was interpolated."""


def prepare(clips: Sequence[Clip], preparation: Preparation) -> Prepared:
    """Prepare each clip, independently of the others.

    Raises: ValueError naming the file and the joint that cannot be computed from its layout.
    """
    joints_LMTVC = _common(clips, preparation)
    shares_LF = even_shares(preparation.n_points).expand(len(clips), -1)
    is_image, n_space = preparation.layout.is_image, preparation.layout.n_space
    places = without_gaps(joints_LMTVC) if is_image else joints_LMTVC
    clock = torch.arange(preparation.n_frames, dtype=torch.float64).view(-1, 1, 1)
    timed = torch.cat([places.double(), 1 + clock.expand(*places.shape[:4], 1)], dim=-1)
    at_LF = along_path(timed, shares_LF, n_space)[:, 0, :, 0, -1].numpy() - 1
    return Prepared(
        batch=ClipBatch(
            joints_LMTVC=along_path(joints_LMTVC, shares_LF, n_space),
            present_LM=torch.ones(len(clips), 1, dtype=torch.bool),
        ),
        frames_LF=np.stack([_in_recording(clip, at_F, preparation) for clip, at_F in zip(clips, at_LF, strict=True)]),
    )


def check_fits(clip: Clip, common: Layout) -> None:
    """Raise ValueError, naming the file, if a clip cannot be mapped to the common layout of an encoder."""
    reason = _misfit(clip.layout, common)
    if reason:
        raise ValueError(f"{clip.source}: {reason}")


@lru_cache(maxsize=256)
def _misfit(layout: Layout, common: Layout) -> str:
    if layout.is_image != common.is_image:
        kinds = ["a pose in an image" if one.is_image else "a 3-D skeleton" for one in (layout, common)]
        return f"{kinds[0]} ({layout.name}), and the encoder knows {kinds[1]} ({common.name})"
    try:
        halves(layout, common)
    except ValueError as error:
        return str(error)
    return ""


def whole(clip: Clip) -> NDArray[np.float64]:
    """A clip without gaps, x right and y up -> (T, V, C): what can be drawn, in the layout of its source.

    The confidence of an image stays 0 where a joint was not measured.
    """
    measured_TV, n_space = clip.measured(), clip.layout.n_space
    places_TVC = np.where(measured_TV[..., None], clip.joints_TVC[..., :n_space].astype(np.float64), 0.0)
    filled_TVC: NDArray[np.float64] = fill(places_TVC[None], measured_TV[None], clip.layout.centre)[0]
    if not clip.layout.is_image:
        return filled_TVC
    confidence_TV1 = np.where(measured_TV, clip.joints_TVC[..., 2], 0.0)[..., None]
    return np.concatenate([image_axes(filled_TVC), confidence_TV1], axis=2)


def _common(clips: Sequence[Clip], preparation: Preparation) -> Tensor:
    """(L, 1, T, V, C) in the common layout, at the chosen frames; all clips have one layout."""
    rows: dict[Layout, list[int]] = {}
    for row, clip in enumerate(clips):
        rows.setdefault(clip.layout, []).append(row)
    found: dict[int, Tensor] = {}
    for layout, own in rows.items():
        check_fits(clips[own[0]], preparation.layout)
        to_common = common_form(layout, preparation.layout)
        taken = [whole(clips[row])[segment_frames(clips[row].n_frames, preparation.n_frames)] for row in own]
        found |= dict(zip(own, to_common(torch.from_numpy(np.stack(taken).astype(np.float32))[:, None]), strict=True))
    return torch.stack([found[row] for row in range(len(clips))])


def _in_recording(clip: Clip, at_F: NDArray[np.float64], preparation: Preparation) -> NDArray[np.float64]:
    at_T = segment_frames(clip.n_frames, preparation.n_frames)
    frames_F = np.interp(at_F, np.arange(preparation.n_frames), at_T)
    return np.asarray(frames_F + clip.first_frame, dtype=np.float64)
