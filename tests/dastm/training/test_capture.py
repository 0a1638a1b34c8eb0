"""Steps that are replayed end where steps that are computed anew do, for every recipe; shown on the CPU."""

import re
from contextlib import closing

import pytest
import torch

from dastm.config.load import load_config
from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.layers.dropout import generators
from dastm.model.network import build_recogniser
from dastm.training import step
from dastm.training.capture import CHECKED, WARM_UP, Changed, Recorded
from dastm.training.state import TrainingState, adam
from dastm.training.step import capture_steps, record_steps, train_step, unrecordable
from tests.bench.gpu.steps import Again
from tests.toy import STICK, TINY, toy_shards

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

N_STEPS = 24
N_FAULTY = 14
"""So many that the fault is found and steps come after it."""
SETTINGS = {
    "episode.n_way": 2,
    "episode.n_query": 1,
    "backbone.n_blocks": 4,
    "backbone.channels": TINY["backbone.channels"],
    "optimise.learning_rate": 2.0**-10,
    "optimise.schedule": "constant",
}
"""A learning rate that a float32 holds exactly."""
WITH_DROPOUT = {"backbone.dropout": 0.1, **SETTINGS}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    with closing(open_source(toy_shards(tmp_path_factory.mktemp("toy") / "shards"))) as source:
        yield list(episodes(source, "train", n_way=2, k_shot=1, n_query=1, seed=0, epoch=0, count=N_STEPS))


@pytest.fixture(scope="module")
def computed(drawn):
    """The terms and weights of a training none of whose steps is replayed."""
    return trained(load_config("small", WITH_DROPOUT), drawn[:N_FAULTY])


class Counting(Again):
    """Counts what is computed as usual and what is recorded."""

    def __init__(self):
        self.n_usual = self.n_recorded = 0

    def usual(self, work):
        self.n_usual += 1
        return work()

    def record(self, work):
        self.n_recorded += 1
        return work


class Faulty(Counting):
    """Each recording is as `spoil` makes it of the work."""

    def __init__(self, spoil):
        super().__init__()
        self.spoil = spoil

    def record(self, work):
        return self.spoil(super().record(work))


def trained(config, items, recorder=None, tell=pytest.fail, spoil=None):
    model = build_recogniser(config, STICK, 0).train()
    state = TrainingState(seed=0, model=model, optimiser=adam(model, config.optimise))
    for group in state.optimiser.param_groups:
        group["fused"] = True  # as on a GPU
    if recorder is not None:
        record_steps(state, config, recorder, tell)
    if spoil is not None:
        recorder.spoil = lambda work: spoil(work, state)
    terms = []
    for item in items:
        terms += train_step(state, config, iter([item]))
        state.episode += 1
    return torch.stack(terms), model.state_dict()


@pytest.mark.parametrize("preset", ["paper", "release", "small", "best"])
def test_replayed_steps_leave_the_same_bits(preset, drawn):
    """Clips of one and two bodies, dropout, paths: whatever a step takes is put where the recorded one reads it."""
    config = load_config(preset, SETTINGS)
    recorder = Counting()
    (terms, weights), (found, ours) = trained(config, drawn), trained(config, drawn, recorder)
    assert 0 < recorder.n_recorded < N_STEPS - recorder.n_usual  # some are replayed more than once
    assert torch.equal(found, terms)
    assert all(torch.equal(ours[name], value) for name, value in weights.items())


def other_terms(work, state):
    return lambda: work() + 1


def another_weight(work, state):
    def replay():
        result = work()
        next(state.model.parameters()).data.flatten()[0] += 1e-6
        return result

    return replay


def another_moment(work, state):
    def replay():
        result = work()
        next(iter(state.optimiser.state.values()))["exp_avg"].zero_()
        return result

    return replay


def elsewhere(work, state):
    """Nothing of the training has changed."""
    return lambda: torch.zeros(len(step.TERMS), dtype=torch.float64)


def refused(work, state):
    raise RuntimeError("CUDA error: operation not permitted\nwhen stream is capturing")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (other_terms, r"a replay left other values in 1 of \d+ tensors"),
        (another_weight, r"a replay left other values in 1 of \d+ tensors"),
        (another_moment, r"a replay left other values in 1 of \d+ tensors"),
        (elsewhere, r"a replay left other values in \d+ of \d+ tensors"),
        (refused, r"recording them failed \(CUDA error: operation not permitted when stream is capturing\)"),
    ],
)
def test_a_recording_that_goes_wrong_is_told_once_and_steps_are_computed(drawn, computed, spoil, reason):
    config, told, (terms, weights) = load_config("small", WITH_DROPOUT), [], computed
    found, ours = trained(config, drawn[:N_FAULTY], Faulty(None), told.append, spoil)
    assert len(told) == 1
    assert re.fullmatch(reason, told[0])
    assert torch.equal(found, terms)
    assert all(torch.equal(ours[name], value) for name, value in weights.items())


def test_a_replay_that_goes_wrong_later_than_the_first_of_its_shape_is_told():
    replays, told, n_calls = iter([2.0, 2.0, 3.0]), [], WARM_UP + CHECKED + 2
    recorder = Faulty(lambda work: lambda: torch.tensor(next(replays)))
    doubled = Recorded(lambda inputs: inputs[0] * 2, recorder, Changed(), told.append)
    assert [doubled([torch.tensor(1.0)]).item() for _ in range(n_calls)] == [2.0] * n_calls
    assert told == ["a replay left other values in 1 of 1 tensors"]


def test_a_loss_that_is_not_a_number_is_not_taken_for_a_fault():
    told = []
    lost = Recorded(lambda inputs: inputs[0] * torch.nan, Counting(), Changed(), told.append)
    assert all(lost([torch.tensor(1.0)]).isnan() for _ in range(WARM_UP + CHECKED + 1))
    assert not told


def test_each_shape_is_recorded_once_after_it_has_been_computed_a_few_times_and_results_are_new_tensors():
    recorder = Counting()
    doubled = Recorded(lambda inputs: inputs[0] * inputs[1], recorder, Changed(), pytest.fail)
    numbers = range(WARM_UP + CHECKED + 3)
    results = [doubled((torch.full((size,), float(i)), 2, None)) for i in numbers for size in (1, 2)]
    assert [result.tolist() for result in results[::2]] == [[2.0 * i] for i in numbers]
    assert [result.tolist() for result in results[1::2]] == [[2.0 * i] * 2 for i in numbers]
    assert (recorder.n_usual, recorder.n_recorded) == (2 * (WARM_UP + CHECKED), 2)


def test_masks_come_from_the_same_generators_however_often_they_are_reseeded(drawn):
    config = load_config("small", SETTINGS)
    model = build_recogniser(config, STICK, 0).train()
    state = TrainingState(seed=0, model=model, optimiser=adam(model, config.optimise))
    train_step(state, config, iter(drawn[:1]))
    before = generators(model)
    train_step(state, config, iter(drawn[1:2]))
    assert before
    assert all(one is other for one, other in zip(before, generators(model), strict=True))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, None),
        ({"optimise.episodes_per_step": 2}, "they have several episodes"),
        ({"backbone.drop_edge": 0.1}, "the bones that DropEdge leaves are drawn on the host"),
        ({"matching.spatial": "none"}, None),
    ],
)
def test_what_cannot_be_captured_is_told(settings, reason, monkeypatch):
    monkeypatch.setattr(step, "missing", lambda device: None)
    config = load_config("paper", settings)
    assert unrecordable(config, STICK, torch.device("cuda")) == reason
    assert unrecordable(config, STICK, torch.device("cpu")) == "that is for CUDA alone"


def test_on_the_cpu_a_line_says_so_and_steps_are_computed():
    config, lines = load_config("small", SETTINGS), []
    model = build_recogniser(config, STICK, 0)
    state = TrainingState(seed=3, model=model, optimiser=adam(model, config.optimise))
    capture_steps(state, config, STICK, torch.device("cpu"), lines.append)
    assert lines == ["seed 3: steps are not captured: that is for CUDA alone"]
    assert state.recorded is None


def test_without_its_kernel_the_activation_is_not_captured(monkeypatch):
    monkeypatch.setattr(step, "missing", lambda device: "no compiler")
    reason = "the activation looks at values without its kernel: no compiler"
    assert unrecordable(load_config("paper"), STICK, torch.device("cuda")) == reason
    assert unrecordable(load_config("best"), STICK, torch.device("cuda")) is None
