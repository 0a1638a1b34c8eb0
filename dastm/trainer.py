"""Shards + configuration -> trained weights (Ma et al., ECCV 2022, Algorithm 1), one folder a seed.

Everything random is a pure function of (seed, epoch, episode number): initial weights, which clips an episode has, what
dropout drops. So a training that was killed continues from its last checkpoint and ends with the same weights, bit for
bit on the CPU, as one that never stopped; no generator's state needs keeping.
"""

import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from dastm.checkpoint import (
    CURVE_FIELDS,
    CURVES_NAME,
    TrainingRecord,
    load_checkpoint,
    remove_unfinished,
    save_checkpoint,
    write_rows,
)
from dastm.config import Config, EvalConfig
from dastm.device import pick_device, precision
from dastm.dropout import reseed_dropout
from dastm.episodes.episode import Episode
from dastm.episodes.loader import episodes
from dastm.episodes.sources import EpisodeSource
from dastm.errors import RunError
from dastm.evaluator import Accuracies, interval95, score, untrained
from dastm.loss import accuracy, episode_loss
from dastm.model import Recogniser, rank_term

Log = Callable[[str], None]
SUMMED = ("loss", "cross_entropy", "rank", "accuracy")
RUN_CONTENTS = ("report.html", CURVES_NAME, "eval", "train")
"""What a training that is replaced leaves nothing of; train/ last, by which the folder is known."""


@dataclass(kw_only=True)
class TrainingState:
    """One seed's training between two episodes; everything that a checkpoint holds."""

    seed: int
    model: Recogniser
    optimiser: torch.optim.Optimizer
    epoch: int = 0
    episode: int = 0
    """The next episode of this epoch."""
    best: float = -1.0
    """Best validation accuracy."""
    sums: dict[str, float] = field(default_factory=dict)
    """Loss parts and accuracy, summed over this epoch's episodes so far."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the curves."""

    def to_dict(self) -> dict[str, Any]:
        """For `save_checkpoint`."""
        plain = {name: getattr(self, name) for name in ("seed", "epoch", "episode", "best", "sums", "history")}
        return {**plain, "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue where `to_dict` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name in ("epoch", "episode", "best", "sums", "history"):
            setattr(self, name, state[name])


def train(source: EpisodeSource, record: TrainingRecord, run: Path, *, replace: bool = False, log: Log) -> None:
    """Train every seed of `record.config` into `run`, continuing what is there of the same training.

    Args:
        replace: another training in the run folder, and what was made of it, is removed first; otherwise an error.
        log: gets a line now and then.

    Raises RunError for a folder with another training, pools too small for an episode, or a loss that is not finite.
    """
    config = record.config
    _claim(run, record, replace, log)
    device = pick_device(config.optimise.device)
    rows: list[dict[str, Any]] = []
    with precision(device, config.optimise.precision):
        for seed in config.optimise.seeds:
            rows += train_seed(source, config, seed, run / "train" / f"seed-{seed}", device, log)
    write_rows(run / CURVES_NAME, CURVE_FIELDS, rows)


def _claim(run: Path, record: TrainingRecord, replace: bool, log: Log) -> None:
    """Make `run` the folder of this training, or find that it is already."""
    remove_unfinished(run / "train")
    if (run / "train").exists() and any((run / "train").iterdir()):
        differs = _differences(run, record)
        if differs and not replace:
            raise RunError(f"{run}: holds another training ({differs}); choose another --out or add --replace")
        if differs:
            log(f"{run}: another training was here ({differs}); starting anew")
            for path in (run / name for name in RUN_CONTENTS):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (run / CURVES_NAME).unlink(missing_ok=True)  # it says that all seeds are trained
    record.write(run)


def _differences(run: Path, record: TrainingRecord) -> str:
    """In what the training in `run` differs from this one, in words; empty: in nothing."""
    try:
        before = TrainingRecord.read(run).identity()
    except RunError:
        return "an unreadable one"
    now = record.identity()
    if before["shards_digest"] != now["shards_digest"]:
        return "other shards"
    keys = [
        f"{section}.{key}"
        for section, values in now["config"].items()
        for key, value in values.items()
        if before["config"][section][key] != value
    ]
    if keys:
        return ", ".join(keys)
    versions = [
        f"{name} {before['versions'][name]}, now {version}"
        for name, version in now["versions"].items()
        if before["versions"][name] != version
    ]
    if versions:
        return ", ".join(versions)
    return "other code" if before["code"] != now["code"] else ""


def train_seed(
    source: EpisodeSource, config: Config, seed: int, folder: Path, device: torch.device, log: Log
) -> list[dict[str, Any]]:
    """Train one seed to its end, from its last checkpoint where there is one -> rows of its curves."""
    model = untrained(config, source.manifest.layout, seed).to(device)
    optimiser = torch.optim.Adam(
        model.parameters(), lr=config.optimise.learning_rate, weight_decay=config.optimise.weight_decay
    )
    state = TrainingState(seed=seed, model=model, optimiser=optimiser)
    last = folder / "last.pt"
    if last.exists():
        _resume(state, last)
        place = f"continuing at epoch {state.epoch + 1}, episode {state.episode}"
        log(f"seed {seed}: {place if state.epoch < config.optimise.epochs else 'already trained'}")
    while state.epoch < config.optimise.epochs:
        _train_epoch(source, config, state, last, device)
        _finish_epoch(source, config, state, folder, device, log)
    return state.history


def _resume(state: TrainingState, last: Path) -> None:
    """Put the last checkpoint into a fresh state; RunError if it is not one of this training."""
    try:
        state.load(load_checkpoint(last))
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise RunError(f"{last}: not a checkpoint of this training ({type(error).__name__}); delete it") from error


def _train_epoch(source: EpisodeSource, config: Config, state: TrainingState, last: Path, device: torch.device) -> None:
    """The rest of one epoch's episodes, with a checkpoint now and then."""
    shape, total = config.episode, config.optimise.episodes
    items = episodes(
        source,
        "train",
        n_way=shape.n_way,
        k_shot=shape.k_shot,
        n_query=shape.queries,
        seed=state.seed,
        epoch=state.epoch,
        count=total,
        start=state.episode,
        device=device,
    )
    label = f"seed {state.seed} epoch {state.epoch + 1}/{config.optimise.epochs}"
    state.model.train()
    parts: list[Tensor] = []
    for episode in tqdm(items, total=total, initial=state.episode, desc=label, unit="episode", disable=None):
        try:
            parts.append(train_episode(state, config, episode))
        except ValueError as error:  # the matching refuses what is not finite
            raise _diverged(state, str(error)) from error
        state.episode += 1
        if state.episode % config.optimise.checkpoint_every == 0 or state.episode == total:
            _account(state, parts)
            save_checkpoint(last, state.to_dict())


def train_episode(state: TrainingState, config: Config, episode: Episode) -> Tensor:
    """One step on one episode -> (loss, cross entropy, rank term, accuracy), left on the device."""
    step = state.epoch * config.optimise.episodes + state.episode
    reseed_dropout(state.model, int(np.random.SeedSequence([state.seed, step]).generate_state(1)[0]))
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(config, step)
    matched = state.model(episode)
    matching = config.matching
    rank = rank_term(matched, matching)
    loss = episode_loss(
        matched.distances_QW, episode.query_labels, rank, matching.rank_weight, temperature=matching.temperature
    )
    state.optimiser.zero_grad(set_to_none=True)
    loss["total"].backward()  # type: ignore[no-untyped-call]
    if config.optimise.clip_norm > 0:
        torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.optimise.clip_norm)
    state.optimiser.step()
    shares = accuracy(matched.distances_QW.detach(), episode.query_labels)
    return torch.stack([loss["total"].detach(), loss["cross_entropy"].detach(), loss["rank"].detach(), shares])


def learning_rate(config: Config, step: int) -> float:
    """The learning rate of training step `step`, counted from 0 over the whole training."""
    optimise = config.optimise
    if optimise.schedule == "constant":
        return optimise.learning_rate
    progress = step / (optimise.epochs * optimise.episodes)
    return optimise.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def _account(state: TrainingState, parts: list[Tensor]) -> None:
    """Add the episodes since the last checkpoint to the epoch's sums."""
    if not parts:
        return
    sums = torch.stack(parts).double().sum(0).tolist()
    parts.clear()
    if not math.isfinite(sums[0]):
        raise _diverged(state, f"the loss is {sums[0]}")
    for name, value in zip(SUMMED, sums, strict=True):
        state.sums[name] = state.sums.get(name, 0.0) + value


def _diverged(state: TrainingState, reason: str) -> RunError:
    return RunError(
        f"seed {state.seed}, epoch {state.epoch + 1}, about episode {state.episode}: {reason}; "
        "lower optimise.learning_rate, or set optimise.clip_norm"
    )


def _finish_epoch(
    source: EpisodeSource, config: Config, state: TrainingState, folder: Path, device: torch.device, log: Log
) -> None:
    """Validate, keep the best weights, add the epoch to the curves, and step to the next epoch."""
    optimise = config.optimise
    mean = {name: value / optimise.episodes for name, value in state.sums.items()}
    try:
        shares = _validate(source, config, state, device)
    except ValueError as error:  # the epoch's last step left weights that are not finite
        raise _diverged(state, str(error)) from error
    val, interval = float(shares.mean()), interval95(shares)
    row = {"seed": state.seed, "epoch": state.epoch + 1, "episode": (state.epoch + 1) * optimise.episodes}
    state.history += [
        {**row, "part": "train", **mean},
        {**row, "part": "val", "accuracy": val, "accuracy_interval": interval},
    ]
    if val > state.best:
        state.best = val
        save_checkpoint(folder / "best.pt", {"model": state.model.state_dict(), "epoch": state.epoch + 1})
    log(
        f"seed {state.seed} epoch {state.epoch + 1}/{optimise.epochs}: loss {mean['loss']:.4f}"
        f" (cross entropy {mean['cross_entropy']:.4f}, rank {mean['rank']:.2f}), train {100 * mean['accuracy']:.1f} %,"
        f" val {100 * val:.1f} ± {100 * interval:.1f} %"
    )
    state.epoch, state.episode, state.sums = state.epoch + 1, 0, {}
    write_rows(folder / CURVES_NAME, CURVE_FIELDS, state.history)
    save_checkpoint(folder / "last.pt", state.to_dict())  # last: whoever continues repeats all of the above or nothing


def _validate(source: EpisodeSource, config: Config, state: TrainingState, device: torch.device) -> Accuracies:
    """Accuracies on the validation episodes: the same ones after every epoch and for every seed."""
    state.model.eval()
    shape, optimise = config.episode, config.optimise
    protocol = EvalConfig(
        part="val",
        n_way=shape.n_way,
        k_shot=shape.k_shot,
        n_query=optimise.val_query,
        episodes=optimise.val_episodes,
        seed=0,
    )
    return score(source, protocol, state.model.episode_distances, device, "validation")
