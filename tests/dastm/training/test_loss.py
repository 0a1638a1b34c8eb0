import math

import pytest
import torch

from dastm.training.loss import episode_loss


def test_the_terms_of_the_loss_are_those_worked_out_by_hand():
    distances = torch.tensor([[0.0, math.log(3)], [math.log(3), 0.0]], dtype=torch.float64)
    parts = episode_loss(distances, torch.tensor([0, 0]), torch.tensor(-7.0, dtype=torch.float64), 0.1)
    assert list(parts) == ["total", "cross_entropy", "rank"]
    expected = (-math.log(0.75) - math.log(0.25)) / 2
    assert parts["cross_entropy"].item() == pytest.approx(expected, rel=1e-12)
    assert parts["rank"].item() == -7
    assert parts["total"].item() == pytest.approx(expected - 0.7, rel=1e-12)


def test_without_a_rank_term_the_total_is_the_cross_entropy():
    parts = episode_loss(torch.zeros(3, 5), torch.tensor([0, 1, 4]), None, 0.1)
    assert parts["rank"].item() == 0
    assert parts["total"].item() == parts["cross_entropy"].item() == pytest.approx(math.log(5))


def test_temperature_divides_the_distances(generator):
    distances, labels = torch.rand(4, 3, generator=generator), torch.tensor([0, 1, 2, 0])
    warm = episode_loss(distances, labels, None, 0.1, temperature=10.0)["total"]
    torch.testing.assert_close(warm, episode_loss(distances / 10, labels, None, 0.1)["total"])


def test_large_and_negative_distances_stay_finite():
    distances = torch.tensor([[1e30, -1e4], [0.0, 1e30]])
    parts = episode_loss(distances, torch.tensor([1, 0]), None, 0.0)
    assert parts["total"].item() == 0


def test_gradient_pulls_the_own_class_nearer_and_is_weighted_for_the_rank_term():
    distances = torch.zeros(1, 2, requires_grad=True)
    rank = torch.tensor(-1.0, requires_grad=True)
    episode_loss(distances, torch.tensor([1]), rank, 0.25)["total"].backward()
    assert distances.grad.tolist() == [[-0.5, 0.5]]
    assert rank.grad.item() == 0.25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"temperature": math.inf}, "temperature"),
        ({"rank_weight": -0.1}, "rank_weight must be at least 0"),
        ({"rank_weight": math.nan}, "rank_weight"),
        ({"query_labels": torch.tensor([0])}, "expected distances"),
        ({"distances_QW": torch.zeros(0, 2), "query_labels": torch.zeros(0, dtype=torch.int64)}, "expected distances"),
        ({"distances_QW": torch.zeros(2)}, "expected distances"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change, message):
    arguments = {"distances_QW": torch.zeros(2, 2), "query_labels": torch.tensor([0, 1]), "rank_term": None}
    with pytest.raises(ValueError, match=message):
        episode_loss(**{**arguments, "rank_weight": 0.1, **change})
