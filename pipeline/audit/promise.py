"""Reads manifest and index of a shard folder for the audit, and finds contradictions between them.

In: a shard folder. Out: `Promise`, what its clips must be; the rows of the index; problems, one line each.
"""

import hashlib
import io
import json
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.audit.decisions import DECISION_COLUMNS, decision_problems
from pipeline.audit.people import People

SUBSETS = ("train", "val", "test")
COLUMNS = {
    "key": "string",
    "class_id": "int32",
    "part": "string",
    "shard": "string",
    "offset": "int64",
    "length": "int64",
    "frames": "int32",
    "bodies": "int32",
    "checksum": "string",
}
MOST_MANIFEST, MOST_SHARD = 64 * 2**20, 4 * 2**30
"""Bytes of a file; each is held in memory whole."""
MOST_SHOWN = 300
"""Characters of a reason."""
FAULTS = (OSError, ValueError, MemoryError)

Row = dict[str, Any]


def digest_bytes(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ClassPromise:
    subset: str
    class_id: int
    name: str
    clips: int
    shards: tuple[str, ...]
    exemplars: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the manifest says; nothing at all where it cannot be read."""

    dataset: str = ""
    classes: tuple[ClassPromise, ...] = ()
    frames: int = 0
    n_joints: int = 0
    coordinates: tuple[str, ...] = ()
    class_split: dict[str, list[int]] = field(default_factory=dict)
    exemplars: tuple[str, ...] = ()
    """Keys, as the definition lists them."""
    most_bodies: int = 0
    two_person_classes: frozenset[int] = frozenset()
    keep_slots: bool = False
    """An empty slot before a body is a body of zeros."""
    contents: str = ""


@dataclass
class Found:
    """What has been seen so far."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    shard_of: dict[str, str] = field(default_factory=dict)
    clips: Counter[tuple[str, int]] = field(default_factory=Counter)
    bodies: Counter[int] = field(default_factory=Counter)
    range: dict[str, list[float]] = field(default_factory=dict)
    people: People = field(default_factory=People)


def bytes_of(folder: Path, name: str, most: int) -> bytes:
    """The bytes of a regular file inside the folder; ValueError or OSError for anything else, or a larger one."""
    if not name or name.startswith("/") or ".." in Path(name).parts:
        raise ValueError("not a name inside the folder")
    path = folder / name
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("not a regular file")
    if facts.st_size > most:
        raise ValueError(f"{facts.st_size} bytes, more than the {most} that it may have")
    with path.open("rb") as file:
        return file.read(facts.st_size)


def _keeps_slots(definition: Mapping[str, Any]) -> bool:
    """Whether an import or a split kept bodies in the slots of their source."""
    return dict(definition.get("arrays") or {}).get("keep_slots") is True or definition["split"].get("rank") == "slots"


def reason_of(error: BaseException) -> str:
    """The reason of an error, as one line that is not too long."""
    if isinstance(error, KeyError):
        return f"there is no {error}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    line = " ".join(str(getattr(error, "strerror", None) or error).split()) or "no reason is given"
    return line if len(line) <= MOST_SHOWN else f"{line[:MOST_SHOWN]}.."


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError for a name that is given twice, of which readers would use either value."""
    value = dict(pairs)
    if len(value) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the name {twice!r} is given twice")
    return value


def read_manifest(shards: Path, found: Found) -> Promise:
    try:
        document = json.loads(bytes_of(shards, "manifest.json", MOST_MANIFEST), object_pairs_hook=each_once)
        if document["schema_version"] != 1:
            raise ValueError(f"schema {document['schema_version']}, this audit reads 1")
        split = document["definition"]["split"]
        found.people = People(document)
        return Promise(
            dataset=str(document["dataset"]),
            classes=tuple(classes(document["parts"])),
            frames=int(document["frames"]),
            n_joints=len(document["layout"]["joints"]),
            coordinates=tuple(map(str, document["layout"]["coordinates"])),
            class_split={str(subset): [int(i) for i in ids] for subset, ids in split["class_split"].items()},
            exemplars=tuple(map(str, split.get("exemplars", ()))),
            most_bodies=int(split["bodies"]),
            two_person_classes=frozenset(map(int, split.get("two_person_classes") or ())),
            keep_slots=_keeps_slots(document["definition"]),
            contents=str(document["contents"]),
        )
    except (OSError, MemoryError) as error:
        found.problems.append(f"manifest.json: {reason_of(error)}")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        found.problems.append(f"manifest.json: not a manifest of shards ({reason_of(error)})")
    return Promise()


def classes(subsets: dict[str, dict[str, Row]]) -> Iterator[ClassPromise]:
    """In the order of subsets, then of classes; an unknown subset comes last and is a problem later."""
    order = {subset: SUBSETS.index(subset) if subset in SUBSETS else len(SUBSETS) for subset in subsets}
    for subset in sorted(subsets, key=lambda subset: (order[subset], subset)):
        for class_id, entry in sorted(subsets[subset].items(), key=lambda item: int(item[0])):
            yield ClassPromise(
                subset=subset,
                class_id=int(class_id),
                name=str(entry["name"]),
                clips=int(entry["clips"]),
                shards=tuple(map(str, entry["shards"])),
                exemplars=tuple(map(int, entry.get("exemplars", ()))),
            )


def read_index(shards: Path, found: Found, *, keep_slots: bool = False) -> list[Row]:
    try:
        data = io.BytesIO(bytes_of(shards, "index.parquet", MOST_SHARD))
        with pq.ParquetFile(data, page_checksum_verification=True) as file:
            table = file.read()
        columns = {column.name: str(column.type) for column in table.schema}
        if list(columns.items()) not in (list(COLUMNS.items()), list((COLUMNS | DECISION_COLUMNS).items())):
            raise ValueError(f"columns {columns}, expected {COLUMNS}")
        if any(column.null_count for column in table.columns):
            raise ValueError("empty cells")
        rows: list[Row] = table.to_pylist()
    except (*FAULTS, pa.ArrowException, LookupError, TypeError, ArithmeticError) as error:
        found.problems.append(f"index.parquet: {reason_of(error)}")
        return []
    order = [
        (SUBSETS.index(row["part"]) if row["part"] in SUBSETS else -1, row["class_id"], row["key"]) for row in rows
    ]
    if order != sorted(order):
        found.problems.append("index.parquet: rows are not sorted by part, class and key")
    twice = sorted(key for key, count in Counter(row["key"] for row in rows).items() if count > 1)
    found.problems += [f"index.parquet: key {key} occurs more than once" for key in twice]
    for row in rows:
        problems = decision_problems(row, keep_slots=keep_slots)
        found.problems += [f"index.parquet: {row['key']}: {problem}" for problem in problems]
    return rows


def class_problems(promise: Promise) -> Iterator[str]:
    """Classes in the wrong subset or in two, and shards not named after their class."""
    subset_of: dict[int, str] = {}
    for of in promise.classes:
        where = f"manifest.json: class {of.class_id} of {of.subset}"
        if of.subset not in SUBSETS:
            yield f"{where}: unknown subset"
        if of.class_id in subset_of:
            yield f"{where}: also in {subset_of[of.class_id]}"
        subset_of[of.class_id] = of.subset
        if of.class_id not in promise.class_split.get(of.subset, []):
            yield f"{where}: the definition's class split does not have it there"
        named = tuple(f"{of.subset}/{of.class_id:03d}-{number:03d}.tar" for number in range(len(of.shards)))
        if of.shards != named or not named:
            yield f"{where}: shards {list(of.shards)}, expected {list(named) or 'at least one'}"


def file_problems(shards: Path, promise: Promise, rows: list[Row]) -> Iterator[str]:
    """Tars that nobody lists, and index rows that point to no listed tar."""
    listed = {shard for of in promise.classes for shard in of.shards}
    for path in sorted(shards.rglob("*.tar")):
        shard = path.relative_to(shards).as_posix()
        if shard not in listed:
            yield f"{shard}: not in the manifest"
    for shard, count in sorted(Counter(row["shard"] for row in rows).items()):
        if shard not in listed:
            yield f"index.parquet: {count} clips in {shard}, which is not in the manifest"


def exemplar_problems(promise: Promise, rows: list[Row]) -> Iterator[str]:
    """Positions in the manifest that are not those of the clips that the definition lists."""
    listed = set(promise.exemplars)
    for key in sorted(listed - {row["key"] for row in rows if row["part"] == "test"}):
        yield f"manifest.json: exemplar {key} is no clip of the test part"
    keys_of: dict[tuple[str, int], list[str]] = {}
    for row in rows:
        keys_of.setdefault((row["part"], row["class_id"]), []).append(row["key"])
    for of in promise.classes:
        there = tuple(i for i, key in enumerate(keys_of.get((of.subset, of.class_id), ())) if key in listed)
        if of.exemplars != there:
            where = f"manifest.json: class {of.class_id} of {of.subset}: exemplars at {list(of.exemplars)}"
            yield f"{where}, those that the definition lists are at {list(there)}"
