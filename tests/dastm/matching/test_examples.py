"""Distances to examples become distances to classes as the slow way says."""

import torch

from dastm.matching.examples import nearest_example


def test_a_class_is_as_far_as_its_nearest_example(generator):
    distances = torch.randn((4, 6), generator=generator)
    found = nearest_example(distances, torch.tensor([2, 0, 1, 0, 2, 2]), 3)
    for q, row in enumerate(distances.tolist()):
        expected = [min(row[1], row[3]), row[2], min(row[0], row[4], row[5])]
        assert found[q].tolist() == expected
