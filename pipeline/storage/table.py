"""The parsed table: parsed clips <-> Parquet, writer beside reader.

A folder of table files `clips-00000.parquet`, `refused-00000.parquet`, .., which `parse` writes and `split` reads. A
row of a clips file is one clip: its facts, and its body tracks as flat lists (see `pipeline.tracks.Tracks` for their
axes). A row of a refused file is a raw file that cannot be used, with the place and the reason. The schemas are below.
The `track_` columns of measures are for queries over many clips; `split` measures the tracks again.
"""

import io
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dastm.contract.errors import DataError
from dastm.contract.os_errors import os_line
from dastm.contract.skeleton import Layout
from dastm.contract.wording import reason_of
from pipeline.kernels.measures import measure
from pipeline.tracks import TrackMeasures, Tracks
from pipeline.work.paths import readable, whole_file

SCHEMA_VERSION = 3
SUMMARY_NAME = "summary.json"
PLAN_NAME = "plan.json"
"""The name of a file that is in a parsed folder until its parse has finished."""
LAYOUT_KEY = "layout"
"""Metadata of a table file: the layout of its joints, as JSON."""
DIGEST_KEY = "contents"
"""Metadata of a table file: digest of its pages."""


@dataclass(frozen=True, kw_only=True)
class ParsedClip:
    """One clip as its source has it, with its metadata; None for facts that the data set does not state."""

    key: str
    dataset: str
    class_id: int
    class_name: str
    subject: int | None
    camera: int | None
    setup: int | None
    replication: int | None
    tracks: Tracks
    source: str
    source_bytes: int


@dataclass(frozen=True, kw_only=True)
class RefusedFile:
    """One raw file that cannot be used; `line` counts from 1, `byte` from 0, None if there is no such place."""

    source: str
    key: str | None
    line: int | None
    byte: int | None
    reason: str

    def __str__(self) -> str:
        place = (
            f"line {self.line}: " if self.line is not None else f"byte {self.byte}: " if self.byte is not None else ""
        )
        return f"{self.source}: {place}{self.reason}"


def _field(name: str, kind: pa.DataType, about: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable, {"about": about})


def _list(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", kind))


def _measure(name: str, about: str, nullable: bool = False) -> pa.Field:
    about = f"(B,) {about}, measured joints only, in the source's units; -1 for a track without one"
    return _field(f"track_{name}", _list(pa.float64()), about, nullable)


_VERSION = {"schema_version": str(SCHEMA_VERSION)}

CLIPS = pa.schema(
    [
        _field("key", pa.string(), "unique name of the clip, without dots"),
        _field("dataset", pa.string(), "name of the data set definition"),
        _field("class_id", pa.int32(), "0-based"),
        _field("class_name", pa.string(), "as the definition or the source names it"),
        _field("subject", pa.int32(), "who acts, as the source counts", True),
        _field("camera", pa.int32(), "as the source counts", True),
        _field("setup", pa.int32(), "as the source counts", True),
        _field("replication", pa.int32(), "as the source counts", True),
        _field("frames", pa.int32(), "frames of the clip, those without a body included"),
        _field("bodies", pa.int32(), "B: body tracks"),
        _field("track_ids", _list(pa.int64()), "(B,) the source's body ids, in order of first appearance"),
        _field("track_lengths", _list(pa.int32()), "(B,) observations of each track; their sum is P"),
        _measure("spread", "standard deviations of x, y, z over joints and frames, added up (2s-AGCN)"),
        _measure("motion", "variances of x, y, z over joints and frames, added up (CTR-GCN, PYSKL)"),
        _measure("upright", "share of frames whose x extent is at most 0.8 of the y extent (CTR-GCN, PYSKL)"),
        _measure("upright_motion", "motion over the upright frames alone"),
        _measure("extent", "largest extent of a frame, median over frames"),
        _measure("travel", "how far any joint moves along any axis"),
        _measure("confidence", "mean confidence over frames and joints", True),
        _field("frame_index", _list(pa.int32()), "(P,) 0-based frame of each observation, track after track"),
        _field("joints", _list(pa.float32()), "(P, V, C) in the source's units; C = 3: nan where not measured"),
        _field("scores", _list(pa.float32()), "(P, V) confidences, 0 where not measured; always where C = 2", True),
        _field("notes", _list(pa.string()), "oddities that do not make the clip unusable"),
        _field("source", pa.string(), "raw file, as a posix path below the raw root"),
        _field("source_bytes", pa.int64(), "its size, uncompressed"),
    ],
    metadata=_VERSION,
)
REFUSED = pa.schema(
    [
        _field("source", pa.string(), "raw file, as a posix path below the raw root"),
        _field("key", pa.string(), "the clip's key, where the name gives one", True),
        _field("line", pa.int64(), "1-based line of the fault", True),
        _field("byte", pa.int64(), "0-based byte of the fault", True),
        _field("reason", pa.string(), "why the file cannot be used"),
    ],
    metadata=_VERSION,
)
_DAMAGED = (pa.ArrowException, OSError, ValueError, LookupError, TypeError, ArithmeticError, MemoryError)
"""What pyarrow raises where bits of a footer are flipped."""
_ARRAYS = ("frame_index", "joints", "scores")
FACT_COLUMNS = tuple(name for name in CLIPS.names if name not in _ARRAYS)
_PLAIN = (
    "key",
    "dataset",
    "class_id",
    "class_name",
    "subject",
    "camera",
    "setup",
    "replication",
    "source",
    "source_bytes",
)


def clips_to_table(clips: Sequence[ParsedClip]) -> pa.Table:
    """Rows of schema CLIPS, in the order given."""
    tracks = [clip.tracks for clip in clips]
    columns: dict[str, Any] = {name: [getattr(clip, name) for clip in clips] for name in _PLAIN}
    columns |= {
        "frames": [t.frames for t in tracks],
        "bodies": [len(t.ids) for t in tracks],
        "track_ids": _lists([t.ids for t in tracks], np.int64),
        "track_lengths": _lists([t.lengths for t in tracks], np.int32),
        "frame_index": _lists([t.frame_index for t in tracks], np.int32),
        "joints": _lists([t.joints_PVC for t in tracks], np.float32),
        "scores": _lists([t.scores_PV for t in tracks], np.float32),
        "notes": [list(t.notes) for t in tracks],
    }
    columns |= _measured([measure(t) for t in tracks])
    return pa.table([pa.array(columns[f.name], f.type) for f in CLIPS], schema=CLIPS)


def _measured(clips: Sequence[TrackMeasures]) -> dict[str, pa.Array]:
    return {
        f"track_{name}": _lists([getattr(clip, name) for clip in clips], np.float64) for name in TrackMeasures._fields
    }


def refused_to_table(refused: Sequence[RefusedFile]) -> pa.Table:
    """Rows of schema REFUSED, in the order given."""
    return pa.table([pa.array([getattr(r, f.name) for r in refused], f.type) for f in REFUSED], schema=REFUSED)


def _lists(arrays: Sequence[NDArray[Any] | None], dtype: Any) -> pa.Array:
    """A list column from arrays of any shape, without a Python object a number."""
    offsets = np.cumsum([0, *(0 if a is None else a.size for a in arrays)])
    if offsets[-1] >= 2**31:
        raise DataError(f"{offsets[-1]} numbers in one file of the table, more than 2^31 - 1")
    flat = [np.ascontiguousarray(a, dtype).reshape(-1) for a in arrays if a is not None]
    values = pa.array(np.concatenate([np.zeros(0, dtype), *flat]))
    missing = pa.array([a is None for a in arrays], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=_list(values.type), mask=missing)


class _Digested(io.RawIOBase):
    """A file opened for writing that computes a digest of what is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = blake2b(digest_size=16)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._file.write(data)


def write_table_file(table: pa.Table, path: Path) -> None:
    """Write one table file as Parquet; it gets its name only when it is complete. The same table gives the same bytes.

    Its last bytes hold a digest of all before them: sizes and ranges of columns alone, which Parquet keeps there, can
    be the same for other joints.
    Raises: DataError where it cannot be written, e.g. because the disk is full.
    """
    options: dict[str, Any] = {"compression": "zstd", "use_dictionary": ["dataset", "class_name"]}
    try:
        with whole_file(path) as file:
            digested = _Digested(file)
            with pq.ParquetWriter(digested, table.schema, write_page_checksum=True, **options) as writer:
                writer.write_table(table)
                writer.add_key_value_metadata({DIGEST_KEY: digested.digest.hexdigest()})
    except OSError as error:
        raise DataError(os_line(error, path, "cannot be written")) from None
    except MemoryError as error:
        raise DataError(f"{path}: cannot be written: {reason_of(error)}") from None


def read_clips(folder: Path) -> Iterator[ParsedClip]:
    """Every clip in order, one table file in memory at a time; the arrays are read-only views of it.

    Raises: DataError where the folder is not a finished parsed table, or a table file is damaged.
    """
    for path in table_files(folder):
        yield from table_to_clips(_read(path, CLIPS))


def read_chosen(table_file: Path, keys: Collection[str]) -> Iterator[ParsedClip]:
    """The clips of one table file with these keys, in its order. DataError as in `read_clips`."""
    table = _read(table_file, CLIPS)
    yield from table_to_clips(table.filter(pc.is_in(table["key"], pa.array(sorted(keys), pa.string()))))


def table_to_clips(table: pa.Table) -> Iterator[ParsedClip]:
    """The clips of a table; the reverse of `clips_to_table`."""
    arrays: dict[str, list[Any]] = {name: _views(table[name]) for name in ("track_ids", "track_lengths", *_ARRAYS)}
    for row, facts in enumerate(table.select([*_PLAIN, "frames", "notes"]).to_pylist()):
        frames, notes = facts.pop("frames"), tuple(facts.pop("notes"))
        ids, lengths, frame_index, joints, scores = (arrays[name][row] for name in arrays)
        n_seen = len(frame_index)
        n_coordinates = 3 if scores is None else len(joints) // max(1, len(scores))
        tracks = Tracks(
            frames=frames,
            ids=ids,
            lengths=lengths,
            frame_index=frame_index,
            joints_PVC=joints.reshape(n_seen, -1, n_coordinates),
            scores_PV=None if scores is None else scores.reshape(n_seen, -1),
            notes=notes,
        )
        yield ParsedClip(tracks=tracks, **facts)


def read_facts(folder: Path, names: Sequence[str] = FACT_COLUMNS) -> pa.Table:
    """The named columns of all clips, by default all but frame_index, joints and scores. DataError as `read_clips`."""
    return pa.concat_tables([read_file_facts(path, names) for path in table_files(folder)])


def read_file_facts(table_file: Path, names: Sequence[str] = FACT_COLUMNS) -> pa.Table:
    """`read_facts` of one table file."""
    return _read(table_file, CLIPS, names)


def with_layout(table: pa.Table, layout: Layout) -> pa.Table:
    """The table with the layout of its joints in its metadata."""
    named = {LAYOUT_KEY.encode(): json.dumps(layout.to_dict()).encode()}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **named})


def read_layout(folder: Path) -> Layout | None:
    """The layout that the first file of a finished table names; None where it names none. DataError as `read_clips`."""
    text = (_read(table_files(folder)[0], CLIPS, ["key"]).schema.metadata or {}).get(LAYOUT_KEY.encode())
    try:
        return None if text is None else Layout.from_dict(json.loads(text))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{folder}: names no layout of joints ({reason_of(error)}); run `dastm-data parse` again"
        ) from None


def check_layout(folder: Path, layout: Layout) -> None:
    """Raise DataError if a finished table was made for other joints than those of this layout."""
    made = read_layout(folder)
    if made is None or (made.joints, made.coordinates) == (layout.joints, layout.coordinates):
        return
    told, other = (f"{one.n_joints} joints of {', '.join(one.coordinates)}" for one in (made, layout))
    pairs = enumerate(zip(made.joints, layout.joints, strict=False))
    at = next((at for at, (a, b) in pairs if a != b), None)
    if at is not None:
        told, other = (f"joint {at} is {one.joints[at]!r}" for one in (made, layout))
    raise DataError(
        f"{folder}: made for layout {made.name} ({told}), the data set has layout {layout.name} ({other}); name the"
        " data set that it was parsed with, or run `dastm-data parse` again"
    )


def read_refused(folder: Path) -> pa.Table:
    """All refused files. DataError as in `read_clips`."""
    return pa.concat_tables([read_file_refused(path) for path in _table_files(folder, "refused")])


def read_file_refused(table_file: Path) -> pa.Table:
    """`read_refused` of one table file."""
    return _read(table_file, REFUSED)


def table_file_path(folder: Path, kind: str, number: int) -> Path:
    """The path of table file `number` of kind `clips` or `refused`."""
    return folder / f"{kind}-{number:05d}.parquet"


def table_files(folder: Path) -> list[Path]:
    """The clips files of a finished table, in order. DataError as in `read_clips`."""
    return _table_files(folder, "clips")


def _table_files(folder: Path, kind: str) -> list[Path]:
    files = sorted(folder.glob(f"{kind}-*.parquet"))
    if (folder / PLAN_NAME).exists():
        raise DataError(
            f"{folder}: parsing has not finished there; run `dastm-data parse` again: it goes on, or says why no clip"
            " can be used"
        )
    if not files:
        raise DataError(f"{folder}: no parsed table there; run `dastm-data parse` first")
    lost = next((path for i, path in enumerate(files) if path.name != table_file_path(folder, kind, i).name), None)
    if lost is not None:
        raise DataError(f"{lost}: not in a row with the files before it, some are gone; run `dastm-data parse` again")
    return files


def _read(path: Path, schema: pa.Schema, names: Sequence[str] | None = None) -> pa.Table:
    try:
        with readable(path) as source:
            found = pq.read_schema(source)
            version = (found.metadata or {}).get(b"schema_version", b"").decode()
            if version != str(SCHEMA_VERSION) or not found.equals(schema):
                raise DataError(f"{path}: not a table file of schema {SCHEMA_VERSION}; run `dastm-data parse` again")
            return pq.read_table(source, columns=names and list(names), page_checksum_verification=True)
    except FileNotFoundError:
        raise DataError(f"{path}: gone; run `dastm-data parse` again") from None
    except _DAMAGED as error:
        raise DataError(f"{path}: damaged; remove it and run `dastm-data parse` again ({reason_of(error)})") from None


def _views(column: pa.ChunkedArray) -> list[Any]:
    """One array a row, a view into the column's numbers, None for null; a file is one chunk, nothing is copied."""
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    numbers = whole.values.to_numpy(zero_copy_only=True)
    bounds = whole.offsets.to_pylist()
    present = whole.is_valid().to_pylist()
    return [numbers[bounds[i] : bounds[i + 1]] if there else None for i, there in enumerate(present)]
