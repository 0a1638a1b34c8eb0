"""Learning rates and the ends of training, against what PAPER's released recipe says in words."""

import pytest
import torch

from dastm.config.load import load_config
from dastm.training.schedule import (
    falls,
    half_cosine,
    has_ended,
    is_better,
    is_last_best,
    learning_rate,
    plateaus,
    reason_to_stop,
    warmed_up,
    why_not_longer,
)
from tests.toy import tiny

pytestmark = pytest.mark.slow


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


SLOW = [2 * (1 - 2e-5) ** epoch for epoch in range(120)]
"""Always lower, five epochs together by as much as counts."""


@pytest.mark.parametrize(
    "losses",
    [torch.rand(120, generator=torch.Generator().manual_seed(1)).tolist(), SLOW, [1 - x for x in SLOW], [-1.0] * 40],
    ids=["random", "falling slowly", "negative and rising slowly", "negative and flat"],
)
def test_plateaus_and_rates_are_those_of_pytorchs_schedule(losses):
    """Released with a patience of 10 epochs, so that the eleventh halves, and torch's own relative threshold."""
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=10, min_lr=1e-5)
    for n, loss in enumerate(losses, 1):
        theirs.step(loss)
        assert optimiser.param_groups[0]["lr"] == learning_rate(of(schedule="plateau"), 0, losses[:n])


def test_a_loss_that_falls_by_less_than_a_ten_thousandth_of_it_has_not_fallen():
    lower = 2.0 * (1 - 0.9e-4)
    assert plateaus([2.0, *[lower] * 11]) == 1
    assert plateaus([2.0, *[2.0 * (1 - 1.1e-4)] * 11]) == 0


def test_the_rate_falls_no_lower_than_the_least():
    assert learning_rate(of(schedule="plateau"), 0, [1.0] * 500) == 1e-5
    assert learning_rate(of(schedule="plateau", learning_rate=1e-6), 0, [1.0] * 500) == 1e-6


def test_more_epochs_are_the_same_training_where_no_rate_depends_on_their_number():
    for schedule in ("constant", "plateau"):
        assert why_not_longer(of(schedule=schedule, epochs=2), of(schedule=schedule, epochs=3)) == ""
    assert "cosine is at 0 after" in why_not_longer(of(schedule="cosine", epochs=2), of(schedule="cosine", epochs=3))
    assert why_not_longer(of(epochs=3), of(epochs=2)) == "2 epochs, fewer than the 3 of before"


def test_training_stops_when_validation_no_longer_gets_better():
    patient = of(patience=3)
    assert not reason_to_stop(patient, [])
    assert not reason_to_stop(patient, [0.5, 0.4, 0.4])
    assert "no better validation accuracy for 3 epochs" in reason_to_stop(patient, [0.5, 0.4, 0.4, 0.5])
    assert not reason_to_stop(patient, [0.5, 0.4, 0.4, 0.6])
    assert not reason_to_stop(of(), [0.5, 0.4, 0.3, 0.2, 0.1])
    assert [has_ended(of(epochs=4, patience=3), epoch, [0.5] * epoch) for epoch in (1, 3, 4)] == [False, False, True]
    assert has_ended(patient, 4, [0.5, 0.4, 0.4, 0.5])


def test_release_stops_after_41_epochs_that_are_worse_and_an_equal_one_begins_anew():
    release = load_config("release").optimise
    worse = [0.4, 0.45] * 30  # never ten falls in a row
    assert not reason_to_stop(release, [0.5, *worse[:40]])
    assert "for 41 epochs" in reason_to_stop(release, [0.5, *worse[:41]])
    assert not reason_to_stop(release, [0.5, *worse[:20], 0.5, *worse[:40]])
    assert "for 41 epochs" in reason_to_stop(release, [0.5, *worse[:20], 0.5, *worse[:41]])
    first = of(patience=41)
    assert "for 41 epochs" in reason_to_stop(first, [0.5, *worse[:20], 0.5, *worse[:20]])


def test_of_two_equal_validations_the_one_is_better_that_the_configuration_says():
    assert is_better(of(), 0.5, 0.4)
    assert not is_better(of(), 0.5, 0.5)
    assert is_better(of(ties="later"), 0.5, 0.5)
    assert not is_better(of(ties="later"), 0.4, 0.5)


def test_training_stops_when_validation_keeps_falling():
    rows = [], [1.0], [2, 1], [1, 2], [3, 3], [5, 4, 6, 5, 5]
    assert [falls(accuracies) for accuracies in rows] == [0, 0, 1, 0, 1, 2]
    assert "not risen for 2 epochs in a row" in reason_to_stop(of(max_falls=2), [0.5, 0.4, 0.3])
    assert not reason_to_stop(of(max_falls=2), [0.5, 0.4, 0.45])


def test_the_last_weights_are_the_best_where_they_validated_best():
    first, later = of(ties="earlier"), of(ties="later")
    for accuracies, expected in (
        ([], (0, 0)),
        ([0.0], (1, 1)),
        ([0.2, 0.4], (1, 1)),
        ([0.4, 0.4], (0, 1)),
        ([1, 0], (0, 0)),
    ):
        assert (is_last_best(first, accuracies), is_last_best(later, accuracies)) == expected


def test_a_rate_rises_over_its_share_of_the_steps_and_falls_to_zero_over_the_others():
    rates = [warmed_up(3.0, step, 20, 0.1) for step in range(21)]
    assert rates[:3] == [1.0, 2.0, 3.0]
    assert rates[2:] == [half_cosine(3.0, step, 18) for step in range(19)]
    assert rates[-1] == 0
    assert [warmed_up(3.0, step, 7, 0.0) for step in range(7)] == [half_cosine(3.0, step, 7) for step in range(7)]
