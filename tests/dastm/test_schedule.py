"""Learning rates and the ends of training, against what PAPER's released recipe says in words."""

import pytest
import torch

from dastm.schedule import falls, learning_rate, plateaus, reason_to_stop
from tests.toy import tiny


def of(**settings):
    return tiny(**{f"optimise__{key}": value for key, value in settings.items()}).optimise


def test_constant_and_cosine():
    steps = [0, 5, 10]
    assert [learning_rate(of(schedule="constant"), step) for step in steps] == [1e-3] * 3
    assert [learning_rate(of(schedule="cosine"), step) for step in steps] == pytest.approx([1e-3, 5e-4, 0])


def test_the_eleventh_epoch_without_a_lower_loss_halves_the_rate():
    plateau = of(schedule="plateau")
    losses = [3.0, 2.0, *[2.0] * 10]
    assert learning_rate(plateau, 0, losses) == 1e-3
    assert learning_rate(plateau, 0, [*losses, 2.5]) == 5e-4
    assert learning_rate(plateau, 0, [*losses, 1.9]) == 1e-3
    assert learning_rate(plateau, 0, [*losses, *[2.5] * 12]) == 2.5e-4


def test_plateaus_are_those_of_pytorchs_schedule(generator):
    """Released with a patience of 10 epochs: it is the eleventh that halves."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=10, threshold=0.0)
    losses = torch.rand(120, generator=generator).tolist()
    for n, loss in enumerate(losses, 1):
        theirs.step(loss)
        assert optimiser.param_groups[0]["lr"] == 0.5 ** plateaus(losses[:n])


def test_the_rate_falls_no_lower_than_the_least():
    assert learning_rate(of(schedule="plateau"), 0, [1.0] * 500) == 1e-5
    assert learning_rate(of(schedule="plateau", learning_rate=1e-6), 0, [1.0] * 500) == 1e-6


def test_training_stops_when_validation_no_longer_gets_better():
    patient = of(patience=3)
    assert not reason_to_stop(patient, [])
    assert not reason_to_stop(patient, [0.5, 0.4, 0.4])
    assert "no better validation accuracy for 3 epochs" in reason_to_stop(patient, [0.5, 0.4, 0.4, 0.5])
    assert not reason_to_stop(patient, [0.5, 0.4, 0.4, 0.6])
    assert not reason_to_stop(of(), [0.5, 0.4, 0.3, 0.2, 0.1])


def test_training_stops_when_validation_keeps_falling():
    rows = [], [1.0], [2, 1], [1, 2], [3, 3], [5, 4, 6, 5, 5]
    assert [falls(accuracies) for accuracies in rows] == [0, 0, 1, 0, 1, 2]
    assert "not risen for 2 epochs in a row" in reason_to_stop(of(max_falls=2), [0.5, 0.4, 0.3])
    assert not reason_to_stop(of(max_falls=2), [0.5, 0.4, 0.45])
