"""Maps a source to a common layout, and normalises every clip again, always in the same way.

In: a source of any layout that can be mapped, and the name of a common layout. Out: a source of that layout in which a
clip has the same numbers, however `dastm-data split` prepared it. The origin is the hip centre of the first body in the
first frame. In 3-D, y is up, and the lines from left to right through shoulders and hips are along x as a mean over the
clip. The median length from hip centre to neck is 1; in `standard19` the other bones have standard lengths. Some
preparations lose information that cannot be restored; `lost` says which.

Axes: L clips, M bodies, T frames, V joints, C coordinates (without the confidence of an image).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dastm.contract.errors import RunError
from dastm.contract.mapping import halves
from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import COMMON, STANDARD19, Layout
from dastm.episodes.augmentation import View
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.standard_body import standard_body

LEAST_FLAT = 0.1
"""If the mean of the lines from left to right, seen from above, is a smaller share of their length than this, they say
nothing about where a body faces: it lies, or turns all the way round."""
SMALLEST_TORSO = 0.01
"""A torso below this share of the clip's largest coordinate is a failed measurement: the clip is left in its size."""
LOST = {
    ("origin", "every_frame"): "the movement of the body through the room is lost",
    ("rotate", "upright"): "the spine of the first frame counts as the vertical",
}
"""(key, value) of a split block -> what is lost by it."""


@dataclass(frozen=True)
class Mapped(View):
    """A source whose clips are mapped to a common layout."""

    common: Manifest

    @property
    def manifest(self) -> Manifest:
        """The manifest with the common layout, whose name is also the preparation."""
        return self.common


def mapped(source: EpisodeSource, layout: str | None) -> EpisodeSource:
    """The source in a common layout; the source itself for None, or if it already has that layout.

    Raises: RunError naming a joint that cannot be computed, or for shards with scrambled frames.
    """
    stored = source.manifest
    common = mapped_manifest(stored, layout)
    if common is stored:
        return source
    split = _split(stored)
    zero, upright = split.get("missing_joints") == "zero", split.get("rotate") == "upright"
    to_common = common_form(stored.layout, common.layout, zero=zero, upright=upright)
    return Mapped(source, lambda joints, _: to_common(joints), common)


def common_form(
    source: Layout, common: Layout, *, zero: bool = False, upright: bool = False
) -> Callable[[Tensor], Tensor]:
    """A function that maps clips of a layout to a common one and normalises them.

    It takes joints (L, M, T, V, C) with y up (z if `upright`), without gaps or, if `zero`, with zeros for joints that
    were not measured, and returns (L, M, T, V', C). Raises: ValueError naming a joint that cannot be computed.
    """
    halves_V2 = torch.from_numpy(halves(source, common))
    return lambda joints_LMTVC: _prepared(*_joints(joints_LMTVC, halves_V2, common, zero), common, upright)


def mapped_manifest(stored: Manifest, layout: str | None) -> Manifest:
    """The manifest of the clips of `mapped`. Raises: as `mapped`."""
    if layout is None or _split(stored).get("common") == layout:
        return stored
    if _split(stored).get("frame_order") == "scrambled":
        raise RunError(
            f"augment.layout: not of shards whose frames are scrambled (split.frame_order), as these of"
            f" {stored.dataset} are; split with `frame_order: time`"
        )
    try:
        halves(stored.layout, COMMON[layout])
    except ValueError as error:
        raise RunError(f"{stored.dataset}: its joints cannot be mapped (augment.layout {layout}): {error}") from None
    definition = {**stored.definition, "split": {"common": layout}}
    return replace(stored, layout=COMMON[layout], definition=definition)


def lost(stored: Manifest) -> list[str]:
    """A line for each kind of information that the preparation of shards has lost and no mapping can restore."""
    split = _split(stored)
    return [
        f"{stored.dataset}: split.{key} is {value}: {what}"
        for (key, value), what in LOST.items()
        if split.get(key) == value
    ]


def _split(manifest: Manifest) -> Mapping[str, Any]:
    split = manifest.definition.get("split")
    return split if isinstance(split, Mapping) else {}


def _joints(joints_LMTVC: Tensor, halves_V2: Tensor, layout: Layout, zero: bool) -> tuple[Tensor, Tensor]:
    """The joints of the layout, (L, M, T, V, C), and (L, M, T, V) whether each is there.

    Nothing is where a body is absent and, if `zero`, where a joint is all 0. The confidence of an image becomes 1 where
    all that is used was measured, else 0: scores of different estimators cannot be compared.
    """
    first_V, second_V = halves_V2.to(joints_LMTVC.device, non_blocking=True).unbind(1)
    a, b = joints_LMTVC.index_select(3, first_V), joints_LMTVC.index_select(3, second_V)
    middle = (a + b) / 2
    if layout.is_image:
        middle[..., -1] = (torch.minimum(a[..., -1], b[..., -1]) > 0).to(middle.dtype)
    measured = joints_LMTVC.any(-1)
    there = measured.index_select(3, first_V) & measured.index_select(3, second_V)
    return middle, there if zero else measured.any(-1, keepdim=True).expand_as(there)


def _prepared(joints_LMTVC: Tensor, there_LMTV: Tensor, layout: Layout, upright: bool) -> Tensor:
    """Moved, turned and scaled by what the first body of each clip shows; what is not there is 0."""
    n_space = layout.n_space
    space = joints_LMTVC[..., :n_space]
    if upright:  # z is up
        space = torch.stack([space[..., 0], space[..., 2], -space[..., 1]], dim=-1)
    (low,), (high,) = layout.torso or ((0,), (0,))
    there_LT = there_LMTV[:, 0, :, low]
    space = space - _first(space[:, 0, :, low], there_LT)[:, None, None, None]
    if n_space == 3:
        space = _turned(space, there_LMTV, layout)
    lengths_LT = torch.linalg.vector_norm(space[:, 0, :, high] - space[:, 0, :, low], dim=-1)
    lengths_LT = lengths_LT.masked_fill(~(there_LT & there_LMTV[:, 0, :, high]), torch.nan)
    length_L, largest_L = lengths_LT.nanmedian(1).values, space.abs().flatten(1).amax(1)
    length_L = torch.where((length_L > 0) & (length_L >= SMALLEST_TORSO * largest_L), length_L, 1.0)
    space = space / length_L[:, None, None, None, None]
    if layout == STANDARD19:
        space = standard_body(space, there_LMTV, layout)
    whole = torch.cat([space, joints_LMTVC[..., n_space:]], dim=-1)
    return whole * there_LMTV[..., None]


def _turned(space_LMTVC: Tensor, there_LMTV: Tensor, layout: Layout) -> Tensor:
    """About y until the first body's lines from left to right, of shoulders and hips, lie along x as a mean.

    All frames count: the first alone may show a body from the side, where a sensor guesses one of its shoulders.
    """
    left, right = (
        [layout.joints.index(f"{side} {part}") for part in ("shoulder", "hip")] for side in ("left", "right")
    )
    there_LT = there_LMTV[:, 0][:, :, [*left, *right]].all(-1)
    lines_LTC = (space_LMTVC[:, 0][:, :, right] - space_LMTVC[:, 0][:, :, left]).sum(2) * there_LT[..., None]
    x_L, z_L = lines_LTC.sum(1)[:, ::2].unbind(-1)
    flat_L = torch.hypot(x_L, z_L)
    clear_L = flat_L > LEAST_FLAT * torch.linalg.vector_norm(lines_LTC, dim=-1).sum(1)
    cos_L, sin_L = torch.where(clear_L, x_L / flat_L, 1.0), torch.where(clear_L, z_L / flat_L, 0.0)
    cos, sin = cos_L[:, None, None, None], sin_L[:, None, None, None]
    x, y, z = space_LMTVC.unbind(-1)
    return torch.stack([cos * x + sin * z, y, cos * z - sin * x], dim=-1)


def _first(values_LTC: Tensor, where_LT: Tensor) -> Tensor:
    """The values of the first frame that counts; of the first one, where none does -> (L, C)."""
    at_L = where_LT.to(torch.uint8).argmax(1)
    return values_LTC[torch.arange(len(at_L), device=at_L.device), at_L]
