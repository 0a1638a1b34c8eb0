"""numba beside torch: both use torch's number of threads, and torch's number stays unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager

import numba
import torch


@contextmanager
def torch_threads() -> Iterator[None]:
    """Within this block numba runs on torch's number of threads.

    Both may sit on one OpenMP runtime, whose number numba sets: torch would then split its sums otherwise after the
    first call than before it, and a training started again would differ in the last bit from one never stopped.
    """
    n_threads = torch.get_num_threads()
    numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if torch.get_num_threads() != n_threads:
            torch.set_num_threads(n_threads)
