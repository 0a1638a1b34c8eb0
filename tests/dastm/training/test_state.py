"""A training's state: what last.pt holds continues it, and it says which weights are the best ones."""

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.model.network import build_recogniser
from dastm.runs.checkpoint import best_of, load_checkpoint, save_checkpoint
from dastm.training.state import TrainingState, adam, is_best_state, resume
from tests.toy import STICK, tiny


def fresh(seed=0):
    model = build_recogniser(tiny(), STICK, seed)
    return TrainingState(seed=seed, model=model, optimiser=adam(model, tiny().optimise))


def test_a_state_that_was_written_continues_in_another_one(tmp_path):
    state = fresh()
    state.epoch, state.episode, state.best, state.sums = 2, 3, 0.5, {"loss": 1.0}
    state.history = [{"part": "val", "accuracy": 0.5}]
    save_checkpoint(tmp_path / "last.pt", state.to_dict())
    other = fresh(seed=1)
    resume(other, load_checkpoint(tmp_path / "last.pt"), tmp_path / "last.pt")
    assert (other.epoch, other.episode, other.best, other.sums) == (2, 3, 0.5, {"loss": 1.0})
    assert other.of("val", "accuracy") == [0.5]
    theirs, ours = other.model.state_dict(), state.model.state_dict()
    assert all(torch.equal(theirs[name], value) for name, value in ours.items())
    assert best_of(state.to_dict()).keys() == {"model", "epoch"}


def test_a_state_that_was_continued_is_written_as_the_bytes_of_one_that_never_stopped(tmp_path):
    """Texts that were read from a file are other objects than those of the code, and pickle writes each object once."""
    whole, begun, continued = fresh(), fresh(), fresh()
    whole.history = [{"part": "train", "accuracy": 0.5}, {"part": "val", "accuracy": 0.25}]
    save_checkpoint(tmp_path / "whole.pt", whole.to_dict())
    begun.history = [{"part": "train", "accuracy": 0.5}]
    save_checkpoint(tmp_path / "last.pt", begun.to_dict())
    resume(continued, load_checkpoint(tmp_path / "last.pt"), tmp_path / "last.pt")
    continued.history.append({"part": "val", "accuracy": 0.25})
    save_checkpoint(tmp_path / "last.pt", continued.to_dict())
    assert (tmp_path / "last.pt").read_bytes() == (tmp_path / "whole.pt").read_bytes()


def test_what_is_no_state_is_one_line_that_names_the_file(tmp_path):
    with pytest.raises(RunError, match=r"last\.pt: not a checkpoint of this training"):
        resume(fresh(), {"model": 3}, tmp_path / "last.pt")


@pytest.mark.parametrize(
    ("state", "best"),
    [
        ({"episode": 0, "history": [{"part": "val", "accuracy": 0.4}, {"part": "val", "accuracy": 0.5}]}, True),
        ({"episode": 0, "history": [{"part": "val", "accuracy": 0.5}, {"part": "val", "accuracy": 0.4}]}, False),
        ({"episode": 1, "history": [{"part": "val", "accuracy": 0.5}]}, False),
        ({"epoch": 1}, False),
    ],
)
def test_the_last_weights_are_the_best_where_they_validated_best_and_no_step_was_made_since(state, best):
    assert is_best_state(tiny().optimise, state) == best
