"""Query features and prototypes in, the distance of every query to every class out: every method of the paper's tables.

spatial  ->  frame distances  ->  temporal
  activation: joints of query and prototype attend to each other (Eq. 4-6, or the released block)
  self: joints attend to those of their own skeleton (NGM); none: features as they are
  dtw: frames are aligned (Eq. 7); none: whole clips are compared, frame t with frame t (ProtoNet)

Axes: Q queries, W ways, T query frames, S prototype frames, V joints, D channels; N clips.
"""

import math

import torch
from torch import Tensor, nn

from dastm.config.schema import MatchingConfig
from dastm.model.matching.activation import Activation
from dastm.model.matching.attention import AttentionBlock, EquationAttention
from dastm.model.matching.block_activation import BlockActivation
from dastm.model.matching.frame_distance import FRAME_DISTANCES, PAIRED, euclidean, same_frames, squared_euclidean
from dastm.model.matching.projections import joint_codes
from dastm.model.matching.roots import safe_sqrt
from dastm.model.matching.soft_dtw import expected_alignment, hard_dtw, soft_dtw


class Matcher(nn.Module):
    """The distance of section 3 (DASTM, ECCV 2022), of its baselines, and of the released code.

    Args:
        options: the options of the matching; `temperature`, `unit_frames` and those of the rank term are not used here.
        n_joints, n_features: V and D of the features.
        generator: all initial weights are drawn from it.

    Raises: ValueError, when called, if the shapes of features do not fit.

    >>> import dastm, torch
    >>> matcher = dastm.Matcher(dastm.MatchingConfig(), n_joints=25, n_features=16).eval()
    >>> matcher(torch.zeros(6, 8, 25, 16), torch.zeros(3, 8, 25, 16)).shape  # (Q, W)
    torch.Size([6, 3])
    """

    def __init__(
        self,
        options: MatchingConfig,
        *,
        n_joints: int,
        n_features: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.options = options
        self.activation: Activation | BlockActivation | None = None
        self.within: EquationAttention | AttentionBlock | None = None
        code_VD = joint_codes(n_joints, n_features, options.joint_code, generator) if options.joint_code else None
        if options.spatial == "activation":
            distance = options.frame_distance if options.temporal == "dtw" else "frobenius"
            self.activation = (
                BlockActivation(n_features, dropout=options.attention_dropout, distance=distance, generator=generator)
                if options.attention == "block"
                else Activation(n_features, distance=distance, generator=generator, init=options.init, code_VD=code_VD)
            )
        elif options.spatial == "self":
            self.within = (
                AttentionBlock(n_features, dropout=options.attention_dropout, generator=generator)
                if options.attention == "block"
                else EquationAttention(n_features, generator=generator, init=options.init, code_VD=code_VD)
            )

    def forward(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Distances of all queries to all prototypes.

        Shapes: query_QTVD (Q, T, V, D), prototypes_WSVD (W, S, V, D) -> (Q, W).
        Sign: soft minima can be negative; so can divergences of Frobenius or cosine costs.
        Raises: ValueError if the shapes do not fit (T = S where frame t meets frame t), or as `soft_dtw`.
        """
        query, prototypes = self._attended(query_QTVD), self._attended(prototypes_WSVD)
        if self.options.temporal == "none":
            return self._unaligned(query, prototypes)
        cost_QWTS = self._frame_distances(query, prototypes)
        distances_QW = self._aligned(cost_QWTS.flatten(0, 1)).view(cost_QWTS.shape[:2])
        if self.options.divergence and self.activation is None:
            distances_QW = distances_QW - (self._own(query)[:, None] + self._own(prototypes)) / 2
        return distances_QW / max(cost_QWTS.shape[2:]) if self.options.mean else distances_QW

    def frame_distances(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Distance of every query frame to every prototype frame: the costs of alignments.

        Shapes: query_QTVD (Q, T, V, D), prototypes_WSVD (W, S, V, D) -> (Q, W, T, S). Raises: as forward.
        """
        return self._frame_distances(self._attended(query_QTVD), self._attended(prototypes_WSVD))

    def _attended(self, features_NTVD: Tensor) -> Tensor:
        """Features after attention within each skeleton, where there is any: once a frame, not once a pair."""
        attended: Tensor = features_NTVD if self.within is None else self.within(features_NTVD, features_NTVD)
        return attended

    def _frame_distances(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        measure = FRAME_DISTANCES[self.options.frame_distance] if self.activation is None else self.activation
        return self._scaled(measure(query_QTVD, prototypes_WSVD), query_QTVD)

    def _own(self, features_NTVD: Tensor) -> Tensor:
        """Every clip aligned with itself -> (N,)."""
        own_NTT = PAIRED[self.options.frame_distance](features_NTVD, features_NTVD)
        return self._aligned(self._scaled(own_NTT, features_NTVD))

    def _scaled(self, distances: Tensor, features_NTVD: Tensor) -> Tensor:
        """A mean over joints and channels, where it is asked for and a sum was taken."""
        if not self.options.mean or self.options.frame_distance == "cosine":
            return distances
        return distances / math.sqrt(features_NTVD[0, 0].numel())

    def _aligned(self, cost_NTS: Tensor) -> Tensor:
        """Distance along the best alignment (Eq. 7): soft minimum in training, minimum in evaluation by default."""
        options = self.options
        if self.training and options.path_power:  # a factor must not be negative, as a soft minimum can be
            weights_NTS = expected_alignment(cost_NTS, options.gamma, band=options.band)
            return (weights_NTS * cost_NTS).sum((1, 2))
        if self.training or options.soft_evaluation:
            return soft_dtw(cost_NTS, options.gamma, band=options.band)
        return hard_dtw(cost_NTS, band=options.band)

    def _unaligned(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Euclidean distance of whole clips, of all their numbers or a mean over them, or its square."""
        squared = self.options.clip_distance == "squared"
        if self.activation is None:
            distances_QW = (squared_euclidean if squared else euclidean)(query_QTVD, prototypes_WSVD)
        else:
            square_QW = self._activated_square(query_QTVD, prototypes_WSVD)
            distances_QW = square_QW if squared else safe_sqrt(square_QW)
        n_numbers = query_QTVD[0].numel()
        return distances_QW / (n_numbers if squared else math.sqrt(n_numbers)) if self.options.mean else distances_QW

    def _activated_square(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Squared distance of whole activated clips: of frame t and frame t, summed over t. No other pair is formed."""
        same_frames(query_QTVD, prototypes_WSVD)
        activation: nn.Module = self.activation  # type: ignore[assignment]
        pairs = zip(torch.split(query_QTVD, 1, dim=1), torch.split(prototypes_WSVD, 1, dim=1), strict=True)
        frames = torch.stack([activation(query, prototypes)[:, :, 0, 0] for query, prototypes in pairs])
        return frames.square().sum(0)
