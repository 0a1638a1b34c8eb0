"""Loads the trained network of a run folder, for `dastm eval` and for other programs.

Loading a run and scoring arrays needs no pyarrow, webdataset, matplotlib or DVC; opening shards needs pyarrow.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dastm.config.schema import Config
from dastm.contract.errors import RunError
from dastm.contract.skeleton import Layout
from dastm.episodes.episode import Episode
from dastm.episodes.fetch import EpisodeSource
from dastm.model.network import Recogniser, build_recogniser
from dastm.runs.checkpoint import load_checkpoint
from dastm.runs.device import pick_device, precision
from dastm.runs.encoders import run_of
from dastm.runs.record import TrainingRecord


def load_recogniser(run: Path, config: Config, layout: Layout, seed: int, device: torch.device) -> Recogniser:
    """The network of one seed with its best weights, in evaluation mode."""
    model = build_recogniser(config, layout, seed).to(device)
    state = load_checkpoint(run / "train" / f"seed-{seed}" / "best.pt")
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{run}: the weights do not fit these shards or this version ({reason})") from error
    return model.eval()


@dataclass(frozen=True, kw_only=True)
class Run:
    """A trained run in memory; `load_run` loads one."""

    folder: Path
    record: TrainingRecord
    """The configuration, the shards and the versions of the training."""
    layout: Layout
    """The skeleton that the weights were trained on."""
    n_frames: int
    """Number of frames per clip that the network sees."""
    device: torch.device
    recogniser: Recogniser

    def open_shards(self, shards: str | None = None, *, convert: bool = False) -> EpisodeSource:
        """Open the clips of a shard folder in the form that the network sees; close the source after use.

        Args:
            shards: a folder; None: the shards of the training.
            convert: as `dastm eval --convert`: other numbers of frames and orders of joints are converted.

        Raises: RunError if there are no shards, or they differ from those of the training in skeleton or preparation;
        ShardError if they are damaged.
        """
        from dastm.episodes.augmentation import center_frames
        from dastm.episodes.sources import open_source
        from dastm.runs.fit import fitted
        from dastm.runs.whereabouts import shards_of

        source = open_source(shards or shards_of(self.record, self.folder))
        try:
            source, _ = fitted(source, self.record, self.folder, convert=convert)
            return center_frames(source, self.record.config.augment.n_frames, self.record.config.augment.sampling)
        except RunError:
            source.close()
            raise

    def distances(self, episode: Episode) -> Tensor:
        """Distance of each query of an episode to each of its classes; the class with the smallest is the answer.

        Shapes: -> (Q, W), columns in the order of `episode.plan.class_ids`, on the run's device. No unit.
        Raises: ValueError if the clips have other frames, joints or coordinates than the network was trained on.
        """
        expected = self.n_frames, self.layout.n_joints, len(self.layout.coordinates)
        for clips in (episode.support, episode.query):
            found = tuple(clips.joints_LMTVC.shape[2:])
            if found != expected:
                raise ValueError(f"expected clips of (T, V, C) {expected}, as the run was trained on, got {found}")
        arithmetic = self.record.config.optimise.precision if self.device.type == "cuda" else "float32"
        with torch.inference_mode(), precision(self.device, arithmetic):
            return self.recogniser.episode_distances(episode.to(self.device))


def load_run(folder: str | Path, *, seed: int | None = None, device: str = "auto") -> Run:
    """Load the trained network of a run folder, with the record of its training.

    Args:
        folder: a folder that `dastm train --out` wrote, or the name of a shipped encoder.
        seed: the seed of one of the run's trainings; None: the first.
        device: `auto` (the GPU if there is one), `cpu`, `cuda` or `cuda:0`.

    Raises: RunError in one line if the folder is not a finished run, a file is damaged, or the device does not exist.

    >>> import dastm
    >>> run = dastm.load_run("data/runs/toy", device="cpu")
    >>> source = run.open_shards()
    >>> episode = next(dastm.draw_episodes(source, "test", n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, count=1))
    >>> run.distances(episode).shape
    torch.Size([6, 3])
    """
    path = run_of(folder)
    record = TrainingRecord.read(path)
    if record.layout is None or record.preparation is None:
        raise RunError(f"{path}: the record does not say which skeleton (an older version wrote it); train again")
    seeds = record.config.optimise.seeds
    chosen = seeds[0] if seed is None else seed
    if chosen not in seeds:
        raise RunError(f"{path}: no seed {chosen}; the run has {', '.join(map(str, seeds))}")
    there = pick_device(device)
    return Run(
        folder=path,
        record=record,
        layout=record.layout,
        n_frames=record.config.augment.n_frames or int(record.preparation["n_frames"]),
        device=there,
        recogniser=load_recogniser(path, record.config, record.layout, chosen, there),
    )
