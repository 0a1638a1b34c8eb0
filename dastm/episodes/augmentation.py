"""How a network sees clips: which frames, turned and scaled how. A source in, a source of changed clips out.

`center_frames` is for evaluation: the same clips always look the same. `augmented` is for training: the frames are
drawn for every episode, one of each equal segment (TSN; Wang et al., ECCV 2016) or part of the path (`path_points`),
and clips are cut, turned about the vertical, scaled, given other proportions (`variation`) and jittered. All random
choices are a pure function of the seed and of the clips that are asked for together, so a training that is continued
sees the same clips.

Axes: L clips, M bodies, T stored frames, F seen frames, V joints, C coordinates.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import Layout
from dastm.episodes.collate import Selection
from dastm.episodes.episode import ClipBatch
from dastm.episodes.fetch import EpisodeSource, Wrapped
from dastm.episodes.path_sampling import drawn_shares
from dastm.episodes.variation import cropped, drawn_cuts, other_bodies
from dastm.layers.full_product import full_product
from dastm.layers.path_points import along_path, even_shares

Doubles = NDArray[np.float64]


Look = Callable[[Tensor, Selection], Tensor]
"""Joints (L, M, T, V, C) of the clips selected to joints (L, M, F, V, C)."""


@dataclass(frozen=True)
class View(Wrapped):
    """A source whose clips are changed by a function."""

    look: Look

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """The changed clips; random choices for one selection do not depend on the others."""
        batches = self.source.clips(subset, selections)
        return [self._seen(clips, selected) for clips, selected in zip(batches, selections, strict=True)]

    def _seen(self, clips: ClipBatch, selected: Selection) -> ClipBatch:
        return replace(clips, joints_LMTVC=self.look(clips.joints_LMTVC, selected))


def center_frames(source: EpisodeSource, n_frames: int | None, sampling: str = "time") -> EpisodeSource:
    """Clips with the middle frame of each of `n_frames` equal segments, or with points at equal steps of their paths.

    Args:
        n_frames: number of frames; None: as many as are stored.
        sampling: `time` or `path`.

    Raises: RunError for more frames than are stored if sampled in time, or of shards whose frames are scrambled.
    """
    n_stored, n_seen = source.manifest.frames, checked_frames(source.manifest, n_frames, sampling)
    if sampling == "path":
        return View(source, partial(_evenly, even_shares(n_seen), source.manifest.layout.n_space))
    if n_seen == n_stored:
        return source
    middle_F = (2 * torch.arange(n_seen) + 1) * n_stored // (2 * n_seen)
    return View(source, lambda joints, _: joints.index_select(2, _on(middle_F, joints)))


def _evenly(shares_F: Tensor, n_space: int, joints_LMTVC: Tensor, _: Selection) -> Tensor:
    return along_path(joints_LMTVC, _on(shares_F, joints_LMTVC).expand(len(joints_LMTVC), -1), n_space)


def augmented(
    source: EpisodeSource,
    *,
    n_frames: int | None = None,
    sampling: str = "time",
    yaw: float = 0.0,
    scale: float = 0.0,
    noise: float = 0.0,
    crop: float = 0.0,
    stretch: float = 0.0,
    limbs: float = 0.0,
    drop: float = 0.0,
    seed: int,
) -> EpisodeSource:
    """Clips that look different in every episode.

    Args:
        n_frames: number of frames, one drawn from each equal segment of the stored ones; None: all frames.
        sampling: `path`: points drawn from equal parts of the path instead, with its two ends.
        yaw: largest angle in degrees by which a clip is turned about the vertical, in either direction.
        scale: largest change of a clip's size, as a share of it.
        noise: standard deviation of the noise on every coordinate but a confidence, in the units of the shards; joints
            that were not measured (all zeros) stay zero.
        crop: largest share of the stored frames that is cut at each end, each end with probability 1/2.
        stretch: standard deviation of the logarithm of a factor for each spatial axis.
        limbs, drop: other lengths of limbs, and joints that were not seen, see `variation.other_bodies`.
        seed: the seed of all random choices.

    Raises: RunError for more frames than are stored, a yaw of skeletons that are not in three dimensions, or what needs
        frames or coordinates of shards in which they are scrambled.
    """
    manifest = source.manifest
    n_seen, layout = checked_frames(manifest, n_frames, sampling), manifest.layout
    _check_asked(manifest, yaw=yaw, crop=crop, stretch=stretch, limbs=limbs)
    resampled = sampling == "path" or n_seen != manifest.frames
    if not (resampled or yaw or scale or noise or crop or stretch or limbs or drop):
        return source
    vertical = 2 if manifest.definition.get("split", {}).get("rotate") == "upright" else 1

    def look(joints: Tensor, selected: Selection) -> Tensor:
        rng = np.random.default_rng(np.random.SeedSequence([seed, *(number for clip in selected for number in clip)]))
        if crop:
            cuts_LD = drawn_cuts(len(joints), manifest.frames, crop, rng)
            joints = cropped(joints, cuts_LD, layout.centre, layout.n_space)
        if sampling == "path":
            joints = along_path(joints, _on(drawn_shares(len(joints), n_seen, rng), joints), layout.n_space)
        elif resampled:
            joints = _at_frames(joints, drawn_frames(len(joints), manifest.frames, n_seen, rng))
        if yaw or scale or stretch:
            angles_L = rng.uniform(-math.radians(yaw), math.radians(yaw), len(joints))
            maps_LCC = similarities(angles_L, rng.uniform(1 - scale, 1 + scale, len(joints)), layout, vertical)
            if stretch:
                maps_LCC *= drawn_stretch(len(joints), stretch, layout, rng)[:, None]
            joints = full_product(joints, _on(maps_LCC, joints)[:, None, None])
        joints = other_bodies(joints, layout, rng, limbs=limbs, drop=drop)
        return _jittered(joints, noise, layout, int(rng.integers(2**63))) if noise else joints

    return View(source, look)


def _check_asked(manifest: Manifest, *, yaw: float, **others: float) -> None:
    """Raise RunError for changes that are impossible for the clips of these shards."""
    for key, value in {"yaw": yaw, **others}.items():
        if value:
            check_order(manifest, f"augment.{key}")
    if yaw and (manifest.layout.is_image or len(manifest.layout.coordinates) != 3):
        raise RunError(f"augment.yaw: {manifest.dataset} is 2-D and has no vertical to turn about; set it to 0")


def checked_frames(manifest: Manifest, n_frames: int | None, sampling: str = "time") -> int:
    """Number of frames used of the shards' clips. Raises: RunError if they hold fewer and none are interpolated."""
    stored = manifest.frames
    if n_frames is not None:
        check_order(manifest, "augment.n_frames")
    if sampling == "path":
        check_order(manifest, "augment.sampling: path")
    elif n_frames is not None and n_frames > stored:
        raise RunError(
            f"augment.n_frames: {n_frames} frames of clips that hold {stored}; lower it, split with more frames, or set"
            " augment.sampling: path"
        )
    return n_frames or stored


def check_order(manifest: Manifest, asked: str) -> None:
    """Raise RunError for changes that need frames and coordinates, if the shards have them scrambled."""
    split = manifest.definition.get("split")
    if isinstance(split, Mapping) and split.get("frame_order") == "scrambled":
        raise RunError(
            f"{asked}: not of shards whose frames are scrambled (split.frame_order), as these of"
            f" {manifest.dataset} are; leave it out, or split with `frame_order: time`"
        )


def drawn_frames(n_clips: int, n_stored: int, n_frames: int, rng: np.random.Generator) -> Tensor:
    """Draw a frame from each of `n_frames` equal segments of `n_stored` frames, for every clip separately -> (L, F)."""
    first_F = np.arange(n_frames) * n_stored // n_frames
    end_F = np.maximum(first_F + 1, np.arange(1, n_frames + 1) * n_stored // n_frames)
    return torch.from_numpy(rng.integers(first_F, end_F, size=(n_clips, n_frames)))


def similarities(angles_L: Doubles, factors_L: Doubles, layout: Layout, vertical: int) -> Tensor:
    """Matrices for rows of coordinates: a turn about an axis by an angle, then a scaling.

    Shapes: angles_L (L,) radians and factors_L (L,) -> (L, C, C) float32. A confidence is not changed, and images
    (angle 0) are only scaled.
    """
    n_coordinates, n_space = len(layout.coordinates), layout.n_space
    maps_LCC = np.tile(np.eye(n_coordinates), (len(angles_L), 1, 1))
    if n_space == 3:
        a, b = (axis for axis in range(3) if axis != vertical)
        maps_LCC[:, a, a] = maps_LCC[:, b, b] = np.cos(angles_L)
        maps_LCC[:, a, b], maps_LCC[:, b, a] = np.sin(angles_L), -np.sin(angles_L)
    maps_LCC[:, :n_space] *= factors_L[:, None, None]
    return torch.from_numpy(maps_LCC.astype(np.float32))


def drawn_stretch(n_clips: int, deviation: float, layout: Layout, rng: np.random.Generator) -> Tensor:
    """Draw a factor for every coordinate, 1 for a confidence -> (L, C) float32."""
    factors_LC = np.exp(rng.normal(0, deviation, (n_clips, len(layout.coordinates))))
    factors_LC[:, layout.n_space :] = 1
    return torch.from_numpy(factors_LC.astype(np.float32))


def _on(values: Tensor, joints: Tensor) -> Tensor:
    return values.to(joints.device, non_blocking=True)


def _at_frames(joints_LMTVC: Tensor, frames_LF: Tensor) -> Tensor:
    n_clips, n_bodies, _, n_joints, n_coordinates = joints_LMTVC.shape
    index = _on(frames_LF, joints_LMTVC)[:, None, :, None, None]
    return joints_LMTVC.gather(2, index.expand(n_clips, n_bodies, -1, n_joints, n_coordinates))


def _jittered(joints_LMTVC: Tensor, noise: float, layout: Layout, seed: int) -> Tensor:
    generator = torch.Generator(joints_LMTVC.device).manual_seed(seed)
    drawn = torch.randn(joints_LMTVC.shape, generator=generator, device=joints_LMTVC.device) * noise
    if layout.is_image:
        drawn[..., -1] = 0
    return joints_LMTVC + drawn * joints_LMTVC.any(-1, keepdim=True)
