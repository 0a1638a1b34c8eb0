"""Spatial activation (Eq. 4-6, DASTM, ECCV 2022): two skeletons attend to each other, then their distance is taken.

In: query and prototype features. Out: the distance of the activated frames, for every pair of frames.
  A^q = softmax_rows((H^q W1q)(H^s W2q)^T / sqrt(d)),   Ĥ^q = A^q (H^q W3q)
  A^s = softmax_rows((H^s W1s)(H^q W2s)^T / sqrt(d)),   Ĥ^s = A^s (H^s W3s),   D = ||Ĥ^q - Ĥ^s||_F
The values come from the side of the rows, as the paper has it: column j of A^q belongs to joint j of the support and
weighs joint j of the query's own values.

Axes: Q queries, W ways, T query frames, S prototype frames, V joints, D channels; A = Q T and B = W S frames.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dastm.config.schema import FrameDistance, Init
from dastm.layers.onednn_linear import onednn_linear
from dastm.model.matching.frame_distance import check_features, check_name
from dastm.model.matching.gram import activated_cosines, activated_distances
from dastm.model.matching.projections import coded, start
from dastm.model.matching.triton_support import missing, tell_once, unfit

_CHUNK_BYTES = {"cpu": 1 << 22}
"""Size of one n x n tensor of a chunk by device: on a CPU its handful of tensors should stay in the
cache, and the matrix products of a chunk be large enough to run at full speed."""
_CHUNK_BYTES_ELSEWHERE = 1 << 28


class Activation(nn.Module):
    """Six d x d projections without bias, named as in Eq. 4-5: W1 rows, W2 columns, W3 values; q and s the sides.

    `distance` between activated frames is `frobenius` as in Eq. 6, or `cosine`. `init` are the initial values of the
    projections (`projections.start`). `code_VD` are the initial values of the learned codes of the joints
    (`projections.joint_codes`); None: no codes. `chunk_pairs` limits the frame pairs processed at a time (at least one
    query frame with all prototype frames); None: chosen from the sizes. It changes memory and speed, not the result.
    Formula: A = softmax_rows((H W1)(H' W2)^T / sqrt(D)) of each side, H' the other side's features; activated features
    A (H W3); the distance is the Frobenius norm of the difference of both (Ma et al., ECCV 2022, Eq. 4-6).
    Raises: ValueError for sizes below 1 or an unknown distance.

    >>> import dastm, torch
    >>> activation = dastm.Activation(16, distance="frobenius", init="identity")
    >>> activation(torch.zeros(6, 8, 25, 16), torch.zeros(3, 8, 25, 16)).shape  # (Q, W, T, S)
    torch.Size([6, 3, 8, 8])
    """

    def __init__(
        self,
        n_features: int,
        *,
        distance: FrameDistance,
        init: Init,
        chunk_pairs: int | None = None,
        generator: torch.Generator | None = None,
        code_VD: Tensor | None = None,
    ):
        super().__init__()
        if n_features < 1 or (chunk_pairs is not None and chunk_pairs < 1):
            raise ValueError(f"n_features and chunk_pairs must be at least 1, got {n_features} and {chunk_pairs}")
        check_name(distance)
        self.n_features = n_features
        self.distance = distance
        self.chunk_pairs = chunk_pairs
        shape = n_features, n_features
        self.W1q, self.W2q, self.W3q = (nn.Parameter(torch.empty(shape)) for _ in range(3))
        self.W1s, self.W2s, self.W3s = (nn.Parameter(torch.empty(shape)) for _ in range(3))
        start(self.named_parameters(), generator, init)
        self.code_VD = None if code_VD is None else nn.Parameter(code_VD.clone())

    def forward(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """D of every query frame with every prototype frame.

        Shapes: query_QTVD (Q, T, V, D), prototypes_WSVD (W, S, V, D) -> (Q, W, T, S).
        Identical activated frames have distance zero up to rounding; the gradient is finite, zero where D is.
        Raises: ValueError if the shapes do not fit.
        """
        check_features(query_QTVD, prototypes_WSVD)
        self._check_channels(query_QTVD)
        query_AVD, prototypes_BVD = query_QTVD.flatten(0, 1), prototypes_WSVD.flatten(0, 1)
        root = math.sqrt(self.n_features)
        # (H^q W1)(H^s W2)^T = H^q (H^s W2 W1^T)^T: the query, the larger side, needs no projection for the scores.
        asked_AVD, asked_BVD = coded(query_AVD, self.code_VD), coded(prototypes_BVD, self.code_VD)
        keys_BVD = asked_BVD @ (self.W2q @ self.W1q.T / root)
        scores_BVD = asked_BVD @ (self.W1s @ self.W2s.T / root)
        values_AVD, values_BVD = onednn_linear(query_AVD, self.W3q.T), onednn_linear(prototypes_BVD, self.W3s.T)
        distances_AB = self._distances((asked_AVD, values_AVD, keys_BVD, scores_BVD, values_BVD))
        n_query, n_frames = query_QTVD.shape[:2]
        return distances_AB.view(n_query, n_frames, *prototypes_WSVD.shape[:2]).transpose(1, 2)

    def attention(self, query_VD: Tensor, prototype_VD: Tensor) -> tuple[Tensor, Tensor]:
        """A^q and A^s of one query frame and one prototype frame, for explanation (Fig. 4).

        Shapes: query_VD and prototype_VD (..., V, D) -> two (..., V, V). Rows of A^q are query joints and its columns
        prototype joints; A^s the other way round. Every row sums to one.
        Raises: ValueError if the channels do not fit.
        """
        self._check_channels(query_VD)
        self._check_channels(prototype_VD)
        root = math.sqrt(self.n_features)
        query_VD, prototype_VD = coded(query_VD, self.code_VD), coded(prototype_VD, self.code_VD)
        query_scores = (query_VD @ self.W1q) @ (prototype_VD @ self.W2q).mT / root
        support_scores = (prototype_VD @ self.W1s) @ (query_VD @ self.W2s).mT / root
        return query_scores.softmax(-1), support_scores.softmax(-1)

    def _distances(self, inputs: tuple[Tensor, Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        """D of all pairs (A, B): fused on a GPU where the inputs allow, else in Gram form."""
        query_AVD, values_AVD, keys_BVD, scores_BVD, values_BVD = inputs
        n_frames = self._chunk_frames(query_AVD, len(keys_BVD))
        if self.distance == "cosine":
            return activated_cosines(*inputs, n_frames)
        # Rows of A^q and A^s sum to one, so one vector subtracted from all values of both sides cancels in Ĥ^q - Ĥ^s:
        # no distance and no gradient changes, but large, nearly equal numbers are no longer subtracted.
        centre_D = values_BVD.detach().mean((0, 1))
        inputs = query_AVD, values_AVD - centre_D, keys_BVD, scores_BVD, values_BVD - centre_D
        if fused(inputs):
            from dastm.model.matching import activation_triton

            return activation_triton.activated_distances(*inputs, chunk_pairs=self.chunk_pairs)
        return activated_distances(*inputs, n_frames)

    def _check_channels(self, features: Tensor) -> None:
        if features.shape[-1] != self.n_features:
            raise ValueError(f"expected {self.n_features} channels, got features {tuple(features.shape)}")

    def _chunk_frames(self, query_AVD: Tensor, n_prototype_frames: int) -> int:
        """Query frames a chunk."""
        pair_bytes = query_AVD.shape[1] ** 2 * query_AVD.element_size()
        chunk_bytes = _CHUNK_BYTES.get(query_AVD.device.type, _CHUNK_BYTES_ELSEWHERE)
        chunk_pairs = self.chunk_pairs or chunk_bytes // pair_bytes
        return max(1, chunk_pairs // n_prototype_frames)


def fused(inputs: Sequence[Tensor]) -> bool:
    """Whether the GPU's kernel takes these inputs; if a GPU cannot use it, the log says why, once per process."""
    if inputs[0].device.type != "cuda":
        return False
    reason = unfit(inputs) or missing(inputs[0].device)
    if reason:
        tell_once("activation", reason)
    return reason is None
