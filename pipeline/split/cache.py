"""Normalised clips between the parsed table and the shards: for each table file one cache file and one note.

In: a table file and the keys chosen from it. Out: a file with the bytes of those clips as in the shards, and a note
with the position of each clip. The note is written last, so a task is done when its note exists. The folder is kept for
one run of `split` only (`pipeline.work.resume.keep_for`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from dastm.contract.errors import DataError, RefusedError
from dastm.contract.shard_format import Clip, decode_clip, encode_clip
from pipeline.definitions.definition import Definition
from pipeline.kernels.frame_sampling import clip_rng
from pipeline.split.mapped import mapped_tracks
from pipeline.split.normalise import NormalisedClip, normalise_clip
from pipeline.storage.table import ParsedClip, read_chosen
from pipeline.work.paths import clear_errors, ranges, whole_file
from pipeline.work.resume import read_note, write_note


class CachedClip(NamedTuple):
    """The position of a clip in the cache: the bytes of its array begin at `start`, its facts follow directly."""

    key: str
    file: str
    start: int
    array_length: int
    facts_length: int


@dataclass(frozen=True, kw_only=True)
class CacheTask:
    """The clips of one file of the parsed table that one round has chosen."""

    source: Path
    """The file of the parsed table."""
    keys: tuple[str, ...]
    class_names: Mapping[int, str]
    definition: Definition
    folder: Path
    name: str
    """The name of its two files in the cache folder, without suffix."""

    @property
    def file(self) -> Path:
        """The cache file, with the bytes of the clips."""
        return self.folder / f"{self.name}.clips"

    @property
    def note(self) -> Path:
        """The note, with the position of each clip in the cache file."""
        return self.folder / f"{self.name}.json"

    def is_done(self) -> bool:
        """Whether an earlier run has finished this task."""
        note = read_note(self.note)
        return isinstance(note, dict) and self.file.is_file() and self.file.stat().st_size == note.get("size")


@dataclass(frozen=True, kw_only=True)
class CachedClips:
    """Cached clips in a given order, each read only when it is asked for."""

    folder: Path
    where: Sequence[CachedClip]

    def __iter__(self) -> Iterator[Clip]:
        for name, clips in groupby(self.where, lambda one: one.file):
            try:
                with ranges(self.folder / name) as read:
                    for clip in clips:
                        data = read(clip.start, clip.array_length + clip.facts_length)
                        array, facts = data[: clip.array_length], data[clip.array_length :]
                        yield decode_clip(array, facts, f"{self.folder / name}, {clip.key}")
            except FileNotFoundError:
                raise DataError(f"{self.folder / name}: gone while the split was at work; run it again") from None


def fill_cache(task: CacheTask) -> None:
    """Normalise the chosen clips of a table file; the note lists those that cannot be used, with the reason.

    Raises: DataError if a clip is not in the file, contradicts the definition, or the cache cannot be written.
    """
    clips: list[dict[str, Any]] = []
    refused: list[tuple[str, str]] = []
    missing = set(task.keys)
    size = 0
    with clear_errors(task.file), whole_file(task.file) as file:
        for clip in read_chosen(task.source, task.keys):
            missing.discard(clip.key)
            try:
                array, facts, normalised = _encoded(clip, task)
            except RefusedError as refusal:
                refused.append((clip.key, str(refusal)))
                continue
            place = CachedClip(clip.key, task.file.name, size, len(array), len(facts))
            clips.append(_row(clip, normalised) | {"place": place})
            size += file.write(array + facts)
    if missing:
        raise DataError(f"{task.source}: {len(missing)} clips of its facts have no joints, the first is {min(missing)}")
    with clear_errors(task.note):
        write_note(task.note, {"size": size, "clips": clips, "refused": refused})


def _row(clip: ParsedClip, normalised: NormalisedClip) -> dict[str, Any]:
    """What the note says of a clip."""
    return {
        "key": clip.key,
        "class_id": clip.class_id,
        "bodies": normalised.joints_MTVC.shape[0],
        "notes": normalised.notes,
        "kept": normalised.kept,
        "dropped": normalised.dropped,
    }


def _encoded(clip: ParsedClip, task: CacheTask) -> tuple[bytes, bytes, NormalisedClip]:
    """The clip as the shards hold it, array and facts. RefusedError where no body is usable."""
    definition = task.definition
    spec = definition.split
    rng = clip_rng(spec.seed, clip.key) if spec.frame_sampling == "random" else None
    try:
        tracks = mapped_tracks(clip.tracks, definition)
        normalised = normalise_clip(tracks, spec, definition.shard_layout, rng, spec.most_bodies(clip.class_id))
        facts = {
            "class_id": clip.class_id,
            "class_name": task.class_names[clip.class_id],
            "part": definition.subset_of(clip.class_id),
            "dataset": definition.name,
            "subject": clip.subject,
            "camera": clip.camera,
            "setup": clip.setup,
            "replication": clip.replication,
            "source": clip.source,
            "source_frames": clip.tracks.frames,
            "frame_index": list(normalised.frame_index),
            "notes": [*clip.tracks.notes, *normalised.notes],
        }
        return *encode_clip(Clip(key=clip.key, joints_MTVC=normalised.joints_MTVC, facts=facts)), normalised
    except ValueError as error:
        raise DataError(f"clip {clip.key} ({clip.source}): {error}") from error
