"""Clips by key out of a parsed table or a shard folder: only the files that hold them are read.

In: a folder and keys. Out: clips as they were written. A folder that is damaged is one clear `DataError` or
`ShardError`, as from those who read all of it.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from dastm.contract import shard_reading
from dastm.contract.documents import cut
from dastm.contract.errors import DataError
from dastm.contract.shard_format import (
    INDEX_COLUMNS,
    INDEX_NAME,
    Clip,
    Manifest,
    ShardError,
)
from pipeline.definitions.definition import SplitSpec, with_new_names
from pipeline.storage.table import ParsedClip, read_chosen, read_file_facts, table_files

_TEXTS = ("key", "part", "shard", "checksum")


def parsed_clips(folder: Path, keys: Collection[str]) -> dict[str, ParsedClip]:
    """key -> clip for those of `keys` that the table has; one table file is in memory at a time.

    Raises: DataError where the folder is not a finished parsed table or a table file is damaged.
    """
    found: dict[str, ParsedClip] = {}
    for path in table_files(folder):
        here = set(keys).intersection(read_file_facts(path, ("key",))["key"].to_pylist())
        if here:
            found |= {clip.key: clip for clip in read_chosen(path, here)}
    return found


def read_manifest(folder: Path) -> Manifest:
    """What a shard folder says of itself. DataError where there is no such folder, ShardError where it is damaged."""
    if not shard_reading.has_manifest(folder):
        raise DataError(f"{folder}: no shards there; run `dastm-data split` first")
    return shard_reading.read_manifest(folder)


def split_of(manifest: Manifest) -> SplitSpec | None:
    """The `split` block that the shards were made with; None where they were made otherwise (imported, say)."""
    split = manifest.definition.get("split")
    try:
        return TypeAdapter(SplitSpec).validate_python(with_new_names(split) if isinstance(split, Mapping) else split)
    except ValueError:
        return None


def setting_of(manifest: Manifest, name: str) -> Any:
    """The value of a key of the `split` block of a manifest, whoever wrote it; None if it is not there."""
    split = manifest.definition.get("split")
    return split.get(name) if isinstance(split, Mapping) else None


def source_frames(clip: Clip) -> int:
    """How many frames the source of a shard's clip has; ShardError where its facts do not say."""
    try:
        return int(clip.facts["source_frames"])
    except (KeyError, TypeError, ValueError) as error:
        raise ShardError(
            f"{clip.key}: facts without source_frames ({cut(error)}); run `dastm-data split` again"
        ) from None


def sampled_frames(clip: Clip) -> tuple[int, ...]:
    """The source frame of each frame of a shard's clip; ShardError where its facts do not say."""
    try:
        index = tuple(map(int, clip.facts["frame_index"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ShardError(
            f"{clip.key}: facts without frame_index ({cut(error)}); run `dastm-data split` again"
        ) from None
    if len(index) != clip.joints_MTVC.shape[1] or not all(0 <= t < source_frames(clip) for t in index):
        raise ShardError(f"{clip.key}: frame_index is not that of its frames; run `dastm-data split` again")
    return index


def read_index(folder: Path) -> pa.Table:
    """All of the index: a row a clip (see `dastm.contract.shard_format.INDEX_COLUMNS`). ShardError where it cannot be
    read."""
    index = shard_reading.read_index(folder)
    for name in INDEX_COLUMNS:
        known = pa.types.is_string if name in _TEXTS else pa.types.is_integer
        if name not in index.column_names or not known(index[name].type) or index[name].null_count:
            raise ShardError(f"{folder / INDEX_NAME}: not an index of shards (column {name}); {shard_reading.AGAIN}")
    return index


def shard_clip(folder: Path, key: str) -> tuple[Clip, dict[str, Any]] | None:
    """A clip and its row of the index; None where the shards do not have it. ShardError where they are damaged."""
    index = read_index(folder)
    rows = index.filter(pc.equal(index["key"], key)).to_pylist()
    if not rows:
        return None
    name = rows[0]["shard"]
    for clip in shard_reading.read_shard(folder, name):
        if clip.key == key:
            return clip, rows[0]
    raise ShardError(f"{folder / name}: {key} is in the index, not in the tar; {shard_reading.AGAIN}")
