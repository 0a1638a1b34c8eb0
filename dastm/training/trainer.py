"""Shards + configuration -> trained weights (Ma et al., ECCV 2022, Algorithm 1), one folder per seed.

Everything random is a pure function of (seed, epoch, episode number): initial weights, the clips of an episode, the
masks of dropout. So a training that was killed continues from its last checkpoint and ends with the same weights, bit
for bit on the CPU, as one that was never stopped. No generator states need to be saved.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dastm.config.schema import Config
from dastm.contract.progress import Pace, progress
from dastm.episodes.augmentation import augmented
from dastm.episodes.common import mapped
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.loader import episodes
from dastm.episodes.sampler import Knobs, check_pool
from dastm.episodes.several import notes, viewed
from dastm.episodes.small_classes import without_small
from dastm.evaluation.intervals import interval95
from dastm.model.network import build_recogniser
from dastm.runs.checkpoint import Due, best_of, save_checkpoint
from dastm.runs.device import pick_device, precision
from dastm.runs.files import write_rows
from dastm.runs.locks import alone
from dastm.runs.mending import last_state
from dastm.runs.record import TrainingRecord
from dastm.runs.results import CURVE_FIELDS, CURVES_NAME, write_curves
from dastm.training.beginning import begin_with
from dastm.training.mirroring import checked_partners
from dastm.training.pretraining import check_batches, help_pretraining, pretrain, pretrained_name
from dastm.training.ranks import ALONE, Ranks
from dastm.training.run_ownership import take_ownership
from dastm.training.schedule import has_ended, is_better, reason_to_stop
from dastm.training.state import TrainingState, adam, is_best_state, resume
from dastm.training.step import TERMS, capture_steps, diverged, train_step
from dastm.training.validation import as_validated, validate

Log = Callable[[str], None]
Keep = Callable[[dict[str, Any]], None]
LOCK_NAME = ".training"
"""The lock file of a run folder, held by the training that is running there."""


def train(
    source: EpisodeSource,
    record: TrainingRecord,
    run: Path,
    *,
    replace: bool = False,
    pretrained: Path | None = None,
    begun: Mapping[str, Tensor] | None = None,
    ranks: Ranks = ALONE,
    log: Log,
) -> None:
    """Train every seed of `record.config` into the folder `run`; a training that was stopped there is continued.

    Args:
        replace: whether another training in the run folder is removed first, with its results; otherwise it is an
        error.
        pretrained: folder of pretrained backbones that trainings share; None: each seed has its own.
        begun: weights by name that every seed starts from (`dastm.training.beginning`); None: random weights.
        ranks: the processes that train together; this is one of them.
        log: called with a line now and then, on rank 0.

    Raises: RunError if the folder holds another training, or one that is running; if pools are too small for an
    episode; if a loss is not finite.
    """
    config = record.config
    source, record = ranks.together(lambda: _prepared(source, record, ranks, log))
    ranks.check_alike(json.dumps(record.identity(), sort_keys=True))
    device = pick_device(config.optimise.device)
    if not ranks.first:
        with precision(device, config.optimise.precision):
            _help(source, config, device, ranks)
        return
    rows: list[dict[str, Any]] = []
    busy = f"{run}: another training is at work in this folder; wait for it, or choose another --out"
    with alone(run / LOCK_NAME, busy), precision(device, config.optimise.precision):
        take_ownership(run, record, replace=replace, log=log)
        for seed in config.optimise.seeds:
            folder = run / "train" / f"seed-{seed}"
            first = pretrained / pretrained_name(record, seed) if pretrained else folder / "pretrain.pt"
            rows += train_seed(source, config, seed, folder, first, device, log, begun, ranks)
        write_curves(run, rows)
    ranks.announce(None)


def _prepared(
    source: EpisodeSource, record: TrainingRecord, ranks: Ranks, log: Log
) -> tuple[EpisodeSource, TrainingRecord]:
    """The source as it is trained on, and its record; RunError for what cannot be trained."""
    config = record.config
    shape = config.episode
    lines = notes(source, config.augment.layout)
    source = mapped(source, config.augment.layout)
    if shape.too_few == "leave_out":
        needed = {"train": shape.k_shot + shape.queries, "val": shape.k_shot + config.optimise.val_query}
        source, left_out = without_small(source, needed)
        lines = [*lines, *left_out]
        record = record.of_classes({subset: source.pool_sizes(subset) for subset in ("train", "val")})
    for line in lines if ranks.first else ():
        log(line)
    _check(source, config)
    ranks.check_divide("optimise.episodes_per_step", config.optimise.episodes_per_step)
    if config.pretrain.steps and config.pretrain.batches_per_step > 1:
        ranks.check_divide("pretrain.batches_per_step", config.pretrain.batches_per_step)
    return source, record


def _help(source: EpisodeSource, config: Config, device: torch.device, ranks: Ranks) -> None:
    """What ranks other than the first do: their share of the work that it announces."""
    seen = as_validated(source, config)
    while (told := ranks.announced())[0] is not None:
        work, at = told
        state = _fresh(source, config, at["seed"], device)
        if work == "pretraining":
            help_pretraining(augmented_for(source, config, state.seed), config, state.model, at, device, ranks)
        elif work == "epoch":
            state.load(at)
            _train_epoch(source, config, state, lambda state: None, lambda: False, device, ranks)
        else:
            state.load_network(at)
            validate(seen, config, state, device, ranks)


def _fresh(source: EpisodeSource, config: Config, seed: int, device: torch.device) -> TrainingState:
    """One seed's training before it begins."""
    model = build_recogniser(config, source.manifest.layout, seed).to(device)
    return TrainingState(seed=seed, model=model, optimiser=adam(model, config.optimise))


def _check(source: EpisodeSource, config: Config) -> None:
    """RunError for what cannot be trained so: before the first episode, and before another training is replaced."""
    augmented_for(source, config, 0)
    if config.pretrain.steps and config.pretrain.mirror:
        checked_partners(source.manifest)
    shape, name = config.episode, source.manifest.dataset
    check_pool(
        source.pool_sizes("train"),
        shape.n_way,
        shape.k_shot,
        shape.queries,
        f"{name}: train",
        _knobs("episode.n_query"),
    )
    val_query = config.optimise.val_query
    knobs = _knobs("optimise.val_query")
    check_pool(source.pool_sizes("val"), shape.n_way, shape.k_shot, val_query, f"{name}: val", knobs)
    if config.pretrain.steps:
        check_batches(source, config)


def _knobs(n_query: str) -> Knobs:
    """What to change of an episode, as `dastm train --set` takes it."""
    return ("episode.n_way (--set episode.n_way=..)", "episode.k_shot", n_query, "--set episode.too_few=leave_out")


def train_seed(
    source: EpisodeSource,
    config: Config,
    seed: int,
    folder: Path,
    first: Path,
    device: torch.device,
    log: Log,
    begun: Mapping[str, Tensor] | None = None,
    ranks: Ranks = ALONE,
) -> list[dict[str, Any]]:
    """Train one seed to its end, from its last checkpoint if it has one -> rows of its curves.

    `first` is where the pretrained backbone is or will be, if there is to be one. Weights that it begins with are
    validated first: what is kept is never worse on validation.
    """
    state = _fresh(source, config, seed, device)
    seen = as_validated(source, config)
    last, due = folder / "last.pt", Due(config.optimise.checkpoint_seconds)
    before = last_state(folder, seed, partial(is_best_state, config.optimise), log)
    if before is not None:
        resume(state, before, last)
        ended = has_ended(config.optimise, state.epoch, state.of("val", "accuracy"))
        log(f"seed {seed}: {'already trained' if ended else _place(state)}")
    elif begun is not None:
        log(f"seed {seed}: starts from the given weights{begin_with(state.model, begun)}")
        _validate_and_keep(seen, config, state, folder, due, device, log, ranks)
    if config.pretrain.steps and state.epoch == state.episode == 0 and not state.of("pretrain", "loss"):
        state.history.append(
            pretrain(augmented_for(source, config, seed), config, state.model, seed, first, device, log, ranks)
        )
        _validate_and_keep(seen, config, state, folder, due, device, log, ranks)
    if config.optimise.capture:
        capture_steps(state, config, source.manifest.layout, device, log)
    pace, first_epoch = Pace(), state.epoch

    def told(line: str) -> None:
        log(line + pace.left(state.epoch - first_epoch, config.optimise.epochs - state.epoch))

    while state.epoch < config.optimise.epochs:
        if reason := reason_to_stop(config.optimise, state.of("val", "accuracy")):
            log(f"seed {seed}: stopped after epoch {state.epoch}, {reason}")
            break
        ranks.announce("epoch", state.to_dict())
        _train_epoch(source, config, state, partial(save_checkpoint, last), due, device, ranks)
        _finish_epoch(config, state)
        _validate_and_keep(seen, config, state, folder, due, device, told, ranks)
    if state.epoch > first_epoch and all(state.of("val", "epoch")):  # not validated before its first epoch
        _compare_with_untrained(seen, _fresh(source, config, seed, device), config, state.best, device, log, ranks)
    return state.history


def _compare_with_untrained(
    seen: EpisodeSource,
    fresh: TrainingState,
    config: Config,
    best: float,
    device: torch.device,
    log: Log,
    ranks: Ranks,
) -> None:
    """Say so if the training ended with no better validation than the network had before it."""
    untrained = float(validate(seen, config, fresh, device, ranks).mean())
    if best <= untrained:
        log(
            f"seed {fresh.seed}: the best validation, {100 * best:.1f} %, is no better than the {100 * untrained:.1f} %"
            " of the network before any training; train longer, on more classes, or with another preset"
        )


def augmented_for(source: EpisodeSource, config: Config, seed: int) -> EpisodeSource:
    """The source as the training of one seed sees it."""
    looks = {key: value for key, value in vars(config.augment).items() if key != "layout"}  # which the source has
    return viewed(source, partial(augmented, **looks, seed=seed))


def _train_epoch(
    source: EpisodeSource,
    config: Config,
    state: TrainingState,
    keep: Keep,
    due: Callable[[], bool],
    device: torch.device,
    ranks: Ranks,
) -> None:
    """The rest of one epoch's episodes, with a checkpoint for `keep` when it is due."""
    shape, total = config.episode, config.optimise.episodes
    items = episodes(
        augmented_for(source, config, state.seed),
        "train",
        n_way=shape.n_way,
        k_shot=shape.k_shot,
        n_query=shape.queries,
        seed=state.seed,
        epoch=state.epoch,
        count=total,
        start=state.episode + ranks.number,
        every=ranks.count,
        device=device,
    )
    label = f"seed {state.seed} epoch {state.epoch + 1}/{config.optimise.epochs}"
    state.model.train()
    state.model.backbone.train(config.optimise.backbone_rate > 0)
    terms: list[Tensor] = []
    n_episodes = config.optimise.episodes_per_step
    steps: Iterable[list[Tensor]] = iter(partial(train_step, state, config, items, ranks), [])
    if ranks.first:
        after = (config.optimise.epochs - state.epoch - 1) * total
        of_all, done, later = (number // n_episodes for number in (total, state.episode, after))
        unit = "episode" if n_episodes == 1 else "step"
        steps = progress(steps, total=of_all, initial=done, after=later, desc=label, unit=unit)
    for of_step in steps:
        terms += of_step
        state.episode += len(of_step)
        now = due()
        if ranks.first and (now or state.episode == total):
            _account(state, terms)
        if now:
            keep(state.to_dict())


def _account(state: TrainingState, terms: list[Tensor]) -> None:
    """Add the episodes since the last checkpoint to the epoch's sums, one by one: it does not show when that was."""
    for values in torch.stack(terms).tolist() if terms else ():
        if not math.isfinite(values[0]):
            raise diverged(state, state.episode, f"the loss is {values[0]}")
        for name, value in zip(TERMS, values, strict=True):
            state.sums[name] = state.sums.get(name, 0.0) + value
    terms.clear()


def _finish_epoch(config: Config, state: TrainingState) -> None:
    """Step to the next epoch, and add the one before to the curves."""
    mean = {name: value / config.optimise.episodes for name, value in state.sums.items()}
    state.next_epoch()
    state.history.append({**_row(config, state), "part": "train", **mean})


def _validate_and_keep(
    seen: EpisodeSource,
    config: Config,
    state: TrainingState,
    folder: Path,
    due: Callable[[], bool],
    device: torch.device,
    log: Log,
    ranks: Ranks,
) -> None:
    """Validate between two epochs, keep the best weights, and write down where training is: with these, at the end,
    and when it is due. After every epoch it would take a tenth of the time where epochs last 3 s."""
    shares = validate(seen, config, state, device, ranks)
    val, interval = float(shares.mean()), interval95(shares)
    before = state.history[-1] if state.history else {"part": "begun", "seed": state.seed}
    state.history.append({**_row(config, state), "part": "val", "accuracy": val, "accuracy_interval": interval})
    better = is_better(config.optimise, val, state.best)
    if better:
        state.best = val
        save_checkpoint(folder / "best.pt", best_of(state.to_dict()))
    log(f"{_told(before, config)}, val {100 * val:.1f} ± {100 * interval:.1f} %")
    write_rows(folder / CURVES_NAME, CURVE_FIELDS, state.history)
    if due() or better or has_ended(config.optimise, state.epoch, state.of("val", "accuracy")):
        save_checkpoint(folder / "last.pt", state.to_dict())  # last: all of the above is repeated, or nothing


def _row(config: Config, state: TrainingState) -> dict[str, Any]:
    return {"seed": state.seed, "epoch": state.epoch, "episode": state.epoch * config.optimise.episodes}


def _told(row: Mapping[str, Any], config: Config) -> str:
    """A row of the curves in words."""
    if row["part"] == "begun":
        return f"seed {row['seed']} as it begins"
    if row["part"] == "pretrain":
        return f"seed {row['seed']} pretrained: loss {row['loss']:.4f}, train {100 * row['accuracy']:.1f} %"
    return (
        f"seed {row['seed']} epoch {row['epoch']}/{config.optimise.epochs}: loss {row['loss']:.4f} (cross entropy"
        f" {row['cross_entropy']:.4f}, rank {row['rank']:.2f}), train {100 * row['accuracy']:.1f} %"
    )


def _place(state: TrainingState) -> str:
    return f"continuing at epoch {state.epoch + 1}, episode {state.episode}"
