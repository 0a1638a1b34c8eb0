"""Features of clips as a table for other programs: clustering, maps, classifiers of their own.

In: clips and an encoder. Out: a Parquet file with one row per body. Only a few dozen clips are in memory at a time.

Axes: L clips, K feature frames, V joints, D channels.
"""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dastm.contract.os_errors import naming
from dastm.contract.ownership import FileKind, check_file, check_plain, unfinished_name
from dastm.contract.shard_reading import PARQUET_FAULTS
from dastm.recogniser.clips import Clip
from dastm.recogniser.encoder import CHUNK, Encoder

MARK = b"dastm_features"
"""Metadata of the table: encoder, shape of a row, what was averaged. It also marks the file as ours."""
POOLS = ("clip", "frames")


def _has_features(path: Path) -> bool:
    try:
        return MARK in (pq.read_schema(path).metadata or {})
    except PARQUET_FAULTS:
        return False


FEATURES = FileKind("a table of features", _has_features)


def write_features(clips: Iterable[Clip], encoder: Encoder, path: Path, pool: str = "clip") -> int:
    """Write the table; it appears only when it is complete -> number of rows.

    Args:
        pool: `clip`: each row is the mean over frames, (V, D); `frames`: each row is (K, V, D). Both flattened.

    Raises: NotOurs if another file is there; OSError if it cannot be written; ValueError as `Encoder.encode`.
    """
    check_plain(path)
    check_file(path, FEATURES)
    unfinished, rows = unfinished_name(path), 0
    waiting = iter(clips)
    writer: pq.ParquetWriter | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with naming(path), unfinished.open("xb") as file:
            while batch := list(islice(waiting, CHUNK)):
                values_LKVD = encoder.encode(batch).values_LTVD.numpy()
                pooled = values_LKVD.mean(axis=1) if pool == "clip" else values_LKVD
                table = _table(batch, pooled, encoder, pool)
                writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
                writer.write_table(table)
                rows += len(batch)
            if writer is not None:
                writer.close()
        if rows:
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _table(
    batch: list[Clip], pooled: np.ndarray[tuple[int, ...], np.dtype[np.float32]], encoder: Encoder, pool: str
) -> pa.Table:
    flat = np.ascontiguousarray(pooled.reshape(len(batch), -1), dtype=np.float32)
    features = pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), flat.shape[1])
    axes = ["joints", "channels"] if pool == "clip" else ["frames", "joints", "channels"]
    about = {"encoder": encoder.name, "shape": list(pooled.shape[1:]), "axes": axes, **dict(encoder.about)}
    columns = {
        "source": pa.array([clip.source for clip in batch], pa.string()),
        "key": pa.array([clip.key for clip in batch], pa.string()),
        "body": pa.array([clip.body for clip in batch], pa.int64()),
        "action": pa.array([clip.action for clip in batch], pa.string()),
        "first_frame": pa.array([clip.first_frame for clip in batch], pa.int64()),
        "frames": pa.array([clip.n_frames for clip in batch], pa.int64()),
        "features": features,
    }
    return pa.table(columns).replace_schema_metadata({MARK: json.dumps(about).encode()})
