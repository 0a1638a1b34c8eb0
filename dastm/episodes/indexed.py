"""Reads clips directly from the tars of a local folder, by position: nothing is unpacked, nothing is kept.

In: a shard folder (manifest.json, index.parquet, tars) and which clips. Out: `ClipBatch`es on the CPU. Each clip is one
read at its offset, verified by the checksum of the index. Only the columns of the index are held in memory.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RunError
from dastm.contract.shard_format import MANIFEST_NAME, Manifest, ShardError, decode_joints
from dastm.contract.shard_reading import has_manifest, read_manifest
from dastm.episodes.collate import Selection, check_selections, collate
from dastm.episodes.episode import ClipBatch
from dastm.episodes.handles import Handles, read_at
from dastm.episodes.index import SubsetIndex, read_index
from dastm.episodes.manifest import check_clip, pool_sizes


class IndexedShards:
    """Random access to a shard folder; any number of threads may read at once.

    Raises: RunError if there is no shard folder; ShardError if manifest, index and tars do not agree.
    """

    def __init__(self, folder: Path, *, max_open: int = 64) -> None:
        self.folder = folder
        self.manifest: Manifest = _manifest_of(folder)
        self._subsets = read_index(folder, self.manifest)
        self._handles = Handles(max_open)

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """Class id -> number of clips; RunError for an unknown subset."""
        return pool_sizes(self.manifest, subset, str(self.folder))

    def index_of(self, subset: str) -> SubsetIndex:
        """The index of one subset; RunError for an unknown subset."""
        self.pool_sizes(subset)
        return self._subsets[subset]

    def read(self, subset: str, row: int) -> NDArray[np.float32]:
        """Clip `row` of a subset as (M, T, V, C).

        Raises: ShardError naming the shard and the clip if it cannot be read or is not what was written.
        """
        index = self.index_of(subset)
        path = self.folder / index.shards[index.shard[row]]
        where = f"{path}: {index.key[row]}"
        try:
            with self._handles.borrow(path) as descriptor:
                array = read_at(descriptor, int(index.offset[row]), int(index.length[row]))
        except OSError as error:
            raise ShardError(f"{where}: cannot be read ({error.strerror})") from error
        joints = decode_joints(array, index.checksum[row].as_py(), where)
        check_clip(joints, self.manifest, where)
        if len(joints) != index.bodies[row]:
            raise ShardError(f"{where}: {len(joints)} bodies, the index says {index.bodies[row]}")
        return joints

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """One batch of clips for each selection, in the order asked for, on the CPU.

        Raises: as `read`; ValueError for a class or a clip that the subset does not have.
        """
        check_selections(selections, self.pool_sizes(subset), f"{self.folder}: {subset}")
        rows = self._subsets[subset].rows
        return [collate([self.read(subset, rows[class_id][i]) for class_id, i in clips]) for clips in selections]

    def close(self) -> None:
        """Close every file; reading afterwards is a ValueError."""
        self._handles.close()

    def __enter__(self) -> "IndexedShards":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _manifest_of(folder: Path) -> Manifest:
    if not has_manifest(folder):
        raise RunError(
            f"{folder}: no {MANIFEST_NAME} there, so no shards; run `dastm-data split` or name another folder"
        )
    return read_manifest(folder)
