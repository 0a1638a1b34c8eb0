"""numba beside torch: both use torch's number of threads, and torch's number stays unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager

import numba
import torch


@contextmanager
def torch_threads() -> Iterator[None]:
    """Within this block numba runs on torch's number of threads.

    Both may use the same OpenMP runtime, whose number of threads numba sets. Then torch would split its sums
    differently after the first call, and a training that is continued would differ in the last bit from one that was
    never stopped.
    """
    n_threads = torch.get_num_threads()
    numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if torch.get_num_threads() != n_threads:
            torch.set_num_threads(n_threads)
