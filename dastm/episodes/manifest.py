"""What every episode source checks in a shard folder's manifest before it believes it.

In: the bytes of manifest.json. Out: a `Manifest` whose names are safe to join to a folder, a URL or a command, and
refusals that name the folder or URL.
"""

import re

import numpy as np
from numpy.typing import NDArray

from dastm.clip import Manifest, ShardError, decode_manifest
from dastm.errors import RunError

# A name ends up in paths and, for pipe: URLs, in a shell command: plain relative names only, no "..", no blanks.
SHARD_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)*", re.ASCII)
DATASET_NAME = re.compile(r"[\w-]+", re.ASCII)
"""A run folder may be named after it."""


def read_manifest(data: bytes, where: str) -> Manifest:
    """Decode and check; ShardError naming `where` for damage, another schema or a shard name that is not plain."""
    manifest = decode_manifest(data, where)
    if not DATASET_NAME.fullmatch(manifest.dataset):
        raise ShardError(f"{where}: {manifest.dataset!r} is not a plain name of a data set")
    for part in manifest.parts.values():
        for name in (shard for entry in part.values() for shard in entry.shards):
            if not SHARD_NAME.fullmatch(name):
                raise ShardError(f"{where}: {name!r} is not a plain name of a shard inside the folder")
    return manifest


def pool_sizes(manifest: Manifest, part: str, where: str) -> dict[int, int]:
    """Class id -> number of clips of one part; RunError naming `where` and the parts there are, if it is unknown."""
    if part not in manifest.parts:
        raise RunError(f"{where}: no part {part!r}, it has {', '.join(manifest.parts)}")
    return manifest.pool_sizes(part)


def clip_shape(manifest: Manifest) -> tuple[int, int, int]:
    """(T, V, C): frames, joints and coordinates that every clip of the folder has."""
    return manifest.frames, manifest.layout.n_joints, len(manifest.layout.coordinates)


def check_clip(joints_MTVC: NDArray[np.float32], manifest: Manifest, where: str) -> None:
    """Raises: ShardError naming `where` if a clip's shape is not the manifest's, or it holds nan or inf."""
    if joints_MTVC.shape[1:] != clip_shape(manifest) or len(joints_MTVC) < 1:
        expected = ", ".join(map(str, clip_shape(manifest)))
        raise ShardError(f"{where}: shape {joints_MTVC.shape}, the manifest says (bodies, {expected})")
    if not np.isfinite(joints_MTVC).all():
        raise ShardError(f"{where}: holds nan or inf; run `dastm-data audit`, then `dastm-data split` again")


def one_line(error: Exception) -> str:
    """What a library's exception says, as the inside of a one-line message."""
    text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return (text.splitlines() or [type(error).__name__])[0]
