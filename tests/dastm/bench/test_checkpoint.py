"""A checkpoint that is timed is a whole one, and its copy has all of its numbers."""

import pytest
import torch

from dastm.bench import checkpoint
from dastm.bench.case import Setting
from dastm.runs.checkpoint import load_checkpoint

CPU = Setting(device=torch.device("cpu"))
pytestmark = pytest.mark.kernel


def numbers(state):
    moments = [value for values in state["optimiser"]["state"].values() for value in values.values()]
    return sum(tensor.numel() for tensor in [*state["model"].values(), *moments])


@pytest.mark.usefixtures("small_episodes")
def test_what_is_written_holds_the_numbers_that_are_copied(monkeypatch):
    save, found = checkpoint.save_checkpoint, []

    def saved(path, state):
        save(path, state)
        found.append(numbers(load_checkpoint(path)))

    monkeypatch.setattr(checkpoint, "save_checkpoint", saved)
    checkpoint.written(CPU)()
    assert sum(tensor.numel() for tensor in checkpoint.copied(CPU)()) == found[0]
