"""THE CONTRACT between the two halves: how one clip and one shard folder are written and read. numpy only.

A shard folder holds `<subset>/<class id>-<nnn>.tar` (WebDataset tars, one class a tar), `index.parquet` and
`manifest.json`. A clip is two members of a tar: `<key>.joints.npy` (float32, bodies present x frames x joints x
coordinates) and `<key>.json` (its facts, among them the checksum of the array's bytes and one of the facts themselves).

Writer: `pipeline.storage.shard_writing`. Readers: `dastm.contract.shard_reading` and `dastm.episodes`.
`pipeline.audit.run` does not use this file on purpose, to be an independent check.
"""

import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dastm.contract.documents import cut, json_value, shown
from dastm.contract.skeleton import Layout

SCHEMA_VERSION = 1
SUBSETS = ("train", "val", "test")
"""The subsets of a data set. In files (manifest.json, index.parquet, facts, curves.csv, metrics.json) the key is
`part`."""
MANIFEST_NAME, INDEX_NAME = "manifest.json", "index.parquet"
JOINTS_SUFFIX, FACTS_SUFFIX = "joints.npy", "json"
FACTS_CHECKSUM = "facts_checksum"
INDEX_COLUMNS = ("key", "class_id", "part", "shard", "offset", "length", "frames", "bodies", "checksum")
"""`shard` is relative to the folder; `offset` and `length` bound the bytes of the .npy member inside the tar."""
DECISION_COLUMNS = ("kept", "dropped")
"""Further columns of the index, for people who doubt a clip; absent if nothing was chosen. No reader needs them.

`kept`: for each body the source's ids of the body tracks that it is made of, most important first; `dropped`: id and
reason of every other track, e.g. `short: seen in 7 frames`.
"""

OUR_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+), (\d+), (\d+)\), \} *\n",
    re.DOTALL,
)
"""How `np.save` begins the array of a clip. numpy parses it as Python, which two threads of CPython 3.11 cannot do at
the same time without now and then a SystemError (python/cpython#106905)."""


class ShardError(Exception):
    """A clip, index or manifest is damaged or contradicts itself; the message says where."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One normalised, sampled clip: `joints_MTVC` (bodies, frames, joints, coordinates) and its row of facts."""

    key: str
    joints_MTVC: NDArray[np.float32]
    facts: Mapping[str, Any]


def checksum(data: bytes) -> str:
    """Checksum of a .npy member: BLAKE2b of its bytes, 16 bytes long, in hex."""
    return blake2b(data, digest_size=16).hexdigest()


def contents_digest(checksums: Iterable[str]) -> str:
    """One digest for the arrays of a whole folder, from their checksums in the order of the index."""
    return checksum("".join(checksums).encode())


def encode_clip(clip: Clip) -> tuple[bytes, bytes]:
    """The bytes of `<key>.joints.npy` and of `<key>.json`; the same clip gives the same bytes.

    Raises: ValueError if the array is not float32 (M, T, V, C) with M, T, V, C >= 1, or the key holds a dot or slash.
    """
    joints = clip.joints_MTVC
    if joints.dtype != np.float32 or joints.ndim != 4 or 0 in joints.shape:
        raise ValueError(f"{clip.key}: joints must be float32 (M, T, V, C), got {joints.dtype} {joints.shape}")
    if not clip.key or set(clip.key) & set("./\\\n"):
        raise ValueError(f"{clip.key!r}: a key holds no dot, slash or line break")
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(joints), allow_pickle=False)
    array = buffer.getvalue()
    facts = {**clip.facts, "key": clip.key, "bodies": joints.shape[0], "checksum": checksum(array)}
    return array, _canonical({**facts, FACTS_CHECKSUM: checksum(_canonical(facts))})


def _canonical(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def decode_joints(array: bytes, expected_checksum: str, where: str) -> NDArray[np.float32]:
    """The (M, T, V, C) array of one member; ShardError naming `where` if a bit differs from what was written."""
    if checksum(array) != expected_checksum:
        raise ShardError(f"{where}: checksum differs, the shard is damaged; run `dastm-data split` again")
    try:
        joints = _array_of(array)
    except Exception as error:  # numpy's reader of headers fails in many ways
        raise ShardError(f"{where}: not a .npy array") from error
    if joints.dtype != np.float32 or joints.ndim != 4:
        raise ShardError(f"{where}: expected float32 (M, T, V, C), found {joints.dtype} {joints.shape}")
    return joints


def _array_of(data: bytes) -> NDArray[Any]:
    """The array of a .npy file; not by numpy's reader if the header is as we write it (`OUR_HEADER`)."""
    if header := OUR_HEADER.match(data):
        shape = [int(size) for size in header.groups()]
        return np.frombuffer(data, np.dtype("<f4"), offset=header.end()).reshape(shape).copy()
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return array


def decode_clip(array: bytes, facts: bytes, where: str) -> Clip:
    """The clip that `encode_clip` was given (plus `bodies` and `checksum` in the facts); ShardError naming `where`."""
    try:
        row = json_value(facts)
        key, expected, own = row["key"], row["checksum"], row.pop(FACTS_CHECKSUM)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ShardError(f"{where}: facts are not the JSON of a clip ({cut(error)})") from error
    if checksum(_canonical(row)) != own:
        raise ShardError(f"{where}: checksum of the facts differs, the shard is damaged; run `dastm-data split` again")
    return Clip(key=key, joints_MTVC=decode_joints(array, expected, where), facts=row)


@dataclass(frozen=True, kw_only=True)
class ClassEntry:
    """One class of one subset: its name, how many clips, and its tars in order (relative to the folder)."""

    name: str
    clips: int
    shards: tuple[str, ...]
    exemplars: tuple[int, ...] = ()
    """The examples of the class if a protocol fixes them: positions among its clips in shard order, ascending."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The description of a shard folder; training needs this and nothing of `pipeline/`."""

    dataset: str
    layout: Layout
    frames: int
    """Number of frames per clip, after sampling."""
    subsets: Mapping[str, Mapping[int, ClassEntry]]
    """subset -> class id -> entry."""
    definition: Mapping[str, Any]
    """The data set definition in full, as resolved."""
    contents: str
    """`contents_digest` of all clips, so that other clips give another manifest."""
    versions: Mapping[str, str]

    def pool_sizes(self, subset: str) -> dict[int, int]:
        """class id -> number of clips, for `episodes.sampler`. KeyError for an unknown subset."""
        return {class_id: entry.clips for class_id, entry in sorted(self.subsets[subset].items())}

    def exemplars(self, subset: str) -> dict[int, tuple[int, ...]]:
        """class id -> positions of its given examples; only classes that have some. KeyError for an unknown subset."""
        return {
            class_id: entry.exemplars for class_id, entry in sorted(self.subsets[subset].items()) if entry.exemplars
        }


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of manifest.json; stable for equal manifests."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "dataset": manifest.dataset,
        "layout": manifest.layout.to_dict(),
        "frames": manifest.frames,
        "parts": {
            subset: {f"{class_id:03d}": _entry_document(e) for class_id, e in sorted(classes.items())}
            for subset, classes in manifest.subsets.items()
        },
        "definition": dict(manifest.definition),
        "contents": manifest.contents,
        "versions": dict(manifest.versions),
    }
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def decode_manifest(data: bytes, where: str) -> Manifest:
    """The manifest that `encode_manifest` was given; ShardError naming `where` for another schema or a damaged
    document."""
    try:
        document = json_value(data)
        if document["schema_version"] != SCHEMA_VERSION:
            raise ShardError(
                f"{where}: schema {shown(document['schema_version'])}, this version reads {SCHEMA_VERSION}"
            )
        subsets = {
            subset: {_class_id(text): _entry(e) for text, e in classes.items()}
            for subset, classes in document["parts"].items()
        }
        return Manifest(
            dataset=_text(document["dataset"]),
            layout=Layout.from_dict(document["layout"]),
            frames=_count(document["frames"], 1),
            subsets=subsets,
            definition=dict(document["definition"]),
            contents=_text(document["contents"]),
            versions=dict(document["versions"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ShardError(f"{where}: not a manifest of shards ({cut(error)})") from error


def _entry_document(entry: ClassEntry) -> dict[str, Any]:
    plain = {"name": entry.name, "clips": entry.clips, "shards": list(entry.shards)}
    return {**plain, "exemplars": list(entry.exemplars)} if entry.exemplars else plain


def _entry(document: Any) -> ClassEntry:
    exemplars = tuple(_count(position, 0) for position in document.get("exemplars", ()))
    clips = _count(document["clips"], 0)
    if list(exemplars) != sorted(set(exemplars)) or not all(position < clips for position in exemplars):
        raise ValueError(f"exemplars {shown(list(exemplars))}: expected ascending positions among {clips} clips")
    shards = tuple(map(_text, document["shards"]))
    return ClassEntry(name=_text(document["name"]), clips=clips, shards=shards, exemplars=exemplars)


def _class_id(text: str) -> int:
    """Written in one way, or a class could be listed twice."""
    class_id = int(text)
    if text != f"{class_id:03d}":
        raise ValueError(f"class id {shown(text)}: expected {class_id:03d}")
    return class_id


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {shown(value)}")
    return value


def _count(value: Any, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"expected a whole number of at least {least}, got {shown(value)}")
    return value
