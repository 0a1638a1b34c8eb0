"""Parsed table -> class-split shards: draws the clips, normalises each one, writes the folder that training reads.

In: a definition and the folder that `parse` wrote. Out: a shard folder (see `dastm.contract.shard_format`). Section 5
of the paper: 30, 60 or 100 random clips of each class, classes divided into train, val and test. The table is read
twice: first its facts, to choose keys, then the files with chosen clips. Normalised clips are cached beside the shards
(`pipeline.split.cache`), so that a killed run continues where it stopped; each worker holds only one file of the table
in memory. If the shards were already made from the same table, nothing is done.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dastm.contract.errors import DataError
from dastm.contract.progress import progress
from dastm.contract.shard_format import SUBSETS
from dastm.contract.wording import listed
from pipeline.definitions.definition import Definition
from pipeline.split.apart import kept_apart
from pipeline.split.cache import CachedClip, CachedClips, CacheTask, fill_cache
from pipeline.split.exemplars import drawn_first, find_exemplars
from pipeline.split.normalise import check_split
from pipeline.storage.shard_writing import SHARDS, Decisions, ShardClass, versions, write_shards
from pipeline.storage.table import SUMMARY_NAME, check_layout, read_file_facts, table_files
from pipeline.work.folders import check_replaceable, replaced_folder
from pipeline.work.paths import clear_errors
from pipeline.work.resume import (
    alone,
    code_digest,
    digest_of,
    digest_of_end,
    digest_of_file,
    keep_for,
    notes_folder,
    read_note,
    write_note,
)
from pipeline.work.tasks import P, R, Run
from pipeline.work.workers import Workers, at_work

_DRAWN_BY = ("key", "class_id", "class_name", "dataset", "frames", "bodies", "subject", "camera", "setup")
_WHOLE = "whole.json"


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """What a shard folder holds, and notes on how it was made."""

    clips: Mapping[str, int]
    """Subset -> number of clips."""
    classes: Mapping[str, int]
    """Subset -> number of classes."""
    bodies: Mapping[int, int]
    """Number of bodies present -> number of clips."""
    outside: int
    """Clips of the parsed table whose class is in no subset."""
    notes: tuple[str, ...]
    """Lines on classes with too few clips, clips left out, and steps that were not possible."""

    def lines(self) -> list[str]:
        """The summary as lines to print: one per subset, one on bodies, then the notes."""
        counts = [f"{subset}: {self.clips[subset]} clips of {self.classes[subset]} classes" for subset in SUBSETS]
        bodies = ", ".join(f"{n} with {m} bod{'y' if m == 1 else 'ies'}" for m, n in self.bodies.items())
        outside = [f"{self.outside} clips of classes outside the split"] if self.outside else []
        return [*counts, f"clips: {bodies}", *outside, *self.notes]


@dataclass
class _Pool:
    """The clips of one class to draw from: its name and its keys in the order in which they are drawn."""

    name: str
    waiting: list[str]
    cached: list[CachedClip] = field(default_factory=list)
    decisions: dict[str, Decisions] = field(default_factory=dict)
    """key -> the tracks that make up its bodies, and the tracks that were dropped."""


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What stays the same while the clips are normalised."""

    definition: Definition
    files: Sequence[Path]
    """The files of the parsed table."""
    file_of: Mapping[str, int]
    """key -> which file of the table holds it."""
    pools: Mapping[int, _Pool]
    folder: Path
    """The cache of normalised clips."""


def split(
    definition: Definition,
    parsed: Path,
    out: Path,
    *,
    workers: Workers | int = 1,
    log: Callable[[str], None] = lambda line: None,
) -> SplitSummary:
    """Write the shards of a definition; `out` is replaced as a whole when the new folder is complete.

    Args:
        workers: number of processes; it never changes the result.
        log: called with a line about work that need not be done again.

    Raises: DataError (one line) if the definition does not fit its layout, a key occurs twice, a class has too few
    clips with `too_few: error`, no clip is left, or another split is running on `out`; NotOurs if `out` holds files
    that `split` has not written.
    """
    check_split(definition.split, definition.shard_layout)
    check_replaceable(out, SHARDS, _noted(out))
    with alone(out):
        return _split(definition, parsed, out, workers, log)


def _split(
    definition: Definition, parsed: Path, out: Path, workers: Workers | int, log: Callable[[str], None]
) -> SplitSummary:
    files = table_files(parsed)
    check_layout(parsed, definition.parse.layout)
    digest = _digest(definition, files)
    finished = _finished(out, digest)
    if finished is not None:
        log("the parsed table, the definition and the shards are as they were, nothing is done again")
        return finished
    facts, file_of = _facts(files)
    _check_whole(parsed, facts.num_rows)
    facts, apart = kept_apart(facts, definition)
    pools, outside = _draw(facts, definition)
    for class_id, keys in find_exemplars(facts, definition).items():
        _lead(pools[class_id], keys)
    _check_counts({i: len(pool.waiting) for i, pool in pools.items()}, pools, definition)
    work = _Work(definition=definition, files=files, file_of=file_of, pools=pools, folder=notes_folder(out))
    with clear_errors(out):
        keep_for(work.folder, digest)
    with at_work(workers, len(files)) as run:
        found, bodies = _normalise_all(work, run, log)
        counts = {i: len(pool.cached) for i, pool in pools.items()}
        mapping = definition.joint_mapping
        mapped = mapping.lines() if mapping else ()
        notes = (*apart, *_check_counts(counts, pools, definition), *mapped, *found)
        _write(work, out, run)
    summary = SplitSummary(
        clips={subset: sum(counts[i] for i in definition.split.class_split[subset]) for subset in SUBSETS},
        classes={subset: sum(counts[i] > 0 for i in definition.split.class_split[subset]) for subset in SUBSETS},
        bodies=dict(sorted(bodies.items())),
        outside=outside,
        notes=notes,
    )
    with clear_errors(out):
        _finish(out, digest, summary)
    return summary


def _digest(definition: Definition, files: Sequence[Path]) -> str:
    """Digest of everything that the bytes of the shards depend on."""
    return digest_of(code_digest(), versions(), definition.to_dict(), [digest_of_end(path) for path in files])


def _finished(out: Path, digest: str) -> SplitSummary | None:
    """The summary of a run that has made the very files that lie in `out` from the same table; None otherwise."""
    note = read_note(notes_folder(out) / _WHOLE)
    if not isinstance(note, dict) or note.get("digest") != digest or note["files"] != _files(out):
        return None
    about = note["summary"]
    bodies = {int(n): count for n, count in about["bodies"].items()}
    return SplitSummary(**about | {"bodies": bodies, "notes": tuple(about["notes"])})


def _noted(out: Path) -> list[str]:
    """Names of the files that the last run wrote into `out`: known even if the manifest is damaged."""
    note = read_note(notes_folder(out) / _WHOLE)
    files = note.get("files") if isinstance(note, dict) else None
    return list(files) if isinstance(files, dict) else []


def _files(out: Path) -> dict[str, str]:
    """Every file of a shard folder with the digest of its bytes."""
    found = (path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): digest_of_file(path) for path in found}


def _finish(out: Path, digest: str, summary: SplitSummary) -> None:
    """Note what `out` was made from, and remove the cached clips."""
    folder = notes_folder(out)
    write_note(folder / _WHOLE, {"digest": digest, "files": _files(out), "summary": asdict(summary)})
    for pattern in ("prepared-*", ".*.new"):
        for path in folder.glob(pattern):
            path.unlink()


def _facts(files: Sequence[Path]) -> tuple[pa.Table, dict[str, int]]:
    """The columns by which clips are drawn, and which file holds which key."""
    tables = [read_file_facts(path, _DRAWN_BY) for path in files]
    file_of = {key: number for number, table in enumerate(tables) for key in table["key"].to_pylist()}
    return pa.concat_tables(tables), file_of


def _check_whole(parsed: Path, clips: int) -> None:
    """Raise DataError if the last files of a table are missing; their numbers then show no gap."""
    summary = read_note(parsed / SUMMARY_NAME)
    if isinstance(summary, dict) and summary.get("clips") != clips:
        raise DataError(
            f"{parsed}: {clips} clips, its summary says {summary.get('clips')}; run `dastm-data parse` again"
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
        for subset in SUBSETS
        for class_id in definition.split.class_split[subset]
    }
    outside = 0
    for row in sorted(rows, key=lambda row: str(row["key"])):
        pool = pools.get(row["class_id"])
        if pool is None:
            outside += 1
        elif row["frames"] > 0 and row["bodies"] > 0:
            if not pool.waiting:
                pool.name = _class_name(row, definition)
            pool.waiting.append(row["key"])
    for class_id, pool in pools.items():
        order = np.random.default_rng([definition.split.seed, class_id]).permutation(len(pool.waiting))
        pool.waiting = [pool.waiting[i] for i in order]
    return pools, outside


def _class_name(row: Mapping[str, Any], definition: Definition) -> str:
    """The name of a row's class; DataError where the table of another data set calls that class something else."""
    name, other = definition.class_name(row["class_id"]), row["class_name"]
    if name and other and name != other and row["dataset"] != definition.name:
        raise DataError(
            f"parsed table of {row['dataset']}, where class {row['class_id']} is {other!r}; in {definition.name} it is"
            f" {name!r}; name the data set that it was parsed with, or run `dastm-data parse` again"
        )
    return name or str(other)


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
        raise DataError(
            f"{len(short)} classes have too few usable clips (--set split.too_few=note takes what there is):"
            f" {listed(short, 10)}"
        )
    if not any(counts.values()):
        raise DataError("no class of the split has a usable clip in the parsed table")
    return tuple(short)


def _normalise_all(work: _Work, run: Run, log: Callable[[str], None]) -> tuple[list[str], Counter[int]]:
    """Normalise the drawn clips; for each unusable clip the next one of its class is drawn from the table.

    Returns the notes, clip by clip and then counted, and how many clips have how many bodies.
    """
    left_out: list[str] = []
    noted: Counter[str] = Counter()
    bodies: Counter[int] = Counter()
    rounds = 0
    while chosen := _next_keys(work.definition, work.pools):
        tasks = _cut(work, chosen, rounds)
        _run(tasks, run, log)
        for note in map(_note_of, tasks):
            for key, why in note["refused"]:
                if key in work.definition.split.exemplars:
                    raise DataError(f"exemplar {key}: {why}")
                left_out.append(f"{key}: left out, {why}")
            for row in note["clips"]:
                pool = work.pools[row["class_id"]]
                pool.cached.append(CachedClip(*row["place"]))
                pool.decisions[row["key"]] = Decisions(row["kept"], row["dropped"])
                bodies[row["bodies"]] += 1
                noted.update(row["notes"])
        rounds += 1
    return sorted(left_out) + [f"{count} clips: {note}" for note, count in sorted(noted.items())], bodies


def _next_keys(definition: Definition, pools: Mapping[int, _Pool]) -> set[str]:
    """Take from each class as many waiting keys as it still lacks."""
    asked = definition.split.clips_per_class
    chosen: set[str] = set()
    for pool in pools.values():
        lacking = len(pool.waiting) if asked is None else max(0, asked - len(pool.cached))
        chosen.update(pool.waiting[:lacking])
        del pool.waiting[:lacking]
    return chosen


def _cut(work: _Work, chosen: set[str], rounds: int) -> list[CacheTask]:
    """The chosen keys by the file of the table that holds them; the other files are not touched."""
    keys: dict[int, list[str]] = {}
    for key in sorted(chosen):
        keys.setdefault(work.file_of[key], []).append(key)
    names = {class_id: pool.name for class_id, pool in work.pools.items()}
    return [
        CacheTask(
            source=work.files[number],
            keys=tuple(keys[number]),
            class_names=names,
            definition=work.definition,
            folder=work.folder,
            name=f"prepared-{rounds:03d}-{number:05d}",
        )
        for number in sorted(keys)
    ]


def _run(tasks: Sequence[CacheTask], run: Run, log: Callable[[str], None]) -> None:
    """Do the tasks of one round that an interrupted run has not finished."""
    to_do = [task for task in tasks if not task.is_done()]
    if len(to_do) < len(tasks):
        log(f"{len(tasks) - len(to_do)} of {len(tasks)} table files are done already")
    total = sum(len(task.keys) for task in tasks)
    left = sum(len(task.keys) for task in to_do)
    with (
        progress(total=total, initial=total - left, desc="split", unit="clip") as bar,
        closing(run(fill_cache, to_do)) as finished,
    ):
        for task, _ in finished:
            bar.update(len(task.keys))


def _note_of(task: CacheTask) -> dict[str, Any]:
    note = read_note(task.note)
    if not isinstance(note, dict):
        raise DataError(f"{task.note}: gone while the split was at work; run it again")
    return note


def _write(work: _Work, out: Path, run: Run) -> None:
    definition = work.definition
    with replaced_folder(out, SHARDS, _noted(out)) as folder:
        write_shards(
            folder,
            {subset: dict(_shard_classes(work, subset)) for subset in SUBSETS},
            dataset=definition.name,
            layout=definition.shard_layout,
            frames=definition.split.n_frames,
            definition=definition.to_dict(),
            clips_per_shard=definition.split.clips_per_shard,
            run=_told(run),
        )


def _told(run: Run) -> Run:
    """The same runner; it also reports the progress of writing."""

    def told(do: Callable[[P], R], tasks: Iterable[P], /) -> Generator[tuple[P, R], None, None]:
        listed = list(tasks)
        yield from progress(run(do, listed), total=len(listed), desc="write", unit="class")

    return told


def _shard_classes(work: _Work, subset: str) -> Iterator[tuple[int, ShardClass]]:
    exemplars = frozenset(work.definition.split.exemplars)
    for class_id in work.definition.split.class_split[subset]:
        pool = work.pools[class_id]
        if pool.cached:
            clips = CachedClips(folder=work.folder, where=sorted(pool.cached))
            yield class_id, ShardClass(name=pool.name, clips=clips, exemplars=exemplars, decisions=pool.decisions)
