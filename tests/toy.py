"""A three-joint data set and a run trained on it in a second or two, for the tests of what comes after the shards."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from dastm.config.load import load_config
from dastm.config.schema import Config
from dastm.contract.skeleton import Layout
from dastm.episodes.sources import open_source
from dastm.runs.record import record_training
from dastm.training.trainer import train
from tests.shard_folder import make_shard_folder

STICK = Layout(name="stick", joints=("foot", "hip", "head"), bones=((1, 0), (2, 1)), centre=1, hub=1)
TINY: dict[str, Any] = {
    "episode.n_way": 3,
    "episode.n_query": 2,
    "backbone.n_blocks": 4,
    "backbone.channels": [8, 8, 16, 16],  # a step of the published widths takes many times as long
    "backbone.dropout": 0.1,
    "optimise.epochs": 2,
    "optimise.episodes": 5,
    "optimise.val_episodes": 3,
    "optimise.val_query": 2,
    "optimise.device": "cpu",
}
EVERY_STEP: dict[str, Any] = {"optimise.checkpoint_seconds": 0}
"""For trainings that are stopped: a checkpoint after each step, which takes as long as the step."""


def toy_shards(path: Path, seed: int = 0, noise: float = 0.05, layout: Layout = STICK, **options: Any) -> str:
    """Write the toy data set: 6 / 3 / 4 classes of 8 clips, every third with two bodies."""
    parts = {"train": range(6), "val": range(6, 9), "test": range(9, 13)}
    make_shard_folder(
        path,
        parts={part: dict.fromkeys(ids, 8) for part, ids in parts.items()},
        rng=np.random.default_rng(seed),
        layout=layout,
        bodies=(1, 1, 2),
        noise=noise,
        **options,
    )
    return str(path)


def tiny(**settings: Any) -> Config:
    """The tiny configuration; `matching__gamma=1` sets matching.gamma."""
    return load_config("small", {**TINY, **{key.replace("__", "."): value for key, value in settings.items()}})


def train_toy(shards: str, run: Path, config: Config | None = None, **options: Any) -> list[str]:
    """Train into a run folder; the lines that were logged."""
    lines: list[str] = []
    config = config or tiny()
    with closing(open_source(shards, mode=config.optimise.source)) as source:
        record = record_training(config, shards, source.manifest)
        train(source, record, run, log=lines.append, **options)
    return lines
