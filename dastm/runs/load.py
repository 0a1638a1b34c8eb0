"""A run folder in, its trained network out."""

from pathlib import Path

import torch

from dastm.config.schema import Config
from dastm.contract.errors import RunError
from dastm.contract.skeleton import Layout
from dastm.model import Recogniser, build_recogniser
from dastm.runs.checkpoint import load_checkpoint


def load_recogniser(run: Path, config: Config, layout: Layout, seed: int, device: torch.device) -> Recogniser:
    """The network of one seed with its best weights, ready to evaluate."""
    model = build_recogniser(config, layout, seed).to(device)
    state = load_checkpoint(run / "train" / f"seed-{seed}" / "best.pt")
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{run}: the weights do not fit these shards or this version ({reason})") from error
    return model.eval()
