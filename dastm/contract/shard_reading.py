"""Reads a shard folder that may come from other people: the checks that every reader but the audit makes first.

In: a folder. Out: its manifest, its index, the clips of its tars. Names may lead only into the folder; files must be
regular (links to regular files are followed, since DVC's cache makes them); sizes are checked before anything is read.
Raises: ShardError in one line. Both halves read with this; `pipeline.audit.run` has separate checks on purpose.
"""

import re
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from dastm.contract.documents import DocumentError, cut, read_file, shown
from dastm.contract.shard_format import (
    FACTS_SUFFIX,
    INDEX_NAME,
    JOINTS_SUFFIX,
    MANIFEST_NAME,
    Clip,
    Manifest,
    ShardError,
    decode_clip,
    decode_manifest,
)

AGAIN = "run `dastm-data split` again"
MOST_ARRAY, MOST_FACTS = 512 * 2**20, 16 * 2**20
"""Largest accepted sizes of a clip's two members in bytes; genuine ones are a hundredth of this."""
SHARD_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)*", re.ASCII)
"""Names of tars become paths and, for pipe: URLs, words of a shell command: plain relative names, no "..", no
blanks."""
DATASET_NAME = re.compile(r"[\w-]+", re.ASCII)
"""Names of data sets: a run folder may be named after one."""
PARQUET_FAULTS = (pa.ArrowException, OSError, ValueError, LookupError, TypeError, ArithmeticError, MemoryError)
"""Exceptions that pyarrow raises for damaged Parquet files."""


def check_manifest(data: bytes, where: str) -> Manifest:
    """Decode and check; ShardError naming `where` for damage, another schema or a shard name that is not plain."""
    manifest = decode_manifest(data, where)
    if not DATASET_NAME.fullmatch(manifest.dataset):
        raise ShardError(f"{where}: {shown(manifest.dataset)} is not a plain name of a data set")
    for subset in manifest.subsets.values():
        for name in (shard for entry in subset.values() for shard in entry.shards):
            _check_name(name, where)
    return manifest


def _check_name(name: str, where: str) -> None:
    if not SHARD_NAME.fullmatch(name):
        raise ShardError(f"{where}: {shown(name)} is not a plain name of a shard inside the folder")


def has_manifest(folder: Path) -> bool:
    """Whether the folder has a manifest."""
    return (folder / MANIFEST_NAME).exists()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a shard folder, decoded and checked."""
    path = folder / MANIFEST_NAME
    try:
        data = read_file(path)
    except DocumentError as error:
        raise ShardError(f"{path}: {error}") from None
    return check_manifest(data, str(path))


def read_index(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The index or some of its columns, one row per clip (see `dastm.contract.shard_format.INDEX_COLUMNS`)."""
    path = folder / INDEX_NAME
    try:
        if not path.is_file():
            raise FileNotFoundError("no regular file there")
        return pq.read_table(path.absolute(), columns=columns and list(columns), page_checksum_verification=True)
    except PARQUET_FAULTS as error:
        raise ShardError(f"{path}: not an index of shards ({cut(error)}); {AGAIN}") from None


def shard_path(folder: Path, name: str) -> Path:
    """The tar of this name."""
    _check_name(name, str(folder))
    path = folder / name
    if not path.is_file():
        raise ShardError(f"{path}: {'no regular file' if path.exists() else 'missing'}; {AGAIN}")
    return path


def read_shard(folder: Path, name: str) -> Iterator[Clip]:
    """The clips of one tar in order, one in memory at a time."""
    path = shard_path(folder, name)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            yield from clips_of(file, str(path), size)
    except OSError as error:
        raise ShardError(f"{path}: cannot be read ({error.strerror or cut(error)}); {AGAIN}") from None


def clips_of(file: IO[bytes], where: str, size: int) -> Iterator[Clip]:
    """The clips of an open tar of this size in bytes; ShardError naming `where` and the clip."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            while (first := tar.next()) is not None:
                array = _content(tar, first, MOST_ARRAY, size)
                key = first.name.removesuffix(f".{JOINTS_SUFFIX}")
                second = tar.next()
                if second is None or (first.name, second.name) != (f"{key}.{JOINTS_SUFFIX}", f"{key}.{FACTS_SUFFIX}"):
                    raise tarfile.ReadError(f"{cut(first.name)}: not a clip's array and facts")
                clip = decode_clip(array, _content(tar, second, MOST_FACTS, size), f"{where}: {cut(key)}")
                if clip.key != key:
                    raise ShardError(f"{where}: {cut(key)}: holds the clip {shown(clip.key)}; {AGAIN}")
                yield clip
    except (tarfile.TarError, OSError, EOFError, ValueError, ArithmeticError, MemoryError) as error:
        raise ShardError(f"{where}: damaged tar ({cut(error)}); {AGAIN}") from None


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, most: int, size: int) -> bytes:
    """The bytes of a member that lies in the file as it says, and is as large as it takes place there."""
    if not member.isreg() or member.issparse():
        raise tarfile.ReadError(f"{cut(member.name)}: not a file")
    if member.size > most or member.offset_data + member.size > size:
        raise tarfile.ReadError(
            f"{cut(member.name)}: {member.size} bytes, more than there are, or than a clip may have"
        )
    opened: Any = tar.extractfile(member)
    data: bytes = opened.read()
    return data
