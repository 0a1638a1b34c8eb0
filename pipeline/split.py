"""Parsed table -> class-split shards: draws the clips, prepares each one, writes the folder that training reads.

In: a definition and the folder that `parse` wrote. Out: a shard folder (see `dastm.clip`), section 5 of the paper: 30,
60 or 100 random clips of each class, classes divided into train, val and test.
The table is read twice: its facts to choose the keys, then its parts in order to prepare what was chosen. Prepared
clips wait in one unnamed temporary file, so that memory holds one part of the table and no more.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from dastm.clip import MANIFEST_NAME, PARTS, Clip, decode_clip, encode_clip
from pipeline.definitions import Definition
from pipeline.errors import DataError, Refused
from pipeline.exemplars import drawn_first, find_exemplars
from pipeline.folders import check_marked, replaced_folder
from pipeline.kernels.sampling import clip_rng
from pipeline.prepare import Prepared, check_split, prepare_clip
from pipeline.shards import Decisions, ShardClass, write_shards
from pipeline.table import ParsedClip, read_clips, read_facts

_DRAWN_BY = ("key", "class_id", "class_name", "frames", "bodies")
SHOWN = 10
"""Classes with too few clips that an error names."""


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """What a shard folder holds and what is worth knowing about how it came to be."""

    clips: Mapping[str, int]
    """part -> clips"""
    classes: Mapping[str, int]
    """part -> classes"""
    bodies: Mapping[int, int]
    """bodies present -> clips"""
    outside: int
    """Clips of the parsed table whose class is in no part."""
    notes: tuple[str, ...]
    """One line each: classes with too few clips, clips left out, what could not be normalised."""

    def lines(self) -> list[str]:
        """For people: a line a part, a line on bodies, then the notes."""
        counts = [f"{part}: {self.clips[part]} clips of {self.classes[part]} classes" for part in PARTS]
        bodies = ", ".join(f"{n} with {m} bod{'y' if m == 1 else 'ies'}" for m, n in self.bodies.items())
        outside = [f"{self.outside} clips of classes outside the split"] if self.outside else []
        return [*counts, f"clips: {bodies}", *outside, *self.notes]


@dataclass
class _Pool:
    """One class: its name and its keys in the order in which they are drawn; `prepared` are in the spool."""

    name: str
    waiting: list[str]
    prepared: list[str] = field(default_factory=list)
    decisions: dict[str, Decisions] = field(default_factory=dict)
    """key -> which tracks its bodies are, and what became of the others."""


class _Spool:
    """Prepared clips on disk, in any order, found by key. The file has no name: it is gone when the run is."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._spans: dict[str, tuple[int, int, int]] = {}

    def add(self, clip: Clip) -> None:
        array, facts = encode_clip(clip)
        self._spans[clip.key] = (self._file.seek(0, 2), len(array), len(facts))
        self._file.write(array + facts)

    def read(self, key: str) -> Clip:
        start, array_length, facts_length = self._spans[key]
        self._file.seek(start)
        return decode_clip(self._file.read(array_length), self._file.read(facts_length), f"temporary file, {key}")


def split(definition: Definition, parsed: Path, out: Path) -> SplitSummary:
    """Write the shards of a definition; `out` is replaced as a whole, once the new one is complete.

    Raises DataError (one line) where the definition does not fit its layout, a key occurs twice, a class has too few
    clips under `too_few: error`, or no clip is left at all.
    """
    layout = definition.parse.layout
    check_split(definition.split, layout)
    check_marked(out, MANIFEST_NAME)
    facts = read_facts(parsed, _DRAWN_BY)
    pools, outside = _draw(facts, definition)
    for class_id, keys in find_exemplars(facts, definition).items():
        _lead(pools[class_id], keys)
    _check_counts({i: len(pool.waiting) for i, pool in pools.items()}, pools, definition)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out.parent) as file:
        spool = _Spool(file)
        found, bodies = _prepare_all(definition, parsed, pools, spool)
        counts = {i: len(pool.prepared) for i, pool in pools.items()}
        notes = (*_check_counts(counts, pools, definition), *found)
        parts = {part: dict(_shard_classes(definition, part, pools, spool)) for part in PARTS}
        with replaced_folder(out) as folder:
            write_shards(
                folder,
                parts,
                dataset=definition.name,
                layout=layout,
                frames=definition.split.n_frames,
                definition=definition.to_dict(),
                clips_per_shard=definition.split.clips_per_shard,
            )
    return SplitSummary(
        clips={part: sum(counts[i] for i in parts[part]) for part in PARTS},
        classes={part: len(parts[part]) for part in PARTS},
        bodies=dict(sorted(bodies.items())),
        outside=outside,
        notes=notes,
    )


def _draw(facts: pa.Table, definition: Definition) -> tuple[dict[int, _Pool], int]:
    """Every class of the split with the usable keys of its clips in a drawn order; how many clips are outside.

    The order depends on the seed, the class and its keys only, not on the order of the table.
    """
    rows = facts.to_pylist()
    twice = [key for key, count in Counter(row["key"] for row in rows).items() if count > 1]
    if twice:
        raise DataError(f"parsed table: {len(twice)} keys occur more than once, the first is {min(twice)}; parse again")
    pools = {
        class_id: _Pool(definition.class_name(class_id) or f"class {class_id}", [])
        for part in PARTS
        for class_id in definition.split.class_split[part]
    }
    outside = 0
    for row in sorted(rows, key=lambda row: str(row["key"])):
        pool = pools.get(row["class_id"])
        if pool is None:
            outside += 1
        elif row["frames"] > 0 and row["bodies"] > 0:
            if not pool.waiting:
                pool.name = definition.class_name(row["class_id"]) or row["class_name"]
            pool.waiting.append(row["key"])
    for class_id, pool in pools.items():
        order = np.random.default_rng([definition.split.seed, class_id]).permutation(len(pool.waiting))
        pool.waiting = [pool.waiting[i] for i in order]
    return pools, outside


def _lead(pool: _Pool, exemplars: Sequence[str]) -> None:
    """Draw the exemplars of a class before its other clips."""
    unusable = sorted(set(exemplars) - set(pool.waiting))
    if unusable:
        raise DataError(f"exemplar {unusable[0]}: no frame or no body in it")
    pool.waiting = drawn_first(pool.waiting, exemplars)


def _check_counts(counts: Mapping[int, int], pools: Mapping[int, _Pool], definition: Definition) -> tuple[str, ...]:
    """The notes on classes with too few clips; DataError under `too_few: error`, or where there is no clip at all."""
    asked = definition.split.clips_per_class or 1
    short = [f"class {i} ({pools[i].name}): {counts[i]} of {asked} clips" for i in sorted(counts) if counts[i] < asked]
    if short and definition.split.too_few == "error":
        more = [f"and {len(short) - SHOWN} more"] if len(short) > SHOWN else []
        listed = "; ".join([*short[:SHOWN], *more])
        raise DataError(
            f"{len(short)} classes have too few usable clips (`too_few: note` takes what there is): {listed}"
        )
    if not any(counts.values()):
        raise DataError("no class of the split has a usable clip in the parsed table")
    return tuple(short)


def _prepare_all(
    definition: Definition, parsed: Path, pools: Mapping[int, _Pool], spool: _Spool
) -> tuple[list[str], Counter[int]]:
    """Prepare the clips drawn; for an unusable one the next of its class is drawn, and the table read again.

    Returns the notes, clip by clip and then counted, and how many clips have how many bodies.
    """
    left_out: list[str] = []
    noted: Counter[str] = Counter()
    bodies: Counter[int] = Counter()
    while chosen := _next_keys(definition, pools):
        for clip in _chosen_clips(parsed, chosen):
            try:
                prepared = _prepare(clip, pools[clip.class_id].name, definition, spool)
            except Refused as refusal:
                if clip.key in definition.split.exemplars:
                    raise DataError(f"exemplar {clip.key}: {refusal}") from refusal
                left_out.append(f"{clip.key}: left out, {refusal}")
                continue
            pools[clip.class_id].prepared.append(clip.key)
            pools[clip.class_id].decisions[clip.key] = Decisions(prepared.kept, prepared.dropped)
            bodies[prepared.joints_MTVC.shape[0]] += 1
            noted.update(prepared.notes)
    return sorted(left_out) + [f"{count} clips: {note}" for note, count in sorted(noted.items())], bodies


def _next_keys(definition: Definition, pools: Mapping[int, _Pool]) -> set[str]:
    """Take from each class as many waiting keys as it still lacks."""
    asked = definition.split.clips_per_class
    chosen: set[str] = set()
    for pool in pools.values():
        lacking = len(pool.waiting) if asked is None else max(0, asked - len(pool.prepared))
        chosen.update(pool.waiting[:lacking])
        del pool.waiting[:lacking]
    return chosen


def _chosen_clips(parsed: Path, chosen: set[str]) -> Iterator[ParsedClip]:
    missing = set(chosen)
    with tqdm(total=len(chosen), desc="split", unit="clip", disable=None) as progress:
        for clip in read_clips(parsed):
            if clip.key in missing:
                missing.remove(clip.key)
                yield clip
                progress.update()
            if not missing:
                return
    if missing:
        raise DataError(f"{parsed}: {len(missing)} clips of its facts have no joints, the first is {min(missing)}")


def _prepare(clip: ParsedClip, class_name: str, definition: Definition, spool: _Spool) -> Prepared:
    """Prepare a clip; as the shards hold it, with its row of facts, it waits in the spool. Refused: no usable body."""
    spec = definition.split
    rng = clip_rng(spec.seed, clip.key) if spec.frames == "random" else None
    try:
        prepared = prepare_clip(clip.tracks, spec, definition.parse.layout, rng, spec.most_bodies(clip.class_id))
        facts = {
            "class_id": clip.class_id,
            "class_name": class_name,
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
        spool.add(Clip(key=clip.key, joints_MTVC=prepared.joints_MTVC, facts=facts))
    except ValueError as error:
        raise DataError(f"clip {clip.key} ({clip.source}): {error}") from error
    return prepared


def _shard_classes(
    definition: Definition, part: str, pools: Mapping[int, _Pool], spool: _Spool
) -> Iterator[tuple[int, ShardClass]]:
    exemplars = frozenset(definition.split.exemplars)
    for class_id in definition.split.class_split[part]:
        keys = sorted(pools[class_id].prepared)
        if keys:
            pool = pools[class_id]
            yield (
                class_id,
                ShardClass(name=pool.name, clips=map(spool.read, keys), exemplars=exemplars, decisions=pool.decisions),
            )
