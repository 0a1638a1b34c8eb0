import pytest
import torch

from dastm.model.matching.prototypes import prototypes


def test_each_prototype_is_the_mean_of_its_class_with_unequal_counts(generator):
    support = torch.randn(6, 3, 4, 2, generator=generator, dtype=torch.float64)
    labels = torch.tensor([2, 0, 2, 1, 2, 0])
    found = prototypes(support, labels, 3)
    expected = torch.stack([(support[1] + support[5]) / 2, support[3], (support[0] + support[2] + support[4]) / 3])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_one_shot_prototypes_are_the_clips_themselves_in_label_order(generator):
    support = torch.randn(3, 2, 4, 2, generator=generator)
    assert torch.equal(prototypes(support, torch.tensor([1, 2, 0]), 3), support[[2, 0, 1]])


def test_swapping_clips_inside_a_class_changes_nothing(generator):
    support = torch.randn(4, 2, 3, 2, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 1])
    swapped = prototypes(support[[1, 0, 3, 2]], labels, 2)
    torch.testing.assert_close(swapped, prototypes(support, labels, 2), rtol=1e-14, atol=0)


def test_gradient_is_shared_equally_within_a_class(generator):
    support = torch.randn(3, 1, 2, 2, generator=generator, requires_grad=True)
    prototypes(support, torch.tensor([0, 1, 0]), 2).sum().backward()
    expected = torch.tensor([0.5, 1.0, 0.5]).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    torch.testing.assert_close(support.grad, expected)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 2, 2], "class 1 has no support clip"),
        ([0, 1, 3], "label 3 is outside 0..2"),
        ([0, -1, 2], "label -1 is outside"),
        ([0, 1], "expected support"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        prototypes(torch.zeros(3, 1, 2, 2), torch.tensor(labels), 3)


def test_support_without_a_frame_axis_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 2, 2\)"):
        prototypes(torch.zeros(3, 2, 2), torch.tensor([0, 1, 2]), 3)
