"""Readers of documents and folders: YAML, JSON, lists, definitions, grids, manifests, indexes, tars, records, results.

What they refuse in errors of their own is a RefusedError here; the file that they read lies in a folder of its own.
"""

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from hypothesis import strategies as st

from dastm.config.load import load_config
from dastm.contract.documents import DocumentError, json_value, shown, yaml_value
from dastm.contract.errors import DataError, RefusedError, RunError
from dastm.contract.names import read_params
from dastm.contract.ownership import NotOurs
from dastm.contract.shard_format import ClassEntry, Clip, Manifest, ShardError, encode_manifest
from dastm.contract.shard_reading import check_manifest, clips_of, read_index
from dastm.contract.skeleton import NTU25
from dastm.evaluation.printed import table_lines
from dastm.runs.files import read_json
from dastm.runs.record import TrainingRecord, record_training
from dastm.sweep.grid import load_grid
from pipeline.definitions.definition import load_definition
from pipeline.inspect.stored import source_frames
from pipeline.storage.table import read_clips, table_file_path
from tests.fuzz.reader import Reader
from tests.oracles.hand_made import moving_body, parsed_clip, tracks_of, write_table
from tests.shard_folder import write_shard

OURS = (DocumentError, RunError, ShardError, DataError, NotOurs)


def refusing(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """The same, with RefusedError in the place of its own errors."""

    def read_or_refuse(data: bytes) -> object:
        try:
            return read(data)
        except OURS as error:
            raise RefusedError(str(error).strip()) from None

    return read_or_refuse


def in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """What reads a file of this name, given the bytes."""

    def read_bytes(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            return read(path)

    return refusing(read_bytes)


DEFINITION: dict[str, Any] = {
    "about": "made up",
    "parse": {"format": "ntu_skeleton", "class_names": ["a", "b", "c"], "classes": "split"},
    "split": {"class_split": {"train": [0], "val": [1], "test": [2]}, "n_frames": 8, "denoise": "ghosts"},
}
GRID: dict[str, Any] = {
    "title": "t",
    "preset": ["small"],
    "methods": ["dtw"],
    "backbones": {"b": {"backbone.n_blocks": 4}},
    "shards": {"d": "data/shards/d"},
    "evaluate": [{"k_shot": 1}, {"k_shot": 5}],
    "set": {"optimise.epochs": 3},
}
PARAMS: dict[str, Any] = {
    "datasets": {"a": "a.yaml"},
    "sweeps": {"s": {"grid": "g", "dataset": "a"}},
    "train": {"x": 1},
}
YAML_PIECES = (
    *(
        b": ",
        b"- ",
        b"&a ",
        b"*a",
        b"<<: *a",
        b"!!set",
        b"!!python/name:os.system",
        b"? ",
        b"|",
        b">",
        b"[",
        b"{",
        b"#",
    ),
    *(
        b"&a [*a]",
        b"[" * 3000,
        b"---\n",
        b"...",
        b"%YAML 1.1\n",
        b"1:30",
        b"2001-01-01",
        b"no",
        b"'",
        b'"\\ud800"',
        b"~",
    ),
    *(
        b"&a [&b [&c [*a, *b]]]",
        b"0x" + b"f" * 5000,
        b"1" + b":59" * 2000,
        b"0x",
        b"0b",
        b"1_0",
        b".inf",
        b"\\",
        b"@",
        b"`",
        b"pipe:touch x",
        b"..",
        b"a/b",
        b"-x",
    ),
)
JSON_PIECES = (
    *(b"null", b"true", b"[]", b"{}", b'"', b",", b":", b"[" * 3000, b'{"a":' * 3000, b'"\\ud800"', b"NaN", b"1e999"),
    *(b'"../x"', b'"/dev/zero"', b'"pipe:touch x"', b"9" * 5000, b'"shards": 5,', b'"dataset": ["x"],'),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
json_documents = values.map(lambda value: json.dumps(value).encode())
yaml_documents = values.map(lambda value: yaml.safe_dump(value, allow_unicode=True).encode(errors="replace"))


def _yaml(document: object) -> list[bytes]:
    return [yaml.safe_dump(document, default_flow_style=flow).encode() for flow in (False, True, None)]


def _json(document: object) -> list[bytes]:
    return [json.dumps(document, **form).encode() for form in ({}, {"indent": 1}, {"separators": (",", ":")})]


def _manifest() -> Manifest:
    entry = ClassEntry(name="wave", clips=2, shards=("train/000-000.tar",), exemplars=(1,))
    parts = {"train": {0: entry}}
    return Manifest(
        dataset="d",
        layout=NTU25,
        frames=2,
        subsets=parts,
        definition={"split": {}},
        contents="c",
        versions={"numpy": "1"},
    )


def _record() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        record_training(load_config("small"), "data/shards/d", _manifest()).write(Path(folder))
        return Path(folder, "train/config.json").read_bytes()


METRICS: dict[str, Any] = {
    "dataset": "d",
    "settings": {"part": "test", "n_way": 5, "k_shot": 1, "n_query": 5, "episodes": 9, "seed": 0},
    "rows": {"DASTM": {"mean": 50.0, "interval": 1.0}},
    "differences": {},
}


def _result(path: Path) -> object:
    """metrics.json as `dastm report` takes it, with the errors that it names."""
    metrics = read_json(path)
    try:
        return table_lines(metrics)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"damaged ({type(error).__name__})") from None


def _tar_and_index() -> tuple[bytes, bytes]:
    rng = np.random.default_rng(3)
    clips = [
        Clip(key=key, joints_MTVC=rng.normal(size=(1, 2, 3, 3)).astype(np.float32), facts={"source_frames": 2})
        for key in ("a", "b")
    ]
    with tempfile.TemporaryDirectory() as folder:
        rows = write_shard(Path(folder), "a.tar", "train", 0, clips)
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), buffer, write_page_checksum=True)
        return Path(folder, "a.tar").read_bytes(), buffer.getvalue()


def _part() -> bytes:
    rng = np.random.default_rng(4)
    with tempfile.TemporaryDirectory() as folder:
        made = write_table(Path(folder), [parsed_clip(key, 0, tracks_of([moving_body(rng, 3)], 3)) for key in "ab"])
        return table_file_path(made, "clips", 0).read_bytes()


def _showable(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """The same; and every value that is read can be shown in a message."""

    def read_and_show(data: bytes) -> object:
        value = read(data)
        shown(value)
        return value

    return read_and_show


def _lists(path: Path) -> object:
    """All lists of a definition are this file."""
    document = {**DEFINITION, "parse": {**DEFINITION["parse"], "class_names": path.name, "missing": path.name}}
    own = path.parent / "own.yaml"
    own.write_text(yaml.safe_dump({**document, "split": {**DEFINITION["split"], "exemplars": path.name}}))
    return load_definition(own)


TAR, INDEX = _tar_and_index()
DOCUMENTS: dict[str, Reader] = {
    "YAML": Reader(
        read=refusing(_showable(yaml_value)),
        seeds=_yaml({**DEFINITION, "x": GRID}),
        pieces=YAML_PIECES,
        documents=yaml_documents,
    ),
    "JSON": Reader(
        read=refusing(_showable(json_value)), seeds=_json(DEFINITION), pieces=JSON_PIECES, documents=json_documents
    ),
    "params.yaml": Reader(
        read=in_file("params.yaml", lambda path: read_params(path, "train")),
        seeds=_yaml(PARAMS),
        pieces=YAML_PIECES,
        documents=yaml_documents,
    ),
    "definition": Reader(
        read=in_file("a.yaml", load_definition), seeds=_yaml(DEFINITION), pieces=YAML_PIECES, documents=yaml_documents
    ),
    "lists": Reader(
        read=in_file("list.txt", _lists),
        seeds=[b"S001C001P001R001A001\nS001C001P001R001A002\n"],
        pieces=(b"\xef\xbb\xbf", b".skeleton", b"\xff", b"\0", b","),
        documents=st.text(max_size=80).map(lambda text: text.encode(errors="replace")),
        least_read=5,
    ),
    "grid": Reader(
        read=in_file("g.yaml", lambda path: load_grid(str(path))),
        seeds=_yaml(GRID),
        pieces=YAML_PIECES,
        documents=yaml_documents,
    ),
    "manifest": Reader(
        read=refusing(lambda data: check_manifest(data, "m")),
        seeds=[encode_manifest(_manifest()), *_json(json.loads(encode_manifest(_manifest())))],
        pieces=JSON_PIECES,
        documents=json_documents,
    ),
    "run's record": Reader(
        read=in_file("train/config.json", lambda path: TrainingRecord.read(path.parents[1])),
        seeds=[_record()],
        pieces=JSON_PIECES,
        documents=json_documents,
        least_read=1,  # it holds a digest of itself
    ),
    "metrics.json": Reader(
        read=in_file("metrics.json", _result), seeds=_json(METRICS), pieces=JSON_PIECES, documents=json_documents
    ),
    "shard": Reader(
        read=refusing(lambda data: tuple(map(source_frames, clips_of(io.BytesIO(data), "s", len(data))))),
        seeds=[TAR],
        least_read=1,
    ),
    "index": Reader(
        read=in_file("index.parquet", lambda path: read_index(path.parent).num_rows),
        seeds=[INDEX],
        least_read=1,
        allowance=64_000_000,
    ),
    "parsed part": Reader(
        read=in_file("clips-00000.parquet", lambda path: len(list(read_clips(path.parent)))),
        seeds=[_part()],
        least_read=1,
        allowance=64_000_000,
    ),
}
"""By name."""
