"""What the released code of DASTM (ECCV 2022) maximises in place of the nuclear norm of Eq. 2-3: no decomposition.

In: features. Out: a scalar to minimise. Of a frame's n x d matrix X the softmax of each row is taken, so that what is
measured has nothing to do with the size of the features, then the L2 norm of each of its d columns; the mean of the
min(n, d) largest stands for the rank.

Axes: L clips, T frames, V joints, D channels, W ways, Q queries.
"""

import torch
from torch import Tensor


def surrogate_rank(features_VD: Tensor) -> Tensor:
    """Mean of the min(V, D) largest column norms of softmax_rows(X). Shapes: (..., V, D) -> (...).

    In 0..1 where V <= D: 1 if every joint activates a different channel, 1 / sqrt(V) if all activate the same one. The
    released code subtracts the largest entry first, which changes no softmax.
    Raises: ValueError if there is no matrix of at least 1 x 1.
    """
    if features_VD.ndim < 2 or features_VD.numel() == 0:
        raise ValueError(f"expected matrices (..., V, D), got {tuple(features_VD.shape)}")
    columns_D = torch.linalg.vector_norm(features_VD.softmax(-1), dim=-2)
    largest: Tensor = columns_D.topk(min(features_VD.shape[-2:]), dim=-1, sorted=False).values
    return largest.mean(-1)


def surrogate_loss(prototypes_WSVD: Tensor, query_QTVD: Tensor) -> Tensor:
    """Minus the mean over all frames of the prototypes, minus that over all frames of the queries.

    Shapes: prototypes_WSVD (W, S, V, D), query_QTVD (Q, T, V, D) -> (). Raises: ValueError as surrogate_rank.
    """
    return -(surrogate_rank(prototypes_WSVD).mean() + surrogate_rank(query_QTVD).mean())
