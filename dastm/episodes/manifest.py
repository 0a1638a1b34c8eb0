"""Sizes and shapes that all sources read from a manifest (`dastm.contract.shard_reading` has checked it).

In: a `Manifest`. Out: sizes and shapes, and errors that name the folder, URL or clip.
"""

import numpy as np
from numpy.typing import NDArray

from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest, ShardError
from dastm.contract.wording import reason_of


def pool_sizes(manifest: Manifest, subset: str, where: str) -> dict[int, int]:
    """Class id -> number of clips of one subset; RunError naming `where` and the subsets there are, if it is
    unknown."""
    if subset not in manifest.subsets:
        raise RunError(f"{where}: no subset {subset!r}, it has {', '.join(manifest.subsets)}")
    return manifest.pool_sizes(subset)


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
    """The text of a library's exception, as part of a one-line message."""
    text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return (text.splitlines() or [reason_of(error)])[0]
