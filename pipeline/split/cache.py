"""Prepared clips on their way from the parsed table to the shards: one file, and a note on it, a part of the table.

In: a part of the parsed table, and the keys of it that were chosen. Out: a file with the bytes of those clips as the
shards hold them, and beside it a note that names each with its place, written last. So a part counts as done once its
note is there; the folder is kept for one piece of work only (`pipeline.work.resume.keep_for`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from dastm.contract.clip import Clip, decode_clip, encode_clip
from dastm.contract.errors import DataError, Refused
from pipeline.definitions.definition import Definition
from pipeline.kernels.sampling import clip_rng
from pipeline.split.normalise import Prepared, prepare_clip
from pipeline.table import ParsedClip, read_chosen
from pipeline.work.paths import clear_errors, ranges, whole_file
from pipeline.work.resume import read_note, write_note


class Place(NamedTuple):
    """Where a prepared clip lies: its array's bytes from `start` on, its facts right behind them."""

    key: str
    file: str
    start: int
    array_length: int
    facts_length: int


@dataclass(frozen=True, kw_only=True)
class PreparedPart:
    """The clips of one part of the parsed table that one round has chosen."""

    source: Path
    """The part of the parsed table."""
    keys: tuple[str, ...]
    class_names: Mapping[int, str]
    definition: Definition
    folder: Path
    name: str
    """Of its two files in the folder, without suffix."""

    @property
    def file(self) -> Path:
        """The clips' bytes."""
        return self.folder / f"{self.name}.clips"

    @property
    def note(self) -> Path:
        """What lies where."""
        return self.folder / f"{self.name}.json"

    def is_done(self) -> bool:
        """Whether an earlier run has finished it."""
        note = read_note(self.note)
        return isinstance(note, dict) and self.file.is_file() and self.file.stat().st_size == note.get("size")


@dataclass(frozen=True, kw_only=True)
class PreparedClips:
    """Prepared clips in a given order, read one after the other as they are asked for."""

    folder: Path
    places: Sequence[Place]

    def __iter__(self) -> Iterator[Clip]:
        for name, places in groupby(self.places, lambda place: place.file):
            try:
                with ranges(self.folder / name) as read:
                    for place in places:
                        data = read(place.start, place.array_length + place.facts_length)
                        array, facts = data[: place.array_length], data[place.array_length :]
                        yield decode_clip(array, facts, f"{self.folder / name}, {place.key}")
            except FileNotFoundError:
                raise DataError(f"{self.folder / name}: gone while the split was at work; run it again") from None


def prepare_part(part: PreparedPart) -> None:
    """Prepare the chosen clips of a part; those that cannot be used are named in its note with the reason.

    Raises DataError where a clip is not in the part, contradicts the definition, or nothing can be written.
    """
    clips: list[dict[str, Any]] = []
    refused: list[tuple[str, str]] = []
    missing = set(part.keys)
    size = 0
    with clear_errors(part.file), whole_file(part.file) as file:
        for clip in read_chosen(part.source, part.keys):
            missing.discard(clip.key)
            try:
                array, facts, prepared = _encoded(clip, part)
            except Refused as refusal:
                refused.append((clip.key, str(refusal)))
                continue
            place = Place(clip.key, part.file.name, size, len(array), len(facts))
            clips.append(_row(clip, prepared) | {"place": place})
            size += file.write(array + facts)
    if missing:
        raise DataError(f"{part.source}: {len(missing)} clips of its facts have no joints, the first is {min(missing)}")
    with clear_errors(part.note):
        write_note(part.note, {"size": size, "clips": clips, "refused": refused})


def _row(clip: ParsedClip, prepared: Prepared) -> dict[str, Any]:
    """What the note says of a clip."""
    return {
        "key": clip.key,
        "class_id": clip.class_id,
        "bodies": prepared.joints_MTVC.shape[0],
        "notes": prepared.notes,
        "kept": prepared.kept,
        "dropped": prepared.dropped,
    }


def _encoded(clip: ParsedClip, part: PreparedPart) -> tuple[bytes, bytes, Prepared]:
    """The clip as the shards hold it, array and facts. Refused where no body is usable."""
    definition = part.definition
    spec = definition.split
    rng = clip_rng(spec.seed, clip.key) if spec.frames == "random" else None
    try:
        prepared = prepare_clip(clip.tracks, spec, definition.parse.layout, rng, spec.most_bodies(clip.class_id))
        facts = {
            "class_id": clip.class_id,
            "class_name": part.class_names[clip.class_id],
            "part": definition.part_of(clip.class_id),
            "dataset": definition.name,
            "subject": clip.subject,
            "camera": clip.camera,
            "setup": clip.setup,
            "replication": clip.replication,
            "source": clip.source,
            "source_frames": clip.tracks.frames,
            "frame_index": list(prepared.frame_index),
            "notes": [*clip.tracks.notes, *prepared.notes],
        }
        return *encode_clip(Clip(key=clip.key, joints_MTVC=prepared.joints_MTVC, facts=facts)), prepared
    except ValueError as error:
        raise DataError(f"clip {clip.key} ({clip.source}): {error}") from error
