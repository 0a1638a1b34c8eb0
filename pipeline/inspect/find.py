"""Finds the clip that a user names, as its source has it and as training sees it.

In: a raw file, a file in a zip (`folder/x.zip/S001C001P001R001A001.skeleton`), or a key with the folders to look in.
Out: `Found`, with the tracks of the parsed table (else of the raw file), and the clip of the shards (else normalised
now).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.shard_format import ShardError
from dastm.contract.skeleton import Layout
from pipeline.definitions.definition import Definition, SplitSpec, load_definition
from pipeline.inspect.stored import (
    parsed_clips,
    read_manifest,
    sampled_frames,
    setting_of,
    shard_clip,
    source_frames,
    split_of,
)
from pipeline.kernels.frame_sampling import clip_rng
from pipeline.parse.formats import FORMATS, format_of
from pipeline.parse.plan import find_files, job_of, make_plan, run_job
from pipeline.parse.raw_files import RawFile, read
from pipeline.parse.suffixes import has_suffix
from pipeline.parse.tools.tool_sources import ALL_SOURCES
from pipeline.split.mapped import mapped_tracks
from pipeline.split.normalise import check_split, normalise_clip
from pipeline.storage.table import ParsedClip, check_layout
from pipeline.tracks import Tracks

USUAL = {"ntu_skeleton": "ntu-t", "kinetics_json": "kinetics"}
"""Format -> the data set whose definition is used for its clips if none is named."""


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """A clip as training sees it."""

    joints_MTVC: NDArray[np.float32]
    frame_index: tuple[int, ...]
    """The 0-based frame of the source that each of its frames is."""
    notes: tuple[str, ...]
    made_by: str
    """The shard that holds it, or the definition that it was normalised with."""
    index_row: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """One clip, of which at least one side is there."""

    key: str
    class_id: int | None
    class_name: str
    subset: str | None
    source: str
    frames: int
    """Frames of the source."""
    layout: Layout
    spec: SplitSpec | None
    """What its bodies are chosen with: that of the shards that hold it, else the definition's; None: not known."""
    upright: bool
    """Whether normalisation turned spines onto z."""
    tracks: Tracks | None
    normalised: Normalised | None
    problem: str = ""
    """Why the clip cannot be normalised."""


@dataclass(frozen=True, kw_only=True)
class ReadClip:
    """A clip out of a raw file. `show` takes one whose class nobody states, which `parse` refuses."""

    key: str
    class_id: int | None
    class_name: str
    source: str
    tracks: Tracks


@dataclass(frozen=True, kw_only=True)
class SearchFolders:
    """The places to look in; each is None if there is nothing to look in."""

    definition: Definition | None = None
    raw: Path | None = None
    parsed: Path | None = None
    shards: Path | None = None


def find_clip(clip: str, folders: SearchFolders) -> Found:
    """Find the clip with this path or key.

    Raises: DataError if there is no such clip, its file cannot be used (with line or byte and reason), or its joints
    are not those of the layout; ShardError if the shards are damaged.
    """
    raw = _raw_file(clip) or (_raw_file(str(folders.raw / clip)) if folders.raw is not None else None)
    parsed = _read_raw(raw, folders.definition) if raw is not None else _by_key(clip, folders)
    stored = stored_clip(folders.shards, parsed.key if parsed is not None else clip) if folders.shards else None
    if parsed is not None:
        return both_sides(parsed, _definition_of(parsed.tracks, folders.definition), stored)
    if stored is not None:
        return stored
    looked = [str(folder) for folder in (folders.parsed, folders.raw, folders.shards) if folder is not None]
    if Path(clip).exists():
        raise DataError(f"{clip}: not the file of a clip; in a zip or a folder name one of its files")
    where = "not there; a key needs --dataset, --parsed or --shards"
    if looked:
        where = f"no key of {', '.join(looked)}"
    elif folders.definition is not None:
        where = f"there is nothing of {folders.definition.name} to look in, neither raw, nor parsed, nor shards"
    raise DataError(f"{clip}: no raw file, and {where}")


def stored_clip(shards: Path, key: str) -> Found | None:
    """A clip as the shards have it; None where they do not. DataError or ShardError where they cannot be read."""
    found = shard_clip(shards, key)
    if found is None:
        return None
    (clip, row), manifest = found, read_manifest(shards)
    shape = (manifest.layout.n_joints, len(manifest.layout.coordinates))
    if clip.joints_MTVC.shape[2:] != shape:
        raise ShardError(f"{shards}: {key} has joints of shape {clip.joints_MTVC.shape[2:]}, its layout says {shape}")
    return Found(
        key=clip.key,
        class_id=int(row["class_id"]),
        class_name=str(clip.facts.get("class_name", "unknown")),
        subset=str(row["part"]),
        source=str(clip.facts.get("source") or ""),
        frames=source_frames(clip),
        layout=manifest.layout,
        spec=split_of(manifest),
        upright=setting_of(manifest, "rotate") == "upright",
        tracks=None,
        normalised=Normalised(
            joints_MTVC=clip.joints_MTVC,
            frame_index=sampled_frames(clip),
            notes=tuple(clip.facts.get("notes", ())),
            made_by=row["shard"],
            index_row=row,
        ),
    )


def both_sides(clip: ParsedClip | ReadClip, definition: Definition, stored: Found | None = None) -> Found:
    """A clip with its source tracks, beside the shards' version of it, or one normalised as the definition says.

    Raises: DataError where its joints are not those of the definition's layout, or cannot be normalised as it asks.
    """
    if stored is not None:
        return with_tracks(stored, replace(clip, tracks=mapped_tracks(clip.tracks, definition)), definition.split)
    check_split(definition.split, definition.shard_layout)
    normalised, problem = None, ""
    try:
        clip = replace(clip, tracks=mapped_tracks(clip.tracks, definition))
        normalised = _normalised(clip, definition)
    except RefusedError as refusal:
        problem = str(refusal)
    except ValueError as error:
        raise DataError(f"clip {clip.key} ({clip.source}): {error}; name its data set with --dataset") from None
    return Found(
        key=clip.key,
        class_id=clip.class_id,
        class_name=clip.class_name,
        subset=definition.subset_of(clip.class_id) if clip.class_id is not None else None,
        source=clip.source,
        frames=clip.tracks.frames,
        layout=definition.shard_layout,
        spec=definition.split,
        upright=definition.split.rotate == "upright",
        tracks=clip.tracks,
        normalised=normalised,
        problem=problem,
    )


def with_tracks(stored: Found, clip: ParsedClip | ReadClip, spec: SplitSpec | None) -> Found:
    """The shards' version of a clip beside its source; `spec` is for shards that do not say how they were made.

    Raises: DataError where the two are not the same clip.
    """
    shape = (stored.layout.n_joints, stored.layout.n_space)
    if clip.tracks.joints_PVC.shape[1:] != shape or clip.tracks.frames != stored.frames:
        raise DataError(
            f"clip {clip.key}: {clip.tracks.frames} frames of {clip.tracks.joints_PVC.shape[1]} joints in the source,"
            f" the shards have it from {stored.frames} frames of {shape[0]}: made from other data; run"
            " `dastm-data split` again"
        )
    return replace(stored, tracks=clip.tracks, spec=stored.spec or spec)


def _normalised(clip: ParsedClip | ReadClip, definition: Definition) -> Normalised:
    spec = definition.split
    most_bodies = spec.most_bodies(clip.class_id) if clip.class_id is not None else None
    rng = clip_rng(spec.seed, clip.key) if spec.frame_sampling == "random" else None
    normalised = normalise_clip(clip.tracks, spec, definition.shard_layout, rng, most_bodies)
    return Normalised(
        joints_MTVC=normalised.joints_MTVC,
        frame_index=normalised.frame_index,
        notes=normalised.notes,
        made_by=f"prepared as {definition.name} says",
    )


def _raw_file(clip: str) -> RawFile | None:
    """The file of that path, also inside of a zip; None where there is none."""
    path = Path(clip)
    if path.is_file() and format_of(path.name) is not None:
        return RawFile(path.name, path.parent, None, path.stat().st_size)
    for parent in path.parents:
        if has_suffix(parent.name, ".zip") and parent.is_file():
            member = path.relative_to(parent).as_posix()
            return RawFile(f"{parent.name}/{member}", parent, member, 0)
    return None


def _read_raw(raw: RawFile, definition: Definition | None) -> ReadClip:
    """A raw file with what its name and it itself say; DataError where it cannot be used."""
    name = format_of(raw.source)
    if name is None:
        suffixes = " or ".join(raw_format.suffix for raw_format in FORMATS.values())
        raise DataError(f"{raw.root}: {raw.member}: not a {suffixes} file")
    chosen = definition or load_definition(USUAL[name])
    job = job_of(raw, FORMATS[name], {})
    place = raw.root if raw.member is None else raw.root.parent
    try:
        if job.name is None:
            raise RefusedError(str(job.problem))
        tracks, label, index = FORMATS[name].read(read(raw), chosen.parse.layout, chosen.parse.zero_is_missing)
    except RefusedError as refusal:
        raise DataError(f"{place / raw.source}: {refusal}") from None
    class_id = job.name.class_id if job.name.class_id is not None else index
    known = chosen.class_name(class_id) if class_id is not None else None
    return ReadClip(
        key=job.name.key,
        class_id=class_id,
        class_name=known or label or ("unknown" if class_id is None else f"class {class_id}"),
        source=raw.source,
        tracks=tracks,
    )


def _by_key(key: str, folders: SearchFolders) -> ParsedClip | ReadClip | None:
    """From the parsed table, else from the raw files."""
    if folders.parsed is not None:
        if folders.definition is not None:
            check_layout(folders.parsed, folders.definition.parse.layout)
        found = parsed_clips(folders.parsed, [key]).get(key)
        if found is not None:
            return found
    if folders.raw is None or folders.definition is None:
        return None
    if folders.definition.parse.format in ALL_SOURCES:
        return _in_source(key, folders.definition, folders.raw)
    raw_format = FORMATS[folders.definition.parse.format]
    files = find_files(folders.definition, [folders.raw]).clips
    raw = next((raw for raw in files if job_of(raw, raw_format, {}).key == key), None)
    return _read_raw(raw, folders.definition) if raw is not None else None


def _in_source(key: str, definition: Definition, raw: Path) -> ParsedClip | None:
    """Out of files that hold many clips, as `parse` finds them; DataError where it cannot be used."""
    job = next((job for job in make_plan(definition, [raw]).jobs if job.key == key), None)
    try:
        return run_job(job, definition) if job is not None else None
    except RefusedError as refusal:
        raise DataError(f"{raw}: {job.source if job else key}: {refusal}") from None


def _definition_of(tracks: Tracks, definition: Definition | None) -> Definition:
    """Without one named: that of the data set whose format looks like this."""
    return definition or load_definition(USUAL["ntu_skeleton" if tracks.joints_PVC.shape[2] == 3 else "kinetics_json"])
