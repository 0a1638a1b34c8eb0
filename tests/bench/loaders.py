"""`python -m tests.bench.loaders`: clips a second and memory of every way to read, beside webdataset and litdata.

The same clips for all: 40 classes of 50 clips of 30 frames x 25 joints, one body or two. Ours draw training episodes
(5-way 1-shot, 5 queries a class) with one thread. The other two read the same number of clips from front to back and
decode them with their own decoders: webdataset our shards, litdata chunks of its own, which its writer makes first.
Each has a process of its own; memory is what opening the clips and reading adds to it at its peak.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from dastm.bench.memory import added_memory
from dastm.contract.shard_reading import read_shard
from dastm.episodes.loader import episodes
from dastm.episodes.sources import Mode, open_source
from tests.shard_folder import make_shard_folder

N_CLASSES, N_CLIPS, READ, ROUNDS = 40, 50, 1500, 3
"""Classes, clips of each; clips that are read in a round; rounds."""
Clips = Iterator[Tensor]
"""Joints of one clip or of several, on their first axis."""


def ours(mode: Mode) -> Callable[[Path], Clips]:
    """Episodes of one of our sources, one after the other."""

    def read(folder: Path) -> Clips:
        with closing(open_source(folder, mode=mode)) as source:
            shape = {"n_way": 5, "k_shot": 1, "n_query": 5}
            for episode in episodes(source, "train", **shape, seed=0, epoch=0, count=READ, workers=1):
                yield from (episode.support.joints_LMTVC, episode.query.joints_LMTVC)

    return read


def webdataset(folder: Path) -> Clips:
    """Clip after clip, tar after tar, again and again."""
    import webdataset as wds

    tars = sorted(map(str, folder.glob("train/*.tar")))
    clips = wds.WebDataset(tars, shardshuffle=False, empty_check=False).decode().to_tuple("joints.npy", "json").repeat()
    for joints_MTVC, _ in clips:
        yield torch.from_numpy(joints_MTVC)[None]


def write_litdata(folder: Path) -> None:
    """The clips of the shards once more as litdata's chunks, in a folder beside the shards' subsets."""
    from litdata.streaming import Cache

    clips = (clip for tar in sorted(folder.glob("train/*.tar")) for clip in read_shard(tar.parent, tar.name))
    chunks = Cache(str(folder / "litdata"), chunk_bytes="64MB")
    for number, clip in enumerate(clips):
        chunks[number] = {"joints": clip.joints_MTVC, "facts": dict(clip.facts)}
    chunks.done()
    chunks.merge()


def litdata(folder: Path) -> Clips:
    """Clip after clip, chunk after chunk, again and again."""
    import litdata

    batches = litdata.StreamingDataLoader(
        litdata.StreamingDataset(str(folder / "litdata")), batch_size=30, collate_fn=list
    )
    while True:
        for batch in batches:
            yield from (torch.from_numpy(clip["joints"])[None] for clip in batch)


LOADERS = {name: ours(name) for name in ("indexed", "resident", "streamed")}
OTHERS = {"webdataset": webdataset, "litdata": litdata}
"""Of other projects, by the name of their package, which is imported before anything is measured."""


def take(clips: Clips, count: int) -> int:
    """Read at least so many -> how many it were."""
    taken = 0
    while taken < count:
        taken += len(next(clips))
    return taken


def measured(name: str, folder: Path, count: int = READ) -> tuple[float, int]:
    """Clips a second, the median of some rounds, and bytes."""
    clips: list[Clips] = []
    if name in OTHERS:
        import_module(name)

    def begin() -> None:
        clips.append((LOADERS | OTHERS)[name](folder))
        take(clips[0], count)

    memory, rates = added_memory(begin, torch.device("cpu")), []
    for _ in range(ROUNDS):
        start = time.process_time()
        rates.append(take(clips[0], count) / (time.process_time() - start))
    clips[0].close()  # type: ignore[attr-defined]
    return statistics.median(rates), memory


def main(words: list[str]) -> None:
    """A row a loader; words: only these."""
    torch.set_num_threads(1)
    with TemporaryDirectory() as name:
        parts = {"train": dict.fromkeys(range(N_CLASSES), N_CLIPS)}
        make_shard_folder(
            Path(name), parts=parts, rng=np.random.default_rng(0), frames=30, bodies=(1, 2), clips_per_shard=N_CLIPS
        )
        sys.stdout.write("| loader | clips a second of CPU | MB |\n|:--|--:|--:|\n")
        for loader in words or LOADERS | OTHERS:
            if loader in OTHERS and find_spec(loader) is None:
                sys.stdout.write(f"| {loader} | not installed: pip install litdata | |\n")
                continue
            if loader == "litdata":
                write_litdata(Path(name))
            with ProcessPoolExecutor(1, get_context("spawn")) as alone:
                rate, memory = alone.submit(measured, loader, Path(name)).result()
            sys.stdout.write(f"| {loader} | {rate:,.0f} | {memory / 1e6:.0f} |\n")


if __name__ == "__main__":
    main(sys.argv[1:])
