"""Distances to examples become distances to classes as the slow way says."""

import pytest
import torch

from dastm.matching.examples import references, to_classes
from dastm.matching.prototypes import prototypes

LABELS = torch.tensor([2, 0, 1, 0, 2, 2])


def slow(row, examples):
    of_classes = [[row[i] for i, label in enumerate(LABELS.tolist()) if label == way] for way in range(3)]
    least, mean = [min(own) for own in of_classes], [sum(own) / len(own) for own in of_classes]
    return least if examples == "nearest" else [(a + b) / 2 for a, b in zip(least, mean, strict=True)]


@pytest.mark.parametrize("examples", ["nearest", "both"])
def test_every_example_is_compared_and_a_class_is_as_far_as_these_say(generator, examples):
    support = torch.randn((6, 2, 3, 4), generator=generator)
    assert references(support, LABELS, 3, examples) is support
    distances = torch.randn((4, 6), generator=generator, dtype=torch.float64)
    found = to_classes(distances, LABELS, 3, examples)
    expected = torch.tensor([slow(row, examples) for row in distances.tolist()], dtype=torch.float64)
    torch.testing.assert_close(found, expected)
    every = torch.arange(6.0, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda row: to_classes(row[None], LABELS, 3, examples), every)


def test_by_their_mean_a_class_has_one_reference_whose_distance_is_the_classs(generator):
    support = torch.randn((6, 2, 3, 4), generator=generator)
    assert torch.equal(references(support, LABELS, 3, "mean"), prototypes(support, LABELS, 3))
    distances = torch.randn((4, 3), generator=generator)
    assert to_classes(distances, LABELS, 3, "mean") is distances


@pytest.mark.parametrize("examples", ["mean", "nearest", "both"])
def test_a_class_without_an_example_is_refused(examples):
    with pytest.raises(ValueError, match="class 1 has no support clip"):
        references(torch.zeros(2, 1, 1, 1), torch.tensor([0, 2]), 3, examples)
