"""Reads a shard folder a second time, and independently: does it hold what it says?

In: a shard folder. Out: a report with one line for each problem. On purpose this file shares no code with the writer:
plain tarfile, JSON, numpy and Parquet, its own idea of the format and its own checksum, so that one mistake in
`dastm.clip` or `pipeline.shards` cannot hide in both. Damage of any kind is a line of the report, never a traceback.
One shard is held in memory at a time; the same folder always gives the same report.

Axes: M bodies, T frames, V joints, C coordinates.
"""

import hashlib
import io
import json
import stat
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dastm.progress import progress
from pipeline.audit_decisions import DECISION_COLUMNS, alone_warnings, decision_problems
from pipeline.audit_people import People

PARTS = ("train", "val", "test")
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
LARGEST = 100.0
"""Metres, torso lengths or fractions of an image: no joint is farther from the origin than this."""
MOST_CONFIDENT = 2.0
SCRAMBLED = b'"frames scrambled, as the authors\' released code leaves them"'
"""The note, as facts hold it, on a clip whose frames and coordinates are mixed up: they are put back first."""
BLOCK = 512
MOST_MANIFEST, MOST_SHARD = 64 * 2**20, 4 * 2**30
"""Bytes of a file; each is held in memory whole."""
MOST_SHOWN = 300
"""Characters of a reason."""
_FAULTS = (OSError, ValueError, MemoryError)

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Class:
    part: str
    class_id: int
    name: str
    clips: int
    shards: tuple[str, ...]
    exemplars: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _Promise:
    """What the manifest says; nothing at all where it cannot be read."""

    dataset: str = ""
    classes: tuple[_Class, ...] = ()
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
class _Found:
    """What has been seen so far."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    shard_of: dict[str, str] = field(default_factory=dict)
    clips: Counter[tuple[str, int]] = field(default_factory=Counter)
    bodies: Counter[int] = field(default_factory=Counter)
    range: dict[str, list[float]] = field(default_factory=dict)
    people: People = field(default_factory=People)


def audit(shards: Path) -> dict[str, Any]:
    """Check a whole shard folder.

    Returns a report that is plain JSON: `ok`, `problems` and `warnings` (a line each), `clips`, `classes`, `parts`
    (classes, clips, fewest and most clips a class), `bodies` (clips by number of bodies), `frames`, `joints`, `range`
    (lowest and highest value of each coordinate).
    """
    found = _Found()
    promise = _read_manifest(shards, found)
    rows = _read_index(shards, found)
    found.problems += [*_class_problems(promise), *_file_problems(shards, promise, rows)]
    found.warnings += alone_warnings(rows, promise.two_person_classes)
    listed = [(shard, of) for of in promise.classes for shard in of.shards]
    rows_of: dict[str, dict[str, Row]] = {shard: {} for shard, _ in listed}
    for row in rows:
        rows_of.setdefault(row["shard"], {})[row["key"]] = row
    for shard, of in progress(listed, desc="audit", unit="shard"):
        try:
            data = _bytes_of(shards, shard, MOST_SHARD)
        except _FAULTS as error:
            found.problems.append(f"{shard}: {_reason(error)}")
            continue
        _check_shard(shard, of, data, rows_of[shard], promise, found)
    indexed = Counter((row["part"], row["class_id"]) for row in rows)
    for of in promise.classes:
        counts = (of.clips, indexed[of.part, of.class_id], found.clips[of.part, of.class_id])
        if len(set(counts)) > 1:
            found.problems.append(
                f"class {of.class_id} of {of.part}: manifest {counts[0]}, index {counts[1]}, tars {counts[2]} clips"
            )
    found.problems += _exemplar_problems(promise, rows)
    found.warnings += found.people.warnings()
    if rows and _digest("".join(row["checksum"] for row in rows).encode()) != promise.contents:
        found.problems.append("manifest.json: contents are not those of the index")
    return _report(promise, found)


def audit_json(report: dict[str, Any]) -> bytes:
    """A report as the bytes of a JSON file."""
    text = json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")  # a damaged name may be no unicode


def _bytes_of(folder: Path, name: str, most: int) -> bytes:
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


def _reason(error: BaseException) -> str:
    """In one line that is not too long."""
    line = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
    return line if len(line) <= MOST_SHOWN else f"{line[:MOST_SHOWN]}.."


def _read_manifest(shards: Path, found: _Found) -> _Promise:
    try:
        document = json.loads(_bytes_of(shards, "manifest.json", MOST_MANIFEST))
        if document["schema_version"] != 1:
            raise ValueError(f"schema {document['schema_version']}, this audit reads 1")
        split = document["definition"]["split"]
        found.people = People(document)
        return _Promise(
            dataset=str(document["dataset"]),
            classes=tuple(_classes(document["parts"])),
            frames=int(document["frames"]),
            n_joints=len(document["layout"]["joints"]),
            coordinates=tuple(map(str, document["layout"]["coordinates"])),
            class_split={str(part): [int(i) for i in ids] for part, ids in split["class_split"].items()},
            exemplars=tuple(map(str, split.get("exemplars", ()))),
            most_bodies=int(split["bodies"]),
            two_person_classes=frozenset(map(int, split.get("two_person_classes") or ())),
            keep_slots=dict(document["definition"].get("arrays") or {}).get("keep_slots") is True,
            contents=str(document["contents"]),
        )
    except (OSError, MemoryError) as error:
        found.problems.append(f"manifest.json: {_reason(error)}")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        found.problems.append(f"manifest.json: not a manifest of shards ({type(error).__name__}: {_reason(error)})")
    return _Promise()


def _classes(parts: dict[str, dict[str, Row]]) -> Iterator[_Class]:
    """In the order of parts, then of classes; an unknown part comes last and is a problem later."""
    order = {part: PARTS.index(part) if part in PARTS else len(PARTS) for part in parts}
    for part in sorted(parts, key=lambda part: (order[part], part)):
        for class_id, entry in sorted(parts[part].items(), key=lambda item: int(item[0])):
            yield _Class(
                part=part,
                class_id=int(class_id),
                name=str(entry["name"]),
                clips=int(entry["clips"]),
                shards=tuple(map(str, entry["shards"])),
                exemplars=tuple(map(int, entry.get("exemplars", ()))),
            )


def _read_index(shards: Path, found: _Found) -> list[Row]:
    try:
        data = io.BytesIO(_bytes_of(shards, "index.parquet", MOST_SHARD))
        with pq.ParquetFile(data, page_checksum_verification=True) as file:
            table = file.read()
        columns = {column.name: str(column.type) for column in table.schema}
        if list(columns.items()) not in (list(COLUMNS.items()), list((COLUMNS | DECISION_COLUMNS).items())):
            raise ValueError(f"columns {columns}, expected {COLUMNS}")
        if any(column.null_count for column in table.columns):
            raise ValueError("empty cells")
        rows: list[Row] = table.to_pylist()
    except (*_FAULTS, pa.ArrowException, LookupError, TypeError, ArithmeticError) as error:
        found.problems.append(f"index.parquet: {_reason(error)}")
        return []
    order = [(PARTS.index(row["part"]) if row["part"] in PARTS else -1, row["class_id"], row["key"]) for row in rows]
    if order != sorted(order):
        found.problems.append("index.parquet: rows are not sorted by part, class and key")
    twice = sorted(key for key, count in Counter(row["key"] for row in rows).items() if count > 1)
    found.problems += [f"index.parquet: key {key} occurs more than once" for key in twice]
    found.problems += [f"index.parquet: {row['key']}: {problem}" for row in rows for problem in decision_problems(row)]
    return rows


def _class_problems(promise: _Promise) -> Iterator[str]:
    """Classes in the wrong part or in two, and shards not named after their class."""
    part_of: dict[int, str] = {}
    for of in promise.classes:
        where = f"manifest.json: class {of.class_id} of {of.part}"
        if of.part not in PARTS:
            yield f"{where}: unknown part"
        if of.class_id in part_of:
            yield f"{where}: also in {part_of[of.class_id]}"
        part_of[of.class_id] = of.part
        if of.class_id not in promise.class_split.get(of.part, []):
            yield f"{where}: the definition's class split does not have it there"
        named = tuple(f"{of.part}/{of.class_id:03d}-{number:03d}.tar" for number in range(len(of.shards)))
        if of.shards != named or not named:
            yield f"{where}: shards {list(of.shards)}, expected {list(named) or 'at least one'}"


def _file_problems(shards: Path, promise: _Promise, rows: list[Row]) -> Iterator[str]:
    """Tars that nobody lists, and index rows that point to no listed tar."""
    listed = {shard for of in promise.classes for shard in of.shards}
    for path in sorted(shards.rglob("*.tar")):
        shard = path.relative_to(shards).as_posix()
        if shard not in listed:
            yield f"{shard}: not in the manifest"
    for shard, count in sorted(Counter(row["shard"] for row in rows).items()):
        if shard not in listed:
            yield f"index.parquet: {count} clips in {shard}, which is not in the manifest"


def _exemplar_problems(promise: _Promise, rows: list[Row]) -> Iterator[str]:
    """Positions in the manifest that are not those of the clips that the definition lists."""
    listed = set(promise.exemplars)
    for key in sorted(listed - {row["key"] for row in rows if row["part"] == "test"}):
        yield f"manifest.json: exemplar {key} is no clip of the test part"
    keys_of: dict[tuple[str, int], list[str]] = {}
    for row in rows:
        keys_of.setdefault((row["part"], row["class_id"]), []).append(row["key"])
    for of in promise.classes:
        there = tuple(i for i, key in enumerate(keys_of.get((of.part, of.class_id), ())) if key in listed)
        if of.exemplars != there:
            where = f"manifest.json: class {of.class_id} of {of.part}: exemplars at {list(of.exemplars)}"
            yield f"{where}, those that the definition lists are at {list(there)}"


def _check_shard(shard: str, of: _Class, data: bytes, rows: dict[str, Row], promise: _Promise, found: _Found) -> None:
    members, problems = _read_members(data)
    found.problems += [f"{shard}: {problem}" for problem in problems]
    names = [name for name, _ in members]
    keys = [name.removesuffix(".joints.npy") for name in names if name.endswith(".joints.npy")]
    if names != [name for key in keys for name in (f"{key}.joints.npy", f"{key}.json")]:
        found.problems.append(f"{shard}: members are not pairs of <key>.joints.npy and <key>.json")
    if any(first >= second for first, second in pairwise(keys)):
        found.problems.append(f"{shard}: keys are not in ascending order")
    found.problems += [f"{shard}: {key} is in the index, not in the tar" for key in sorted(set(rows) - set(keys))]
    offsets = dict(members)
    for key in dict.fromkeys(keys):
        if key in found.shard_of:
            found.problems.append(f"{shard}: {key} is also in {found.shard_of[key]}")
        found.shard_of[key] = shard
        found.clips[of.part, of.class_id] += 1
        array, facts = (data[offsets.get(f"{key}.{suffix}", slice(0))] for suffix in ("joints.npy", "json"))
        row = rows.get(key)
        with np.errstate(invalid="ignore"):  # a NaN is a line of the report, not a warning
            problems = [
                *_index_problems(row, array, data, of),
                *_facts_problems(key, facts, array, of, promise),
                *_array_problems(key, shard, array, facts, row, promise, found),
            ]
        found.problems += [f"{shard}: {key}: {problem}" for problem in problems]


def _read_members(data: bytes) -> tuple[list[tuple[str, slice]], list[str]]:
    """Where the members of a tar lie, as far as it can be read, and what is wrong with it as a tar."""
    members: list[tuple[str, slice]] = []
    problems: list[str] = []
    end = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                start, end = member.offset_data, member.offset_data + member.size
                if not member.isreg() or member.issparse() or not 0 <= start <= end <= len(data):
                    raise tarfile.ReadError(f"{member.name}: not a file, or cut short")
                member.name = member.name.encode("utf-8", "backslashreplace").decode()  # damage may leave other bytes
                members.append((member.name, slice(start, end)))
                about = (member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode)
                if about != (0, 0, 0, "", "", 0o644):
                    problems.append(f"{member.name}: header holds a time, an owner or a mode: {about}")
                if data[start - BLOCK + 148 : start - BLOCK + 156] != b"%06o\0 " % member.chksum:
                    problems.append(f"{member.name}: the header's own checksum is not as written")
                if any(data[end : end + -end % BLOCK]):
                    problems.append(f"{member.name}: bytes after its end")
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, MemoryError) as error:
        return members, [*problems, f"damaged tar ({_reason(error)})"]
    tail = data[end + -end % BLOCK :]
    if any(tail) or len(tail) < 2 * BLOCK or len(data) % BLOCK:
        problems.append("damaged tar (no proper end)")
    return members, problems


def _index_problems(row: Row | None, array: bytes, data: bytes, of: _Class) -> Iterator[str]:
    if row is None:
        yield "not in the index"
        return
    if (row["part"], row["class_id"]) != (of.part, of.class_id):
        yield f"the index has it in class {row['class_id']} of {row['part']}"
    if row["offset"] < 0 or data[row["offset"] : row["offset"] + row["length"]] != array:
        yield "the index's offset and length are not those of its array"
    if row["checksum"] != _digest(array):
        yield "checksum differs from the index"


def _facts_problems(key: str, facts: bytes, array: bytes, of: _Class, promise: _Promise) -> Iterator[str]:
    try:
        document = json.loads(facts)
        claimed = {name: document[name] for name in ("key", "part", "class_id", "class_name", "checksum", "dataset")}
        frame_index, source_frames = [int(t) for t in document["frame_index"]], int(document["source_frames"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        yield f"facts are not the JSON of a clip ({type(error).__name__}: {error})"
        return
    claimed_checksum = document.pop("facts_checksum", None)
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if claimed_checksum != _digest(text.encode(errors="surrogatepass")):
        yield "checksum of the facts differs"
    own: Row = {"key": key, "part": of.part, "class_id": of.class_id, "class_name": of.name}
    own |= {"checksum": _digest(array), "dataset": promise.dataset}
    for name in own:
        if claimed[name] != own[name]:
            yield f"facts say {name} {claimed[name]!r}, it is {own[name]!r}"
    if len(frame_index) != promise.frames:
        yield f"facts name {len(frame_index)} source frames, not {promise.frames}"
    elif frame_index != sorted(frame_index) or not all(0 <= t < source_frames for t in frame_index):
        yield f"facts name source frames that are out of order or outside 0 .. {source_frames - 1}"


def _array_problems(
    key: str, shard: str, array: bytes, facts: bytes, row: Row | None, promise: _Promise, found: _Found
) -> Iterator[str]:
    try:
        joints_MTVC = np.lib.format.read_array(io.BytesIO(array), allow_pickle=False)
        shape = (len(joints_MTVC), promise.frames, promise.n_joints, len(promise.coordinates))
    except (ValueError, EOFError, SyntaxError, MemoryError, TypeError, TokenError) as error:
        yield f"not a numpy array ({' '.join(str(error).split())})"
        return
    if joints_MTVC.dtype != np.float32 or joints_MTVC.shape != shape or 0 in shape:
        yield f"{joints_MTVC.dtype} {joints_MTVC.shape}, expected float32 (bodies, {', '.join(map(str, shape[1:]))})"
        return
    n_bodies = shape[0]
    found.bodies[n_bodies] += 1
    if n_bodies > promise.most_bodies:
        yield f"{n_bodies} bodies, the definition keeps {promise.most_bodies}"
    if row is not None and (row["bodies"], row["frames"]) != shape[:2]:
        yield f"the index says {row['bodies']} bodies x {row['frames']} frames, it has {shape[0]} x {shape[1]}"
    if SCRAMBLED in facts:
        joints_MTVC = _put_back(joints_MTVC)
    yield from _value_problems(joints_MTVC, promise, found)
    found.warnings += [f"{shard}: {key}: {warning}" for warning in found.people.see(joints_MTVC)]


def _put_back(joints_MTVC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Coordinate k of frame f lies at number f C + k, counted coordinate after coordinate and frame after frame."""
    n_coordinates = joints_MTVC.shape[3]
    numbers = np.concatenate([joints_MTVC[..., c] for c in range(n_coordinates)], axis=1)
    return np.stack([numbers[:, k::n_coordinates] for k in range(n_coordinates)], axis=-1)


def _value_problems(joints_MTVC: NDArray[np.float32], promise: _Promise, found: _Found) -> Iterator[str]:
    coordinates = promise.coordinates
    n_wrong = int((~np.isfinite(joints_MTVC)).sum())
    if n_wrong:
        yield f"{n_wrong} values are NaN or infinite"
    n_places = len(coordinates) - (coordinates[-1] == "confidence")
    for body, body_TVC in enumerate(joints_MTVC):
        is_slot = promise.keep_slots and body + 1 < len(joints_MTVC)
        if not body_TVC[..., :n_places].any() and not is_slot:
            yield f"body {body} is all zero"
    for c, name in enumerate(coordinates):
        values = joints_MTVC[..., c][np.isfinite(joints_MTVC[..., c])]
        if not len(values):
            continue
        low, high = float(values.min()), float(values.max())
        least, most = (0.0, MOST_CONFIDENT) if name == "confidence" else (-LARGEST, LARGEST)
        if low < least or high > most:
            yield f"{name} from {low:g} to {high:g}, expected {least:g} to {most:g}"
        so_far = found.range.setdefault(name, [low, high])
        found.range[name] = [min(so_far[0], low), max(so_far[1], high)]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _report(promise: _Promise, found: _Found) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for part in PARTS:
        counts = [found.clips[of.part, of.class_id] for of in promise.classes if of.part == part]
        spread = {"min": min(counts, default=0), "max": max(counts, default=0)}
        parts[part] = {"classes": len(counts), "clips": sum(counts), "clips_per_class": spread}
    return {
        "ok": not found.problems,
        "problems": found.problems,
        "warnings": found.warnings,
        "dataset": promise.dataset,
        "clips": sum(part["clips"] for part in parts.values()),
        "classes": sum(part["classes"] for part in parts.values()),
        "parts": parts,
        "bodies": {str(n): count for n, count in sorted(found.bodies.items())},
        "frames": promise.frames,
        "joints": promise.n_joints,
        "range": {
            name: [round(v, 6) for v in found.range[name]] for name in promise.coordinates if name in found.range
        },
    }
