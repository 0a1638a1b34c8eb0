"""Distances to examples become distances to classes as the slow way says."""

import pytest
import torch

from dastm.model.matching.examples import ORDER, references, to_classes
from dastm.model.matching.prototypes import prototypes

LABELS = torch.tensor([2, 0, 1, 0, 2, 2])


def slow(row, examples):
    of_classes = [[row[i] for i, label in enumerate(LABELS.tolist()) if label == way] for way in range(3)]
    return [(min if examples == "nearest" else power_mean)(own) for own in of_classes]


def power_mean(own):
    return (sum(value**-ORDER for value in own) / len(own)) ** (-1 / ORDER)


@pytest.mark.parametrize("examples", ["nearest", "power_mean"])
def test_every_example_is_compared_and_a_class_is_as_far_as_these_say(generator, examples):
    support = torch.randn((6, 2, 3, 4), generator=generator)
    assert references(support, LABELS, 3, examples) is support
    distances = torch.rand((4, 6), generator=generator, dtype=torch.float64) + 0.1
    found = to_classes(distances, LABELS, 3, examples)
    expected = torch.tensor([slow(row, examples) for row in distances.tolist()], dtype=torch.float64)
    torch.testing.assert_close(found, expected)
    every = torch.arange(1.0, 7.0, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda row: to_classes(row[None], LABELS, 3, examples), every)


def test_by_their_mean_a_class_has_one_reference_whose_distance_is_the_classs(generator):
    support = torch.randn((6, 2, 3, 4), generator=generator)
    assert torch.equal(references(support, LABELS, 3, "mean"), prototypes(support, LABELS, 3))
    distances = torch.randn((4, 3), generator=generator)
    assert to_classes(distances, LABELS, 3, "mean") is distances


def test_a_power_mean_lies_between_the_nearest_and_the_mean():
    distances = torch.tensor([[0.3, 0.2, 0.5, 0.4, 0.2, 0.9]])
    of_two, of_three = [power_mean(own) for own in ((0.2, 0.4), (0.3, 0.2, 0.9))]
    found = to_classes(distances, LABELS, 3, "power_mean")
    torch.testing.assert_close(found, torch.tensor([[of_two, 0.5, of_three]]))
    assert 0.2 < of_two < 0.3
    assert 0.2 < of_three < (0.3 + 0.2 + 0.9) / 3


def test_one_example_a_class_is_compared_as_it_is_to_the_last_digit(generator):
    labels, distances = torch.tensor([1, 2, 0]), torch.randn((5, 3), generator=generator, requires_grad=True)
    found = to_classes(distances, labels, 3, "power_mean")
    assert torch.equal(found, distances[:, [2, 0, 1]])
    found.sum().backward()
    assert torch.equal(distances.grad, torch.ones_like(distances))


def test_an_example_at_no_distance_decides_and_one_that_is_infinitely_far_does_not_count():
    inf = torch.inf
    distances = torch.tensor([[0.3, 0.0, 0.5, 0.4, inf, inf], [inf, inf, -0.5, inf, 0.2, -0.1]])
    found = to_classes(distances, LABELS, 3, "power_mean")
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.5, 0.3], [inf, -0.5, -0.1]]))


@pytest.mark.parametrize("examples", ["mean", "nearest", "power_mean"])
def test_a_class_without_an_example_is_refused(examples):
    with pytest.raises(ValueError, match="class 1 has no support clip"):
        references(torch.zeros(2, 1, 1, 1), torch.tensor([0, 2]), 3, examples)
