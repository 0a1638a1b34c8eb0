"""Work on many rows, some at a time: the same result, with bounded memory for intermediate values."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def in_chunks(work: Callable[[slice], Tensor], n_rows: int, n_at_once: int, n_kept: int) -> Tensor:
    """`work` of rows 0..n_rows-1, at most `n_at_once` of them at a time, one result below the other.

    What autograd needs is kept for about the first `n_kept` rows; that of the others is computed again in the backward
    pass. So `work` has to give the same every time it is called with the same rows: it must not draw from a generator.
    """
    again = partial(checkpoint, work, use_reentrant=False, preserve_rng_state=False)
    rows = [slice(start, min(start + n_at_once, n_rows)) for start in range(0, n_rows, n_at_once)]
    lasting = torch.is_grad_enabled()
    results = [again(chunk) if lasting and chunk.start >= n_kept else work(chunk) for chunk in rows]
    return results[0] if len(results) == 1 else torch.cat(results)
