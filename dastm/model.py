"""Episode -> distances: encode present bodies, average them a clip, average supports to prototypes, match.

In: `Episode` tensors. Out: `Matched` (distances of every query to every class, and the features they came from).
Prediction is the softmax of minus the distance (Ma et al., ECCV 2022, Eq. 1); the loss is in `dastm.loss`.

Axes: L clips, M bodies, T frames, V joints, C coordinates, D channels, W ways, Q queries, B present bodies.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dastm.backbones import BACKBONES
from dastm.config import BackboneConfig, MatchingConfig
from dastm.episodes.episode import ClipBatch, Episode
from dastm.matching.activation import Activation
from dastm.matching.frame_distance import frobenius
from dastm.matching.prototypes import prototypes
from dastm.matching.soft_dtw import hard_dtw, soft_dtw
from dastm.skeleton import Layout


@dataclass(frozen=True, kw_only=True)
class Matched:
    """What one episode came to."""

    distances_QW: Tensor
    features_LTVD: Tensor
    """Support clips, then queries: what the rank term is taken over."""


class Recogniser(nn.Module):
    """Backbone and matching of one configuration (recipe `paper`).

    Args:
        generator: every initial weight is drawn from it, and from nothing else.
        bf16: run the backbone in bfloat16; features and matching stay in float32.
    """

    def __init__(
        self,
        layout: Layout,
        backbone: BackboneConfig,
        matching: MatchingConfig,
        generator: torch.Generator,
        *,
        bf16: bool = False,
    ) -> None:
        super().__init__()
        self.bf16 = bf16
        self.gamma = matching.gamma
        self.backbone = BACKBONES[backbone.name](
            layout,
            n_blocks=backbone.n_blocks,
            dropout=backbone.dropout,
            edge_importance=backbone.edge_importance,
        )
        self.backbone.reset(generator)
        self.activation: Activation | None = None
        if matching.activation:
            self.activation = Activation(self.backbone.n_features, generator=generator, init=matching.init)

    def forward(self, episode: Episode) -> Matched:
        """Distances of the episode's queries to its classes, and all features."""
        features = self.encode(join(episode.support, episode.query))
        n_support = len(episode.support_labels)
        n_way = len(episode.plan.class_ids)
        prototypes_WSVD = prototypes(features[:n_support], episode.support_labels, n_way)
        return Matched(distances_QW=self.distances(features[n_support:], prototypes_WSVD), features_LTVD=features)

    def episode_distances(self, episode: Episode) -> Tensor:
        """Distances of the episode's queries to its classes -> (Q, W)."""
        matched: Matched = self(episode)
        return matched.distances_QW

    def encode(self, clips: ClipBatch) -> Tensor:
        """Features of clips, the mean over the bodies that are there -> (L, T', V, D)."""
        present = clips.present_LM
        with torch.autocast(present.device.type, torch.bfloat16, enabled=self.bf16):
            bodies = self.backbone(clips.joints_LMTVC[present])
        bodies = bodies.to(torch.promote_types(bodies.dtype, torch.float32))
        owner = torch.arange(len(present), device=present.device)[:, None].expand_as(present)[present]
        total = torch.zeros((len(present), *bodies.shape[1:]), dtype=bodies.dtype, device=bodies.device)
        total = total.index_add(0, owner, bodies)
        return total / present.sum(1).to(total.dtype)[:, None, None, None]

    def frame_distances(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Distance of every query frame to every prototype frame (Eq. 6) -> (Q, W, T, S)."""
        if self.activation is None:
            return frobenius(query_QTVD, prototypes_WSVD)
        return self.activation(query_QTVD, prototypes_WSVD)  # type: ignore[no-any-return]

    def distances(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Distance along the best alignment (Eq. 7): soft minimum in training, minimum in evaluation -> (Q, W)."""
        cost = self.frame_distances(query_QTVD, prototypes_WSVD)
        flat = cost.flatten(0, 1)
        aligned = soft_dtw(flat, self.gamma) if self.training else hard_dtw(flat)
        return aligned.view(cost.shape[:2])


def join(first: ClipBatch, second: ClipBatch) -> ClipBatch:
    """Two batches as one, padded to the same number of absent bodies."""
    bodies = max(first.present_LM.shape[1], second.present_LM.shape[1])

    def padded(tensor: Tensor) -> Tensor:
        missing = bodies - tensor.shape[1]
        return torch.cat([tensor, tensor.new_zeros((len(tensor), missing, *tensor.shape[2:]))], 1)

    return ClipBatch(
        joints_LMTVC=torch.cat([padded(first.joints_LMTVC), padded(second.joints_LMTVC)]),
        present_LM=torch.cat([padded(first.present_LM), padded(second.present_LM)]),
    )
