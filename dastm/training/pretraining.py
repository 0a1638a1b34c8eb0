"""Pretrains the backbone as a classifier of all training classes, before the first episode. Not part of the paper.

In: a source as training sees it, and a fresh network. Out: the same network with a trained backbone; the last layer of
the classifier is dropped. Batches are episodes of many classes and few clips, from the same plans and loader. Number
of the batch and seed decide everything, so a pretraining that was killed continues to the same weights, bit for bit.
Several batches per step are divided among the ranks (`sharing`).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dastm.config.schema import Config
from dastm.contract.errors import RunError
from dastm.contract.ownership import remove_unfinished
from dastm.contract.progress import progress
from dastm.contract.shard_format import checksum
from dastm.contract.wording import listed
from dastm.episodes.episode import Episode
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.loader import episodes
from dastm.layers.dropout import reseed_dropout
from dastm.layers.weights import Linear
from dastm.model.network import Bodies, Recogniser
from dastm.runs.checkpoint import Due, save_checkpoint
from dastm.runs.locks import locked
from dastm.runs.mending import whole_or_renamed
from dastm.runs.record import TrainingRecord
from dastm.training.mirroring import checked_partners, mirrored
from dastm.training.ranks import ALONE, Ranks
from dastm.training.schedule import warmed_up
from dastm.training.sharing import mean_gradients
from dastm.training.state import clip_gradients

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
EPOCH = 2**31
"""The epoch number of pretraining's plans, which no epoch of episodes has."""
LATEST = 50
"""The curves show the mean loss and accuracy of this number of the last batches."""


class Pretraining:
    """The state of a pretraining: a network, the last layer of the classifier, and the position.

    Args:
        partners: for every joint the one on the other side; if given, mirrored clips are additional classes.
    """

    def __init__(
        self,
        model: Recogniser,
        class_ids: list[int],
        config: Config,
        seed: int,
        partners: tuple[int, ...] | None = None,
    ) -> None:
        self.model, self.config, self.seed, self.partners = model, config, seed, partners
        self.labels = {class_id: label for label, class_id in enumerate(class_ids)}
        device = next(model.backbone.parameters()).device
        n_classes = len(class_ids) * (1 if partners is None else 2)
        self.head = fresh_head(model.backbone.n_features, n_classes, seed).to(device)
        weights = [*model.backbone.requires_grad_(True).parameters(), *self.head.parameters()]
        self.optimiser = OPTIMISERS[config.pretrain.optimiser](
            weights, weight_decay=config.pretrain.weight_decay, fused=device.type != "cpu"
        )
        self.step = 0
        self.latest: list[list[float]] = []
        """(loss, accuracy) of the last batches that were accounted for."""

    def with_state(self) -> dict[str, Any]:
        """The parts whose state is saved: not the matching, so that methods may share a pretrained backbone."""
        return {"backbone": self.model.backbone, "head": self.head, "optimiser": self.optimiser}

    def to_dict(self) -> dict[str, Any]:
        """The state for `save_checkpoint`."""
        return {
            **{name: learned.state_dict() for name, learned in self.with_state().items()},
            "step": self.step,
            "latest": self.latest,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore the state of `to_dict`."""
        for name, learned in self.with_state().items():
            learned.load_state_dict(state[name])
        self.step, self.latest = state["step"], state["latest"]

    def one_step(self, batches: Iterator[Episode], ranks: Ranks = ALONE) -> list[Tensor]:
        """One step on this rank's next batches -> (loss, accuracy) of each batch of all ranks, left on the device.

        The result is empty if there was no further batch and so no step.
        """
        options = self.config.pretrain
        for group in self.optimiser.param_groups:
            group["lr"] = warmed_up(options.learning_rate, self.step, options.steps, options.warm_up)
        first = self.step * options.batches_per_step
        numbers = range(first + ranks.number, first + options.batches_per_step, ranks.count)
        pieces = (partial(self._gradients, *pair) for pair in zip(islice(batches, len(numbers)), numbers, strict=False))
        if options.batches_per_step == 1:
            terms = [piece() for piece in pieces]
        else:
            weights = [weight for group in self.optimiser.param_groups for weight in group["params"]]
            terms = mean_gradients(self.model.backbone, weights, pieces, ranks)
        if not terms:
            return terms
        clip_gradients(self.optimiser, self.config.optimise.clip_norm)
        self.optimiser.step()
        self.step += 1
        return terms

    def _gradients(self, batch: Episode, number: int) -> Tensor:
        """The gradients of one batch, in place of those before -> (loss, accuracy)."""
        reseed_dropout(self.model, int(np.random.SeedSequence([self.seed, EPOCH, number]).generate_state(1)[0]))
        bodies = self.model.bodies(batch.support, batch.query)
        of_way = torch.tensor([self.labels[class_id] for class_id in batch.plan.class_ids])
        of_way = of_way.to(bodies.joints_BTVC.device, non_blocking=True)
        labels_L = of_way[torch.cat([batch.support_labels, batch.query_labels])]
        bodies, labels_L = self._perhaps_mirrored(bodies, labels_L, number)
        features_LTVD = self.model.backbone_features(bodies)
        scores = self.head(features_LTVD.mean((1, 2)))
        loss = cross_entropy(scores, labels_L, label_smoothing=self.config.pretrain.smoothing)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        return torch.stack([loss.detach(), (scores.detach().argmax(1) == labels_L).to(loss.dtype).mean()])

    def _perhaps_mirrored(self, bodies: Bodies, labels_L: Tensor, number: int) -> tuple[Bodies, Tensor]:
        """Each clip with probability 1/2 as a mirror shows it, which is another class."""
        if self.partners is None:
            return bodies, labels_L
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, EPOCH, number, 1]))
        which_L = torch.from_numpy(rng.random(len(labels_L)) < 0.5).to(labels_L.device, non_blocking=True)
        joints_BTVC = mirrored(bodies.joints_BTVC, which_L[bodies.clip_B], self.partners)
        return replace(bodies, joints_BTVC=joints_BTVC), labels_L + which_L * len(self.labels)

    def account(self, terms: list[Tensor]) -> None:
        """Add the steps since the last checkpoint. Raises: RunError if their loss is not finite."""
        self.latest = [*self.latest, *(torch.stack(terms).double().tolist() if terms else [])][-LATEST:]
        terms.clear()
        if not np.isfinite(self.latest).all():
            raise RunError(f"seed {self.seed}: pretraining diverged by step {self.step}; lower pretrain.learning_rate")


def fresh_head(n_features: int, n_classes: int, seed: int) -> nn.Linear:
    """A linear layer as PyTorch would draw it, from a generator of its own."""
    head = Linear(n_features, n_classes)
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence([seed, EPOCH]).generate_state(1)[0]))
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.uniform_(-(n_features**-0.5), n_features**-0.5, generator=generator)
    return head


def pretrained_name(record: TrainingRecord, seed: int) -> str:
    """The file name of a pretrained backbone: a digest of everything that it depends on."""
    identity = record.identity()
    config = {section: identity["config"][section] for section in ("backbone", "augment", "pretrain")}
    config |= {key: identity["config"]["optimise"][key] for key in ("precision", "clip_norm")}
    document = json.dumps({**identity, "config": config, "seed": seed}, sort_keys=True)
    return f"{checksum(document.encode())}.pt"


def pretrain(
    source: EpisodeSource,
    config: Config,
    model: Recogniser,
    seed: int,
    last: Path,
    device: torch.device,
    log: Callable[[str], None],
    ranks: Ranks = ALONE,
) -> dict[str, Any]:
    """Train the backbone of `model` -> a row of the curves.

    Args:
        last: the checkpoint, from which it continues. If several trainings need the same one at the same time, one
            makes it and the others wait.
        ranks: the processes that share steps of several batches; this is the first of them.

    Raises: RunError if the training subset is too small for such batches, or if the loss is not finite.
    """
    options = config.pretrain
    with locked(last.with_name(f".{last.name}.lock")):
        remove_unfinished(last.parent, last.name.__eq__)
        state = _fresh(source, config, model, seed)
        before = whole_or_renamed(last, seed, log) if last.exists() else None
        if before is not None:
            _resume(state, before, last)
            log(f"seed {seed}: {_found(state.step, options.steps)} ({last})")
        if options.batches_per_step == 1 or state.step == options.steps:
            ranks = ALONE  # the others wait for the next work
        ranks.announce("pretraining", {"seed": seed, **state.to_dict()})
        _learn(source, state, device, ranks, Due(config.optimise.checkpoint_seconds), partial(save_checkpoint, last))
        state.optimiser.zero_grad(set_to_none=True)  # gradients left behind would count where others are clipped
    model.backbone.requires_grad_(config.optimise.backbone_rate > 0)
    loss, accuracy = np.mean(state.latest, axis=0).tolist()
    return {"seed": seed, "epoch": 0, "episode": 0, "part": "pretrain", "loss": loss, "accuracy": accuracy}


def help_pretraining(
    source: EpisodeSource,
    config: Config,
    model: Recogniser,
    told: Mapping[str, Any],
    device: torch.device,
    ranks: Ranks,
) -> None:
    """The share of another rank than the first in a pretraining that goes on from this state."""
    state = _fresh(source, config, model, told["seed"])
    state.load(told)
    _learn(source, state, device, ranks, due=lambda: False, keep=lambda state: None)


def _fresh(source: EpisodeSource, config: Config, model: Recogniser, seed: int) -> Pretraining:
    partners = checked_partners(source.manifest) if config.pretrain.mirror else None
    return Pretraining(model, sorted(source.pool_sizes("train")), config, seed, partners)


def _resume(state: Pretraining, before: Mapping[str, Any], last: Path) -> None:
    """Load the checkpoint into a fresh state. Raises: RunError naming the file if it holds something else."""
    try:
        state.load(before)
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise RunError(f"{last}: not a checkpoint of this pretraining; delete it") from error


def check_batches(source: EpisodeSource, config: Config) -> None:
    """Raise RunError if a training class has fewer clips than a batch takes of it."""
    sizes, clips = source.pool_sizes("train"), config.pretrain.clips
    needed = 1 + _shape(len(sizes), clips)[1]
    if few := [f"class {class_id} has {n}" for class_id, n in sorted(sizes.items()) if n < needed]:
        raise RunError(
            f"{source.manifest.dataset}: train: pretraining on batches of {clips} clips needs {needed} clips of every"
            f" class, but {listed(few)}; lower pretrain.clips, or split with more clips a class"
        )


def _shape(n_classes: int, clips: int) -> tuple[int, int]:
    """Number of classes of a batch of about so many clips, and of queries per class beside the one example."""
    n_way = min(n_classes, max(2, clips // 2))
    return n_way, max(1, clips // n_way - 1)


def _learn(
    source: EpisodeSource,
    state: Pretraining,
    device: torch.device,
    ranks: Ranks,
    due: Callable[[], bool],
    keep: Callable[[dict[str, Any]], None],
) -> None:
    """The rest of the steps; rank 0 has a checkpoint for `keep` when it is due."""
    options = state.config.pretrain
    n_way, n_query = _shape(len(state.labels), options.clips)
    batches = episodes(
        source,
        "train",
        n_way=n_way,
        k_shot=1,
        n_query=n_query,
        seed=state.seed,
        epoch=EPOCH,
        count=options.steps * options.batches_per_step,
        start=state.step * options.batches_per_step + ranks.number,
        every=ranks.count,
        device=device,
    )
    terms: list[Tensor] = []
    state.model.train()
    steps: Iterable[list[Tensor]] = iter(partial(state.one_step, batches, ranks), [])
    if ranks.first:
        label = f"seed {state.seed} pretraining"
        steps = progress(steps, total=options.steps, initial=state.step, desc=label, unit="step")
    for of_step in steps:
        terms += of_step
        if ranks.first and (due() or state.step == options.steps):
            state.account(terms)
            keep(state.to_dict())


def _found(step: int, steps: int) -> str:
    return "pretrained before" if step == steps else f"continuing at step {step} of pretraining"
