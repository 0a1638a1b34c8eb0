import math

import pytest
import torch

from dastm.evaluation.accuracy import accuracy


def test_accuracy_counts_nearest_own_prototypes():
    distances = torch.tensor([[1.0, 2.0], [2.0, -1.0], [3.0, 4.0], [5.0, 5.0]])
    assert accuracy(distances, torch.tensor([0, 1, 1, 0])).item() == 0.75


def test_accuracy_of_nan_is_nan():
    assert accuracy(torch.tensor([[math.nan, 1.0], [0.0, 1.0]]), torch.tensor([0, 0])).isnan()


@pytest.mark.parametrize(("shape", "labels"), [((2, 2), [0]), ((0, 2), []), ((2,), [0, 1])])
def test_distances_and_labels_that_do_not_fit_are_refused(shape, labels):
    with pytest.raises(ValueError, match="expected distances"):
        accuracy(torch.zeros(shape), torch.tensor(labels))
