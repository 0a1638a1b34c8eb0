"""Checks that data fit a run's weights: the same skeleton, prepared in the same way. Otherwise they are not scored.

In: the record of a training (its layout and preparation) and a source of clips. Out: the source, or an error that names
every key that differs with both values. If the run has a common layout (`augment.layout`), the data are mapped to it.
On request two differences are converted: the order of the same joints, and the number of frames. The others cannot be:
a clip does not say how it was turned, moved or scaled, and choosing other frames (the middle ones, or random ones)
would need the recording.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dastm.contract.errors import RunError
from dastm.contract.names import composed
from dastm.contract.shard_format import Manifest, ShardError
from dastm.contract.shard_reading import read_manifest
from dastm.contract.skeleton import Layout
from dastm.episodes.augmentation import View
from dastm.episodes.common import lost, mapped
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.urls import is_url
from dastm.runs.record import MISSING_MEANS, PREPARATION, TrainingRecord, comparable, preparation_of
from dastm.runs.whereabouts import shards_of

N_FRAMES = "n_frames"
"""The key of a preparation that can be converted."""
UNSAID = "not said"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One key in which data differ from those that the weights were trained on."""

    key: str
    trained: str
    here: str
    convertible: bool = False

    def __str__(self) -> str:
        return f"{self.key} is {self.here}, trained on {self.trained}"


@dataclass(frozen=True)
class Converted(View):
    """A source whose clips are converted to fit the weights."""

    fits: Manifest

    @property
    def manifest(self) -> Manifest:
        """The manifest of the converted clips."""
        return self.fits


def fitted(
    source: EpisodeSource, record: TrainingRecord, run: Path, *, convert: bool
) -> tuple[EpisodeSource, list[str]]:
    """The source in the form that fits the weights of `run`, and a line for each conversion that was done.

    If the run was trained on a common layout (`augment.layout`), the source is mapped to it; that needs no `convert`.

    Raises: RunError naming each key that differs and both values, unless all can be converted and `convert` says so;
    also if the run's record does not say what it was trained on.
    """
    layout, prepared = _trained_on(source.manifest, record, run)
    augment, lines = record.config.augment, []
    if augment.layout is not None:
        source, lines = mapped(source, augment.layout), lost(source.manifest)
        if augment.n_frames is not None:  # taken of whatever the shards hold
            prepared = {**prepared, N_FRAMES: source.manifest.frames}
    found = differences(layout, prepared, source.manifest)
    told, lasting = "; ".join(map(str, found)), [difference for difference in found if not difference.convertible]
    if found and (lasting or not convert):
        what_to_do = (
            "split them as the run's shards were, or train a run on them"
            if lasting
            else "convert them (--convert, convert=True), or split them as the run's shards were"
        )
        raise RunError(f"{source.manifest.dataset}: the weights of {run} do not fit these data: {told}; {what_to_do}")
    if not found:
        return source, lines
    lines += [f"{one}: {_done(one, source.manifest, prepared)}" for one in found]
    return _converted(source, layout, prepared), lines


def differences(layout: Layout, prepared: Mapping[str, Any], manifest: Manifest) -> list[Difference]:
    """The differences of data from those that weights were trained on; another order of joints is one difference."""
    here, prepared = _with_meanings(preparation_of(manifest)), _with_meanings(prepared)
    in_time = all(one.get("frame_order") in (None, "time") for one in (here, prepared))
    layout, other = _composed(layout), _composed(manifest.layout)
    return [
        *_of_joints(layout, other),
        *_of_names(layout, other, {**prepared}),
        *(
            Difference(
                key=f"split.{key}",
                trained=_told(prepared.get(key)),
                here=_told(value),
                convertible=key == N_FRAMES and in_time,
            )
            for key, value in comparable(here, prepared).items()
            if value != prepared.get(key)
        ),
    ]


def _with_meanings(prepared: Mapping[str, Any]) -> dict[str, Any]:
    """With what a key means that is younger than the data; nothing is known of data that say nothing at all."""
    if all(prepared.get(key) is None for key in PREPARATION):
        return {**prepared}
    return {**prepared, **{key: means for key, means in MISSING_MEANS.items() if prepared.get(key) is None}}


def _composed(layout: Layout) -> Layout:
    return replace(layout, joints=tuple(map(composed, layout.joints)))


def _trained_on(manifest: Manifest, record: TrainingRecord, run: Path) -> tuple[Layout, Mapping[str, Any]]:
    """What the record says; of an older one, what the shards of the training say, where they still are."""
    if record.layout is not None and record.preparation is not None:
        return record.layout, record.preparation
    own = manifest if record.trained_on(manifest) else _own_manifest(record, run)
    if own is None:
        raise RunError(
            f"{run}: its record does not say what data it was trained on (an older version wrote it), so whether"
            f" {manifest.dataset} fits cannot be told; put its shards at {record.shards} again, or train again"
        )
    return own.layout, preparation_of(own)


def _own_manifest(record: TrainingRecord, run: Path) -> Manifest | None:
    if is_url(record.shards):
        return None
    try:
        found = read_manifest(Path(shards_of(record, run)))
    except (RunError, ShardError):
        return None
    return found if record.trained_on(found) else None


def _of_joints(trained: Layout, here: Layout) -> Iterator[Difference]:
    if trained.joints == here.joints:
        return
    same = sorted(trained.joints) == sorted(here.joints)
    at = next(
        (i for i, (a, b) in enumerate(zip(trained.joints, here.joints, strict=False)) if a != b),
        min(trained.n_joints, here.n_joints),
    )
    yield Difference(
        key="layout.joints", trained=_joint(trained, at, same), here=_joint(here, at, same), convertible=same
    )


def _joint(layout: Layout, at: int, same: bool) -> str:
    """The first joint that differs, and how many there are where that may be why."""
    count = "" if same else f"{layout.n_joints} joints, "
    return f"{count}joint {at} {layout.joints[at]!r}" if at < layout.n_joints else f"{count}no joint {at}"


def _of_names(trained: Layout, here: Layout, prepared: Mapping[str, Any]) -> Iterator[Difference]:
    """Everything but the joints themselves, told by their names; landmarks only where the preparation used them."""
    used = {
        "coordinates": True,
        "bones": True,
        "hub": True,
        "centre": prepared.get("origin") != "none",
        "spine": prepared.get("rotate") == "upright",
        "shoulders": prepared.get("rotate") != "none",
        "torso": prepared.get("scale") == "torso",
    }
    if sorted(trained.joints) != sorted(here.joints):
        used = {"coordinates": True}  # the rest cannot be compared
    for key in (key for key, is_used in used.items() if is_used):
        before, now = _named(trained, key), _named(here, key)
        if before != now:
            lost, new = (sorted(map(str, set(a) - set(b))) for a, b in ((before, now), (now, before)))
            told = (lost or ["the rest"], new or ["the rest"]) if key == "bones" else (before, now)
            yield Difference(key=f"layout.{key}", trained=_listed(told[0]), here=_listed(told[1]))


def _named(layout: Layout, key: str) -> list[Any]:
    """A field of a layout with joints as names; bones in an order of their own."""

    def names(value: Any) -> Any:
        return layout.joints[value] if isinstance(value, int) else tuple(names(inner) for inner in value or ())

    value = getattr(layout, key)
    if key == "coordinates":
        return list(value)
    found = names((value,) if isinstance(value, int) else value)
    return sorted(found) if key == "bones" else [*found]


def _listed(values: list[Any]) -> str:
    return ", ".join(map(str, values)) or UNSAID


def _told(value: Any) -> str:
    return UNSAID if value is None else str(value)


def _done(difference: Difference, manifest: Manifest, prepared: Mapping[str, Any]) -> str:
    """What `_converted` does about a difference, in words."""
    if difference.key == "layout.joints":
        return "the joints were put into the order of the training"
    wanted, stored = int(prepared[N_FRAMES]), manifest.frames
    if wanted < stored:
        return f"of the {stored} frames, the middle one of each of {wanted} equal segments"
    most = -(-wanted // stored)
    return f"the {stored} frames stretched to {wanted}, each repeated up to {most} times; none between them is made"


def _converted(source: EpisodeSource, layout: Layout, prepared: Mapping[str, Any]) -> EpisodeSource:
    """The joints in the order of the training, and as many frames: the middle one of each equal segment."""
    manifest = source.manifest
    order = torch.tensor([_composed(manifest.layout).joints.index(name) for name in _composed(layout).joints])
    n_frames = int(prepared[N_FRAMES])
    middle_F = (2 * torch.arange(n_frames) + 1) * manifest.frames // (2 * n_frames)

    def look(joints_LMTVC: Tensor, _: Any) -> Tensor:
        there = joints_LMTVC.device
        return joints_LMTVC.index_select(2, middle_F.to(there)).index_select(3, order.to(there))

    return Converted(source, look, replace(manifest, layout=layout, frames=n_frames))
