"""Limits, borders, novelty and scores are as the slow way says; one example a class is enough, negatives are heeded."""

import math
from dataclasses import replace

import pytest
import torch

from dastm.model.matching.rejection import Limits, borders, class_thresholds, novelties, own_distances, scores
from tests.oracles import rejection as slow

LIMITS = Limits(threshold=0.6, decline=0.15, spread=1.4, temperature=0.2)
LABELS = torch.tensor([2, 0, 1, 0, 2, 2])


def examples(generator, n=6):
    half = 0.1 + torch.rand((n, n), generator=generator, dtype=torch.float64)
    return (half + half.T) / 2


@pytest.mark.parametrize("with_negatives", [False, True])
def test_thresholds_are_as_the_slow_way_says(generator, with_negatives):
    between = examples(generator)
    negatives = 0.2 + torch.rand((6, 3), generator=generator, dtype=torch.float64) if with_negatives else None
    found = class_thresholds(between, LABELS, 3, LIMITS, None, negatives)
    told = [] if negatives is None else negatives.tolist()
    expected = slow.class_thresholds(between.tolist(), LABELS.tolist(), 3, LIMITS, told)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_with_one_example_a_class_the_limit_is_that_of_the_validation_classes(generator):
    found = class_thresholds(examples(generator, 4), torch.arange(4), 4, LIMITS)
    torch.testing.assert_close(found, torch.full((4,), 0.6, dtype=torch.float64))


def test_more_examples_lower_the_limit_and_a_wide_class_has_a_higher_one():
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    between = torch.full((6, 6), 2.0)
    between[:3, :3], between[3:, 3:] = 0.1, 0.8
    alike, wide = class_thresholds(between, labels, 2, LIMITS).tolist()
    as_usual = 0.6 / 3**0.15
    assert as_usual < alike < wide
    # By hand: 3 examples a class, 2 beyond the first; those of the first class are alike, which narrows nothing.
    away = math.log(1.4 * 0.8 * (2 / 3) ** 0.15 / as_usual)
    of_all = away / 2 * 4 / 36
    by_hand = [as_usual * math.exp(of_all + 0.2 * (one - of_all)) for one in (0, away)]
    assert [alike, wide] == pytest.approx(by_hand)


def test_examples_that_are_alike_do_not_narrow_a_class():
    (found,) = class_thresholds(torch.zeros(2, 2), torch.tensor([0, 0]), 1, LIMITS).tolist()
    assert found == pytest.approx(0.6 / 2**0.15)


def test_a_negative_beside_a_class_lowers_its_limit_alone_and_a_far_one_none(generator):
    between, labels = examples(generator, 3), torch.tensor([0, 1, 1])
    before = class_thresholds(between, labels, 2, LIMITS)
    negatives = torch.tensor([[0.15], [5.0], [5.0]])
    after = class_thresholds(between, labels, 2, LIMITS, None, negatives)
    assert after[0] == pytest.approx(math.sqrt(0.15 * before[0].item()))
    assert after[1] == before[1]
    for idle in (torch.full((3, 2), 9.0), torch.zeros(3, 0)):
        assert torch.equal(class_thresholds(between, labels, 2, LIMITS, None, idle), before)


@pytest.mark.parametrize("with_negatives", [False, True])
@pytest.mark.parametrize("rival", [None, 0.4])
def test_borders_novelty_and_scores_are_as_the_slow_way_says(generator, with_negatives, rival):
    limits = replace(LIMITS, rival=rival)
    distances = 0.1 + torch.rand((7, 3), generator=generator, dtype=torch.float64)
    thresholds = 0.3 + torch.rand(3, generator=generator, dtype=torch.float64)
    known = 0.1 + torch.rand((7, 5), generator=generator, dtype=torch.float64)
    negatives = 0.1 + torch.rand((7, 4), generator=generator, dtype=torch.float64) if with_negatives else None
    rows = [() if negatives is None else negatives[i].tolist() for i in range(7)]
    told = list(zip(distances.tolist(), known.tolist(), rows, strict=True))
    slow_borders = [slow.border(row, thresholds.tolist(), rival, far, near) for row, far, near in told]
    border = borders(distances, thresholds, limits, known, negatives)
    torch.testing.assert_close(border, torch.tensor(slow_borders, dtype=torch.float64))
    novelty = novelties(distances, border)
    torch.testing.assert_close(novelty, distances.amin(1) / border)
    expected = [slow.scores(row, at, 0.2) for (row, _, _), at in zip(told, slow_borders, strict=True)]
    found = scores(distances, border, 0.2)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(found.sum(1), torch.ones(7, dtype=torch.float64))
    assert torch.equal(found.argmax(1), torch.where(novelty < 1, distances.argmin(1), 3))


def test_distances_among_examples_count_as_shares_of_what_rivals_allow():
    limits, labels = replace(LIMITS, rival=0.5), torch.tensor([0, 0, 1, 1])
    between = torch.tensor([[0, 0.8, 2, 2], [0.8, 0, 2, 2], [2, 2, 0, 0.8], [2, 2, 0.8, 0]])
    near, far = torch.full((4, 1), 0.5), torch.full((4, 1), 9.0)
    as_usual = class_thresholds(between, labels, 2, LIMITS)
    assert class_thresholds(between, labels, 2, limits, near).tolist() == pytest.approx(as_usual.tolist())
    nearer = between.clone()
    nearer[between == 0.8] = 0.8 / (2 / 0.5) ** 0.4  # as far as the other class allows
    assert class_thresholds(between, labels, 2, limits, far).tolist() == pytest.approx(
        class_thresholds(nearer, labels, 2, LIMITS).tolist()
    )


def test_a_query_that_is_far_from_all_else_may_be_farther_from_its_class():
    limits, thresholds = replace(LIMITS, rival=0.5), torch.tensor([0.6, 0.6])
    distances = torch.tensor([[0.7, 0.9], [0.7, 0.9], [0.7, 0.9]])
    known = torch.tensor([[2.0, 3.0], [0.5, 3.0], [0.1, 3.0]])
    by_hand = [0.6 * (far / 0.5) ** 0.4 for far in (0.9, 0.5, 0.1)]  # the other class is a rival as well
    assert borders(distances, thresholds, limits, known).tolist() == pytest.approx(by_hand)
    assert borders(distances, thresholds, limits).tolist() == pytest.approx([by_hand[0]] * 3)
    assert borders(distances, thresholds, LIMITS, known).tolist() == pytest.approx([0.6] * 3)


def test_a_single_class_without_known_movements_has_no_rival():
    found = borders(torch.tensor([[0.3]]), torch.tensor([0.6]), replace(LIMITS, rival=0.5))
    assert found.tolist() == pytest.approx([0.6])


def test_a_query_nearer_to_a_negative_than_to_any_class_is_none_of_them():
    distances, thresholds = torch.tensor([[0.2, 0.9]]), torch.tensor([0.6, 0.6])
    for negatives, novelty in ((None, 1 / 3), (torch.tensor([[0.1, 0.7]]), 2), (torch.zeros(1, 0), 1 / 3)):
        border = borders(distances, thresholds, LIMITS, None, negatives)
        assert novelties(distances, border).item() == pytest.approx(novelty)


def test_a_distance_of_zero_or_below_is_surely_known_and_has_finite_scores():
    distances = torch.tensor([[0.0, 0.5], [-0.1, 0.5], [0.0, 0.0]])
    border = borders(distances, torch.tensor([0.6, 0.6]), replace(LIMITS, rival=0.5))
    found = scores(distances, border, 0.05)
    assert found.isfinite().all()
    assert (found[:2, 0] > 0.999).all()
    assert (novelties(distances, border) <= 0).all()


def test_the_nearest_other_example_of_the_class_is_what_an_example_is_measured_by():
    between = torch.tensor([[0.0, 0.3, 0.1], [0.3, 0.0, 0.2], [0.1, 0.2, 0.0]])
    found = own_distances(between, torch.tensor([0, 0, 1]))
    assert found.tolist() == pytest.approx([0.3, 0.3, math.inf])


def test_limits_and_shapes_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="positive"):
        Limits(threshold=0.0, decline=0.1, spread=1.0, temperature=1.0)
    with pytest.raises(ValueError, match="positive"):
        Limits(threshold=1.0, decline=0.1, spread=1.0, temperature=1.0, rival=0.0)
    with pytest.raises(ValueError, match="finite"):
        Limits(threshold=1.0, decline=math.nan, spread=1.0, temperature=1.0)
    with pytest.raises(ValueError, match=r"\(L, L\) of 2 examples"):
        class_thresholds(torch.zeros(2, 3), torch.tensor([0, 1]), 2, LIMITS)
    with pytest.raises(ValueError, match="class 1 has no"):
        class_thresholds(torch.zeros(2, 2), torch.tensor([0, 0]), 2, LIMITS)
