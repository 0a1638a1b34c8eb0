"""The state of one seed's training between two episodes: weights, optimiser, position and curves.

last.pt holds `TrainingState.to_dict`; best.pt holds `dastm.runs.checkpoint.best_of` it. Generator states are not
needed.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from dastm.config.schema import OptimiseConfig
from dastm.contract.errors import RunError
from dastm.model.network import Recogniser
from dastm.training.capture import Recorded
from dastm.training.schedule import is_last_best


def clip_gradients(optimiser: torch.optim.Optimizer, norm: float) -> None:
    """Scale all gradients together down to this norm; 0 does nothing."""
    if norm > 0:
        trained = [weight for group in optimiser.param_groups for weight in group["params"]]
        torch.nn.utils.clip_grad_norm_(trained, norm)


def set_rates(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of each group by its factor, in place where it is a tensor."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate * group["factor"])
        else:
            group["lr"] = rate * group["factor"]


@dataclass(kw_only=True)
class TrainingState:
    """The state of one seed's training between two episodes: everything that a checkpoint holds."""

    seed: int
    model: Recogniser
    optimiser: torch.optim.Optimizer
    epoch: int = 0
    episode: int = 0
    """The number of the next episode in this epoch."""
    best: float = -1.0
    """The best validation accuracy so far."""
    sums: dict[str, float] = field(default_factory=dict)
    """The loss, its terms and the accuracy, summed over this epoch's episodes so far."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the curves."""
    recorded: Recorded | None = None
    """The recorded step that is replayed; None: every step is computed. Not part of a checkpoint."""

    def next_epoch(self) -> None:
        """Go to the first episode of the next epoch."""
        self.epoch, self.episode, self.sums = self.epoch + 1, 0, {}

    def of(self, subset: str, name: str) -> list[float]:
        """One column of the curves, of `train` or `val`, with a value per epoch."""
        return [row[name] for row in self.history if row["part"] == subset]

    def tensors(self) -> list[torch.Tensor]:
        """All that a step changes: weights and statistics, and the optimiser's moments, of which it has none before its
        first step."""
        moments = [value for values in self.optimiser.state.values() for value in values.values()]
        return [*self.model.state_dict().values(), *moments]

    def to_dict(self) -> dict[str, Any]:
        """For `save_checkpoint`."""
        plain = {
            name: _interned(getattr(self, name)) for name in ("seed", "epoch", "episode", "best", "sums", "history")
        }
        return {**plain, "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore the state of `to_dict`."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name in ("epoch", "episode", "best", "sums", "history"):
            setattr(self, name, state[name])

    def network(self) -> dict[str, Any]:
        """What a validation depends on, for `load_network`."""
        return {"seed": self.seed, "epoch": self.epoch, "model": self.model.state_dict()}

    def load_network(self, state: Mapping[str, Any]) -> None:
        """Restore the state of `network`."""
        self.model.load_state_dict(state["model"])
        self.epoch = state["epoch"]


def _interned(value: Any) -> Any:
    """The same with one object for each text, as it is written once: so a training that was continued, whose texts were
    read from a file, leaves the bytes of one that was never stopped."""
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, dict):
        return {_interned(key): _interned(of) for key, of in value.items()}
    return [_interned(of) for of in value] if isinstance(value, list) else value


def adam(model: Recogniser, optimise: OptimiseConfig) -> torch.optim.Adam:
    """Adam for the matching and, with a separate learning rate, for the backbone; at rate 0 the backbone is frozen.

    Raises: RunError if nothing is left to train.
    """
    model.backbone.requires_grad_(optimise.backbone_rate > 0)
    backbone = {id(parameter) for parameter in model.backbone.parameters()}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if id(p) not in backbone], "factor": 1.0},
        {"params": [p for p in trained if id(p) in backbone], "factor": optimise.backbone_rate},
    ]
    groups = [group for group in groups if group["params"]]
    if not groups:
        raise RunError(
            "optimise.backbone_rate: 0 leaves nothing to train; this method has no weights but the backbone's"
        )
    fused = next(model.parameters()).device.type != "cpu"  # there it gains nothing that shows, and other last bits
    return torch.optim.Adam(groups, lr=optimise.learning_rate, weight_decay=optimise.weight_decay, fused=fused)


def is_best_state(optimise: OptimiseConfig, state: Mapping[str, Any]) -> bool:
    """Whether the weights of a checkpoint are the best ones: no step was made since the best validation."""
    try:
        validated = [row["accuracy"] for row in state["history"] if row["part"] == "val"]
        return state["episode"] == 0 and is_last_best(optimise, validated)
    except (KeyError, TypeError):
        return False  # no checkpoint of a training, which `resume` says


def resume(state: TrainingState, before: Mapping[str, Any], last: Path) -> None:
    """Load the last checkpoint into a fresh state. Raises: RunError if it does not belong to this training."""
    try:
        state.load(before)
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise RunError(f"{last}: not a checkpoint of this training; delete it") from error
