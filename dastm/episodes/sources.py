"""Opens a shard folder in one of three ways, which have the same interface.

In: a folder or URL. Out: an `EpisodeSource`; the same plan gives the same bits from each.

indexed   local folder, reads at offsets; memory does not grow with the data set
resident  local folder, everything in memory or on the GPU
streamed  anything webdataset opens, read from front to back

Several folders are opened together as one source (`several`).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from dastm.contract.documents import shown
from dastm.contract.errors import RunError
from dastm.episodes.common import mapped
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.indexed import IndexedShards
from dastm.episodes.resident import ResidentClips, resident_bytes
from dastm.episodes.several import Several
from dastm.episodes.streamed import StreamedShards
from dastm.episodes.urls import is_url, may_come_from_a_file

Mode = Literal["auto", "indexed", "resident", "streamed"]
RESIDENT_BUDGET = 2 * 2**30
"""`auto` keeps all clips in memory up to this number of bytes."""


def refusal(shards: str) -> str:
    """The message for a URL from a file that is not opened: why, and what to do."""
    return (
        f"{shown(shards)}: shards that a command fetches are opened for `--shards` only, never because a file says so"
    )


def open_source(
    shards: str | Path,
    *,
    mode: Mode = "auto",
    device: torch.device | None = None,
    subsets: Sequence[str] | None = None,
    budget: int = RESIDENT_BUDGET,
    commands: bool = False,
) -> EpisodeSource:
    """Open a shard folder or URL.

    `auto` is streamed for a URL, else resident if `subsets` (default: all) take at most `budget` bytes, else indexed.
    `commands`: whether a `pipe:` URL may run its command: only if the user typed it, never if a file contains it.
    `device` is where a resident source keeps its tensors (default: the CPU); the other two return tensors on the CPU.
    Raises: RunError if there are no shards, a URL is to be read by offset, or a command is not to be run; ShardError
    if the shards are damaged.

    >>> import dastm
    >>> source = dastm.open_source("data/shards/toy")
    >>> source.pool_sizes("val")  # class id -> number of clips
    {6: 8, 7: 8, 8: 8}
    >>> source.close()
    """
    if not commands and not may_come_from_a_file(str(shards)):
        raise RunError(refusal(str(shards)))
    if mode == "streamed" or (mode == "auto" and is_url(str(shards))):
        return StreamedShards(str(shards))
    if is_url(str(shards)):
        raise RunError(f"{shards}: mode {mode!r} needs a local folder; use 'streamed' or copy the shards")
    source = IndexedShards(Path(shards))
    wanted = tuple(source.manifest.subsets if subsets is None else subsets)
    if mode == "indexed" or (mode == "auto" and resident_bytes(source, wanted) > budget):
        return source
    with source:
        return ResidentClips(source, wanted, device or torch.device("cpu"))


def open_several(shards: Sequence[str], *, layout: str | None, merge: bool, balance: bool, **options: Any) -> Several:
    """Open several shard folders as one source, each mapped to `layout` if that is given.

    Args:
        merge: whether classes with the same name (regardless of case, spaces, `_` and `-`) are one class.
        balance: whether episodes draw a set first, then a class of it.
        options: the options of `open_source`.

    Raises: as `open_source` and `mapped`; RunError if the layouts differ.
    """
    opened: list[EpisodeSource] = []
    try:
        for where in shards:
            opened.append(open_source(where, **options))
        sources = tuple(mapped(source, layout) for source in opened)
        first = sources[0].manifest
        for manifest in (source.manifest for source in sources[1:]):
            if replace(manifest.layout, name="") != replace(first.layout, name=""):
                raise RunError(
                    f"{first.dataset} has the layout {first.layout.name} and {manifest.dataset} {manifest.layout.name}:"
                    " to train on both, map them to a common one: --set augment.layout=standard19 (3-D) or pose15 (2-D)"
                )
    except BaseException:
        for source in opened:
            source.close()
        raise
    return Several(sources, tuple(source.manifest for source in opened), merge, balance)
