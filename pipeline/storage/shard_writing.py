"""Writes a shard folder: WebDataset tars of one class each, an index of every array, and a manifest that describes all.

In: clips, class after class. Out: `<part>/<class id>-<nnn>.tar`, `index.parquet`, `manifest.json` as
`dastm.contract.shard_format` defines them. The same clips give the same bytes: members sorted, mtime 0, uid and gid 0,
no names, mode 0644.
"""

import io
import platform
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import dastm.contract.shard_format
from dastm.contract.shard_format import (
    DECISION_COLUMNS,
    FACTS_SUFFIX,
    INDEX_COLUMNS,
    INDEX_NAME,
    JOINTS_SUFFIX,
    MANIFEST_NAME,
    SUBSETS,
    ClassEntry,
    Clip,
    Manifest,
    ShardError,
    checksum,
    contents_digest,
    decode_manifest,
    encode_clip,
    encode_manifest,
)
from dastm.contract.skeleton import Layout
from pipeline.work.folders import FolderKind
from pipeline.work.paths import clear_errors, whole_file, write_whole
from pipeline.work.tasks import Run
from pipeline.work.workers import here

INDEX_SCHEMA = pa.schema(
    [
        *(("key", pa.string()), ("class_id", pa.int32()), ("part", pa.string()), ("shard", pa.string())),
        *(("offset", pa.int64()), ("length", pa.int64()), ("frames", pa.int32()), ("bodies", pa.int32())),
        ("checksum", pa.string()),
    ]
)
_DROPPED = pa.struct([("id", pa.int64()), ("reason", pa.string())])
DECISION_SCHEMA = pa.schema(
    [
        ("kept", pa.list_(pa.field("element", pa.list_(pa.field("element", pa.int64()))))),
        ("dropped", pa.list_(pa.field("element", _DROPPED))),
    ]
)


class Decisions(NamedTuple):
    """What the index records about how the bodies of a clip were chosen."""

    kept: Sequence[Sequence[int]]
    """(bodies,) the source's ids of the tracks that each body is made of."""
    dropped: Sequence[tuple[int, str]]
    """Source id and reason of every other track."""


@dataclass(frozen=True, kw_only=True)
class ShardClass:
    """One class of one subset: its name and its clips in ascending order of their keys (read once).

    If other processes write the shards, it must be possible to send its clips there.
    """

    name: str
    clips: Iterable[Clip]
    exemplars: frozenset[str] = frozenset()
    """Keys of its exemplars; keys of other classes may be among them."""
    decisions: Mapping[str, Decisions] | None = None
    """key -> decisions, for every clip; None if nothing was chosen. Either all classes of a folder have them, or
    none."""


class _ClassWork(NamedTuple):
    """One class of one subset, written by one worker."""

    folder: Path
    subset: str
    class_id: int
    shard_class: ShardClass
    shape_TVC: tuple[int, int, int]
    clips_per_shard: int


def _listed(folder: Path) -> list[str] | None:
    """All files that the manifest of a shard folder lists; None if the manifest cannot be read."""
    path = folder / MANIFEST_NAME
    try:
        manifest = decode_manifest(path.read_bytes(), str(path))
    except (OSError, ShardError, RecursionError):
        return None
    shards = [name for of_subset in manifest.subsets.values() for entry in of_subset.values() for name in entry.shards]
    return [*shards, INDEX_NAME, MANIFEST_NAME]


SHARDS = FolderKind(
    about="a shard folder",
    marker=MANIFEST_NAME,
    listed=_listed,
    names=re.compile(rf"({'|'.join(SUBSETS)})/\d{{3,}}-\d{{3,}}\.tar|{INDEX_NAME}|{MANIFEST_NAME}"),
)


def write_shards(
    folder: Path,
    subsets: Mapping[str, Mapping[int, ShardClass]],
    *,
    dataset: str,
    layout: Layout,
    frames: int,
    definition: Mapping[str, Any],
    clips_per_shard: int,
    run: Run = here,
) -> Manifest:
    """Fill an empty folder with shards and return its manifest; a worker holds one clip in memory at a time.

    The manifest is written last: a folder without it is not finished.

    Args:
        subsets: train, val, test -> class id -> clips; a subset left out is written as empty.
        frames: number of frames of every clip.
        definition: the data set definition in full.
        run: runs the writing of each class; by default in this process, one after the other.

    Raises: ValueError if a clip does not have the shape (bodies, frames, joints, coordinates) of the manifest, if keys
    are not in ascending order, or if a subset is unknown.
    """
    if not set(subsets) <= set(SUBSETS):
        raise ValueError(f"subsets {sorted(subsets)}: only {', '.join(SUBSETS)} are known")
    shape = (frames, layout.n_joints, len(layout.coordinates))
    classes = [
        _ClassWork(folder, subset, class_id, shard_class, shape, clips_per_shard)
        for subset in SUBSETS
        for class_id, shard_class in sorted(subsets.get(subset, {}).items())
    ]
    rows_of = {(work.subset, work.class_id): written for work, written in run(_write_class, classes)}
    rows: list[dict[str, Any]] = []
    entries: dict[str, dict[int, ClassEntry]] = {subset: {} for subset in SUBSETS}
    for work in classes:
        written = rows_of[work.subset, work.class_id]
        shards = tuple(dict.fromkeys(row["shard"] for row in written))
        given = tuple(i for i, row in enumerate(written) if row["key"] in work.shard_class.exemplars)
        entries[work.subset][work.class_id] = ClassEntry(
            name=work.shard_class.name, clips=len(written), shards=shards, exemplars=given
        )
        rows += [row | _decided(work.shard_class.decisions, row["key"]) for row in written]
    with clear_errors(folder), whole_file(folder / INDEX_NAME) as file:
        pq.write_table(_index(rows), file, write_page_checksum=True)
    manifest = Manifest(
        dataset=dataset,
        layout=layout,
        frames=frames,
        subsets=entries,
        definition=definition,
        contents=contents_digest(row["checksum"] for row in rows),
        versions=versions(),
    )
    with clear_errors(folder):
        write_whole(folder / MANIFEST_NAME, encode_manifest(manifest))
    return manifest


def _decided(decisions: Mapping[str, Decisions] | None, key: str) -> dict[str, Any]:
    if decisions is None:
        return {}
    kept, dropped = decisions[key]
    return {"kept": kept, "dropped": [{"id": track_id, "reason": reason} for track_id, reason in dropped]}


def _index(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The rows as a table; the columns of decisions only where there are decisions."""
    decided = any("kept" in row for row in rows)
    columns = [*INDEX_COLUMNS, *(DECISION_COLUMNS if decided else ())]
    schema = pa.unify_schemas([INDEX_SCHEMA, DECISION_SCHEMA]) if decided else INDEX_SCHEMA
    return pa.Table.from_pylist(rows, schema).select(columns)


def _checked(clips: Iterable[Clip], shape_TVC: tuple[int, int, int]) -> Iterator[Clip]:
    last = ""
    for clip in clips:
        if clip.joints_MTVC.shape[1:] != shape_TVC:
            raise ValueError(f"{clip.key}: shape {clip.joints_MTVC.shape}, expected (bodies, *{shape_TVC})")
        if clip.key <= last:
            raise ValueError(f"{clip.key}: keys must ascend, it comes after {last}")
        last = clip.key
        yield clip


def _write_class(work: _ClassWork) -> list[dict[str, Any]]:
    """All tars of one class; their index rows."""
    rows: list[dict[str, Any]] = []
    clips = _checked(work.shard_class.clips, work.shape_TVC)
    with clear_errors(work.folder):
        for number, first in enumerate(clips):
            shard = f"{work.subset}/{work.class_id:03d}-{number:03d}.tar"
            (work.folder / work.subset).mkdir(exist_ok=True)
            with (
                whole_file(work.folder / shard) as file,
                tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar,
            ):
                facts = {"class_id": work.class_id, "part": work.subset, "shard": shard}
                for clip in chain([first], islice(clips, work.clips_per_shard - 1)):
                    rows.append({**facts, **_write_clip(tar, file, clip)})
    return rows


def _write_clip(tar: tarfile.TarFile, file: IO[bytes], clip: Clip) -> dict[str, Any]:
    array, facts = encode_clip(clip)
    offset = _add_member(tar, file, f"{clip.key}.{JOINTS_SUFFIX}", array)
    _add_member(tar, file, f"{clip.key}.{FACTS_SUFFIX}", facts)
    n_bodies, n_frames = clip.joints_MTVC.shape[:2]
    return {
        "key": clip.key,
        "offset": offset,
        "length": len(array),
        "frames": n_frames,
        "bodies": n_bodies,
        "checksum": checksum(array),
    }


def _add_member(tar: tarfile.TarFile, file: IO[bytes], name: str, data: bytes) -> int:
    """Append one member and return where its bytes begin in the tar. TarInfo sets time 0, owner 0, mode 0644."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
    padded = -(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    return file.tell() - padded


def versions() -> dict[str, str]:
    """The versions of the software that makes the shards, for their manifest."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "numba": numba.__version__,
        "dastm": dastm.__version__,
    }
