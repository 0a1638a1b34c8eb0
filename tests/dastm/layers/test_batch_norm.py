"""Batch norms that do not count: PyTorch's values and statistics, and its names."""

import pytest
import torch
from torch import nn

from dastm.layers.batch_norm import BatchNorm1d, BatchNorm2d

SIZES = {BatchNorm1d: (nn.BatchNorm1d, (6, 4)), BatchNorm2d: (nn.BatchNorm2d, (6, 4, 3, 2))}


@pytest.mark.parametrize("ours", SIZES)
def test_all_is_as_in_pytorch_but_the_count(ours, generator):
    published, shape = SIZES[ours]
    theirs, own = published(4), ours(4)
    for training in (True, True, False):
        x = 3 * torch.randn(shape, generator=generator) + 1
        assert torch.equal(own.train(training)(x), theirs.train(training)(x))
    assert own.state_dict().keys() == theirs.state_dict().keys()
    for name in ("running_mean", "running_var"):
        assert torch.equal(own.get_buffer(name), theirs.get_buffer(name))
    assert (int(own.num_batches_tracked), int(theirs.num_batches_tracked)) == (0, 2)
