"""The position of each clip: index.parquet as columns, checked against the manifest and the existing tars.

In: a shard folder and its manifest. Out: one `SubsetIndex` per subset. Its rows are sorted by class and, within a
class, by shard and position in it, which is the order of a stream. There are no Python objects per clip.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dastm.contract.documents import cut
from dastm.contract.shard_format import INDEX_COLUMNS, INDEX_NAME, Manifest, ShardError
from dastm.contract.shard_reading import AGAIN, shard_path
from dastm.contract.shard_reading import read_index as read_table

TEXT = ("key", "part", "shard", "checksum")
SCHEMA = pa.schema([(name, pa.string() if name in TEXT else pa.int64()) for name in INDEX_COLUMNS])


@dataclass(frozen=True, kw_only=True)
class SubsetIndex:
    """One subset: row r is a clip; `rows[class_id]` are the rows of a class, in pool order."""

    shards: tuple[str, ...]
    rows: dict[int, range]
    shard: NDArray[np.int64]
    """index into `shards`"""
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    bodies: NDArray[np.int64]
    key: Any
    """pyarrow string array, as is `checksum`"""
    checksum: Any

    def __len__(self) -> int:
        return len(self.shard)


def read_index(folder: Path, manifest: Manifest) -> dict[str, SubsetIndex]:
    """Read and check the whole index.

    Raises: ShardError if the index is missing, damaged or at odds with the manifest, a tar is missing, or a row points
    outside its tar.
    """
    path = folder / INDEX_NAME
    try:
        table = read_table(folder, INDEX_COLUMNS).select(list(INDEX_COLUMNS)).cast(SCHEMA)
    except (LookupError, ValueError, pa.ArrowException) as error:
        raise ShardError(f"{path}: not an index of shards ({cut(error)}); {AGAIN}") from error
    if any(column.null_count for column in table.columns):
        raise ShardError(f"{path}: holds empty cells; {AGAIN}")
    unknown = pc.unique(table["part"]).to_pylist() - manifest.subsets.keys()
    if unknown:
        raise ShardError(f"{path}: subset {min(unknown)!r} is not in the manifest; {AGAIN}")
    return {
        subset: _subset_index(table.filter(pc.equal(table["part"], subset)), folder, manifest, subset)
        for subset in manifest.subsets
    }


def _subset_index(table: Any, folder: Path, manifest: Manifest, subset: str) -> SubsetIndex:
    classes = sorted(manifest.subsets[subset].items())
    shards = tuple(name for _, entry in classes for name in entry.shards)
    position = pc.index_in(table["shard"], value_set=pa.array(shards, pa.string()))
    if position.null_count:
        raise ShardError(f"{folder / INDEX_NAME}: names a shard that the manifest's {subset} does not; {AGAIN}")
    order = np.lexsort((_numpy(table["offset"]), _numpy(position)))
    table, shard = table.take(pa.array(order)), _numpy(position)[order].astype(np.int64)
    index = SubsetIndex(
        shards=shards,
        rows=_class_rows(_numpy(table["class_id"]), shard, classes, f"{folder / INDEX_NAME}: {subset}"),
        shard=shard,
        offset=_numpy(table["offset"]),
        length=_numpy(table["length"]),
        bodies=_numpy(table["bodies"]),
        key=table["key"].combine_chunks(),
        checksum=table["checksum"].combine_chunks(),
    )
    _check_bounds(index, folder)
    return index


def _class_rows(
    class_id: NDArray[np.int64], shard: NDArray[np.int64], classes: list[tuple[int, Any]], where: str
) -> dict[int, range]:
    owner = np.array([c for c, entry in classes for _ in entry.shards], dtype=np.int64)
    if not np.array_equal(owner[shard], class_id):
        raise ShardError(f"{where}: a clip of one class lies in a shard of another; {AGAIN}")
    rows, start = {}, 0
    for c, entry in classes:
        n = int(np.count_nonzero(class_id == c))
        if n != entry.clips:
            raise ShardError(f"{where}: class {c} has {n} clips in the index, {entry.clips} in the manifest; {AGAIN}")
        rows[c], start = range(start, start + n), start + n
    return rows


def _check_bounds(index: SubsetIndex, folder: Path) -> None:
    """Every tar is there and long enough: found at the start, not in the hundredth epoch."""
    size = np.array([shard_path(folder, name).stat().st_size for name in index.shards], dtype=np.int64)
    outside = (index.offset < 0) | (index.length < 0) | (index.length > size[index.shard] - index.offset)
    if outside.any():
        row = int(np.argmax(outside))
        where = f"{folder / index.shards[index.shard[row]]}: {index.key[row]}"
        raise ShardError(f"{where}: the index points outside the file, it is cut short or not the one indexed; {AGAIN}")


def _numpy(column: Any) -> NDArray[np.int64]:
    return column.to_numpy()  # type: ignore[no-any-return]
