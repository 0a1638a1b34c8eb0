"""Reads recordings from parsed tables and shards, which describe themselves.

In: a folder. Out: its clips; one table file or tar is in memory at a time. Clips of shards have few frames and are
moved, turned and scaled. They are used in this form; only the directions of their axes are changed to those of
recordings.

Axes: M bodies, T frames, V joints, C coordinates.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dastm.contract import shard_format, shard_reading
from dastm.contract.errors import DataError, RefusedError
from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import Layout
from pipeline.doctor.observed import check_shapes
from pipeline.inspect.stored import setting_of
from pipeline.recordings.arrays import Terms, settled
from pipeline.recordings.bodies import Body, bodies_of, movement
from pipeline.recordings.walk import Refused
from pipeline.storage.table import ParsedClip, read_chosen, read_file_facts, read_layout, table_files
from pipeline.tracks import MAX_FRAMES


class Stored(NamedTuple):
    """A clip of a table or of shards."""

    key: str
    action: str
    layout: Layout
    bodies: tuple[Body, ...]
    subject: int | None
    notes: tuple[str, ...]


def table_clips(folder: Path, shown: str, terms: Terms) -> Iterator[Stored | Refused]:
    """The clips of a parsed table; damaged files are refused, and the others are read.

    Raises: DataError if there is no finished table.
    """
    said = terms.definition.parse.layout if terms.definition is not None else terms.layout
    layout = read_layout(folder) or said
    for path in table_files(folder):
        try:
            keys = read_file_facts(path, ("key",))["key"].to_pylist()
            for clip in read_chosen(path, keys):
                yield _of_table(clip, layout, shown, terms)
        except DataError as error:
            yield Refused(source=shown, why=RefusedError(str(error)))


def _of_table(clip: ParsedClip, layout: Layout | None, shown: str, terms: Terms) -> Stored | Refused:
    notes: tuple[str, ...] = ()
    try:
        _, n_joints, n_coordinates = clip.tracks.joints_PVC.shape
        if layout is None:
            found = settled(n_joints, n_coordinates, terms, lambda _: clip.tracks)
            layout, notes = found.layout, found.notes
        if clip.tracks.frames > MAX_FRAMES:
            raise RefusedError(f"{clip.tracks.frames} frames, more than {MAX_FRAMES}")
        check_shapes(clip.tracks, layout)
        bodies = bodies_of(clip.tracks)
        return Stored(clip.key, clip.class_name, layout, bodies, clip.subject, (*clip.tracks.notes, *notes))
    except (ValueError, RefusedError) as error:
        return Refused(source=f"{shown}: {clip.key}", why=RefusedError(str(error)))


def shard_clips(folder: Path) -> Iterator[Stored]:
    """The clips of a shard folder, in the order of its manifest.

    Raises: ShardError if it is damaged; RefusedError if its frames are not in time order.
    """
    manifest = shard_reading.read_manifest(folder)
    if setting_of(manifest, "frame_order") == "scrambled":
        raise RefusedError("shards whose frames are scrambled; make them with split.frame_order: time")
    entries = [entry for subset in manifest.subsets.values() for _, entry in sorted(subset.items())]
    for entry in entries:
        for name in entry.shards:
            for clip in shard_reading.read_shard(folder, name):
                bodies = _bodies(clip, manifest)
                subject = clip.facts.get("subject")
                who = subject if type(subject) is int else None
                yield Stored(clip.key, entry.name, manifest.layout, bodies, who, _notes(clip.facts))


def _notes(facts: Any) -> tuple[str, ...]:
    notes = facts.get("notes", ())
    return tuple(map(str, notes)) if isinstance(notes, list | tuple) else ()


def _bodies(clip: shard_format.Clip, manifest: Manifest) -> tuple[Body, ...]:
    """As every source has them, most movement first; bodies that were never measured are left out."""
    layout, joints_MTVC = manifest.layout, clip.joints_MTVC
    if joints_MTVC.shape[2:] != (layout.n_joints, len(layout.coordinates)):
        raise shard_format.ShardError(f"{clip.key}: joints of shape {joints_MTVC.shape}, not those of {layout.name}")
    found: list[tuple[float, Body]] = []
    for number, joints_TVC in enumerate(_source_axes(joints_MTVC, manifest)):
        shown_TV = np.isfinite(joints_TVC).all(axis=2)
        if layout.is_image:
            shown_TV &= joints_TVC[..., -1] > 0
        if shown_TV.any():
            moved = movement(joints_TVC[..., : layout.n_space], shown_TV)
            found.append((moved, Body(number, 0, joints_TVC)))
    return tuple(body for _, body in sorted(found, key=lambda one: -one[0]))


def _source_axes(joints_MTVC: NDArray[np.float32], manifest: Manifest) -> NDArray[np.float32]:
    """y up in 3-D, nan where 0 stands for a joint that was not measured; y down in images."""
    if manifest.layout.is_image:
        return joints_MTVC * np.array([1, -1, 1], np.float32)
    if len(manifest.layout.coordinates) == 3 and setting_of(manifest, "rotate") == "upright":
        x, y, z = (joints_MTVC[..., c] for c in range(3))
        joints_MTVC = np.stack([x, z, -y], axis=3)
    if "zero" in (setting_of(manifest, "missing_joints"), setting_of(manifest, "gaps")):
        lost_MTV1 = ~joints_MTVC.any(axis=3, keepdims=True)
        joints_MTVC = np.where(lost_MTV1, np.float32(np.nan), joints_MTVC)
    return joints_MTVC
