"""Batch norms of PyTorch that do not count their batches: on a GPU each count is an operation, and nobody reads it.

The count matters only to a norm without a momentum. `num_batches_tracked` stays in the state dict as it was loaded, so
that published weights fit.
"""

from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm


class Uncounted(_BatchNorm):
    """A mixin for a batch norm of `torch.nn` that does not count batches; values and statistics are the same."""

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: as of the norm -> the same."""
        statistics = self.running_mean, self.running_var
        return batch_norm(x, *statistics, self.weight, self.bias, self.training, self.momentum or 0.0, self.eps)


class BatchNorm1d(Uncounted, nn.BatchNorm1d):
    """`nn.BatchNorm1d`, uncounted."""


class BatchNorm2d(Uncounted, nn.BatchNorm2d):
    """`nn.BatchNorm2d`, uncounted."""
