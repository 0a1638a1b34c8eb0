"""A small shard folder for tests, written without pipeline: clips whose motion depends on their class.

In: parts -> class id -> number of clips. Out: `<part>/<class>-<nnn>.tar`, index.parquet, manifest.json, as the contract
in dastm.contract.shard_format says. All classes share one rest pose; direction, speed and phase of each joint's swing
belong to the class, the rest is noise, so that a model can tell classes apart only by motion.
"""

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dastm.contract.shard_format import (
    FACTS_SUFFIX,
    INDEX_COLUMNS,
    INDEX_NAME,
    JOINTS_SUFFIX,
    MANIFEST_NAME,
    ClassEntry,
    Clip,
    Manifest,
    checksum,
    contents_digest,
    encode_clip,
    encode_manifest,
)
from dastm.contract.skeleton import NTU25, Layout


def make_shard_folder(
    path: Path,
    *,
    parts: Mapping[str, Mapping[int, int]],
    rng: np.random.Generator,
    layout: Layout = NTU25,
    frames: int = 6,
    bodies: Sequence[int] = (1,),
    clips_per_shard: int = 3,
    noise: float = 0.05,
    exemplars: Mapping[int, Sequence[int]] | None = None,
    dataset: str = "toy",
    split: Mapping[str, Any] | None = None,
    subjects: Sequence[int | None] = (None,),
) -> Manifest:
    """Write a shard folder and return its manifest; clip i of a class has `bodies[i % len(bodies)]` bodies,
    and likewise one of `subjects`.

    `exemplars`: class id -> which of its clips are its given examples. `split`: that block of the definition.
    """
    rows: list[dict[str, Any]] = []
    entries: dict[str, dict[int, ClassEntry]] = {}
    for part, classes in parts.items():
        (path / part).mkdir(parents=True, exist_ok=True)
        entries[part] = {}
        for class_id, n_clips in sorted(classes.items()):
            clips = [
                Clip(
                    key=clip_key(part, class_id, i),
                    joints_MTVC=class_motion(class_id, bodies[i % len(bodies)], frames, layout, rng, noise),
                    facts={
                        "class_id": class_id,
                        "class_name": f"class {class_id}",
                        "frames": frames,
                        "subject": subjects[i % len(subjects)],
                    },
                )
                for i in range(n_clips)
            ]
            shards = []
            for start in range(0, n_clips, clips_per_shard):
                shards.append(f"{part}/{class_id:03d}-{len(shards):03d}.tar")
                rows += write_shard(path, shards[-1], part, class_id, clips[start : start + clips_per_shard])
            entries[part][class_id] = ClassEntry(
                name=f"class {class_id}",
                clips=n_clips,
                shards=tuple(shards),
                exemplars=tuple((exemplars or {}).get(class_id, ())),
            )
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in INDEX_COLUMNS}), path / INDEX_NAME)
    manifest = Manifest(
        dataset=dataset,
        layout=layout,
        frames=frames,
        subsets=entries,
        definition={"name": "toy", **({"split": dict(split)} if split else {})},
        contents=contents_digest(row["checksum"] for row in rows),
        versions={"numpy": "x"},
    )
    (path / MANIFEST_NAME).write_bytes(encode_manifest(manifest))
    return manifest


def clip_key(part: str, class_id: int, i: int) -> str:
    """The key of clip i of a class; sorts like i."""
    return f"{part}c{class_id:03d}n{i:04d}"


def class_motion(
    class_id: int, n_bodies: int, frames: int, layout: Layout, rng: np.random.Generator, noise: float
) -> NDArray[np.float32]:
    """One clip (M, T, V, C): the shared rest pose, the class's own swing, noise from `rng`."""
    shape = (layout.n_joints, len(layout.coordinates))
    rest_VC = np.random.default_rng(0).normal(size=shape)
    of_class = np.random.default_rng(1000 + class_id)
    swing_VC, phase, turns = of_class.normal(size=shape), of_class.uniform(0, 2 * np.pi), 1 + class_id % 3
    wave_T = np.sin(np.linspace(0, 2 * np.pi * turns, frames) + phase)
    clip_TVC = rest_VC + 0.5 * wave_T[:, None, None] * swing_VC
    return (clip_TVC + rng.normal(scale=noise, size=(n_bodies, frames, *shape))).astype(np.float32)


def write_shard(path: Path, shard: str, part: str, class_id: int, clips: Sequence[Clip]) -> list[dict[str, Any]]:
    """Write one tar below `path`; its rows of the index."""
    arrays = {}
    with tarfile.open(path / shard, "w", format=tarfile.USTAR_FORMAT) as tar:
        for clip in clips:
            array, facts = encode_clip(clip)
            arrays[f"{clip.key}.{JOINTS_SUFFIX}"] = (clip, array)
            for suffix, data in ((JOINTS_SUFFIX, array), (FACTS_SUFFIX, facts)):
                member = tarfile.TarInfo(f"{clip.key}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    with tarfile.open(path / shard) as tar:
        offsets = {member.name: member.offset_data for member in tar.getmembers()}
    return [
        {
            "key": clip.key,
            "class_id": class_id,
            "part": part,
            "shard": shard,
            "offset": offsets[name],
            "length": len(array),
            "frames": clip.joints_MTVC.shape[1],
            "bodies": clip.joints_MTVC.shape[0],
            "checksum": checksum(array),
        }
        for name, (clip, array) in arrays.items()
    ]


def flip_byte(path: Path, at: int) -> None:
    """Damage one byte of a file in place."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(bytes(data))


def rewrite_index(path: Path, **columns: Sequence[Any]) -> None:
    """Replace columns of the index."""
    table = pq.read_table(path / INDEX_NAME)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table, path / INDEX_NAME)
