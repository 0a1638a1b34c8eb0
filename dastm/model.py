"""Episode -> distances: encode present bodies, average them a clip, average supports to prototypes, match.

In: `Episode` tensors. Out: `Matched` (distances of every query to every class, and the features they came from).
Prediction is the softmax of minus the distance (Ma et al., ECCV 2022, Eq. 1); the loss is in `dastm.loss`.

Axes: L clips, M bodies, T frames, V joints, C coordinates, D channels, W ways, Q queries, B present bodies.
"""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dastm.backbones import build
from dastm.config import BackboneConfig, MatchingConfig
from dastm.episodes.episode import ClipBatch, Episode
from dastm.matching.activation import Activation
from dastm.matching.frame_distance import frobenius
from dastm.matching.prototypes import prototypes
from dastm.matching.soft_dtw import hard_dtw, soft_dtw
from dastm.skeleton import Layout


@dataclass(frozen=True, kw_only=True)
class Bodies:
    """The bodies that are there, of some clips: what a backbone works on. All three on one device."""

    joints_BTVC: Tensor
    clip_B: Tensor
    """the clip that a body belongs to"""
    n_bodies_L: Tensor
    """how many bodies a clip has, in the type of the joints"""


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
        self.gamma, self.band = matching.gamma, matching.band
        self.backbone = build(
            layout,
            backbone.name,
            n_blocks=backbone.n_blocks,
            streams=backbone.streams,
            dropout=backbone.dropout,
            edge_importance=backbone.edge_importance,
            pair_norm=backbone.pair_norm,
            drop_edge=backbone.drop_edge,
            body_slots=backbone.body_slots or 1,
        )
        self.backbone.reset(generator)
        self.activation: Activation | None = None
        if matching.spatial == "activation":
            self.activation = Activation(self.backbone.n_features, generator=generator, init=matching.init)

    def forward(self, episode: Episode) -> Matched:
        """Distances of the episode's queries to its classes, and all features."""
        bodies = present_bodies(episode.support, episode.query)
        return self.match(bodies, episode.support_labels, len(episode.plan.class_ids))

    def match(self, bodies: Bodies, support_labels: Tensor, n_way: int) -> Matched:
        """As `forward`, of gathered bodies, support clips first: on CUDA no step of it waits for the device."""
        features = self.features(bodies)
        n_support = len(support_labels)
        prototypes_WSVD = prototypes(features[:n_support], support_labels, n_way)
        return Matched(distances_QW=self.distances(features[n_support:], prototypes_WSVD), features_LTVD=features)

    def episode_distances(self, episode: Episode) -> Tensor:
        """Distances of the episode's queries to its classes -> (Q, W)."""
        matched: Matched = self(episode)
        return matched.distances_QW

    def encode(self, clips: ClipBatch) -> Tensor:
        """Features of clips, the mean over the bodies that are there -> (L, T', V, D)."""
        return self.features(present_bodies(clips))

    def features(self, bodies: Bodies) -> Tensor:
        """As `encode`, of bodies gathered before."""
        device = bodies.joints_BTVC.device.type
        with torch.autocast(device, torch.bfloat16) if self.bf16 else nullcontext():
            features_BTVD = self.backbone(bodies.joints_BTVC)
        features_BTVD = features_BTVD.to(torch.promote_types(features_BTVD.dtype, torch.float32))
        nothing_LTVD = features_BTVD.new_zeros((len(bodies.n_bodies_L), *features_BTVD.shape[1:]))
        total_LTVD: Tensor = nothing_LTVD.index_add(0, bodies.clip_B, features_BTVD)
        return total_LTVD / bodies.n_bodies_L.to(total_LTVD.dtype)[:, None, None, None]

    def frame_distances(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Distance of every query frame to every prototype frame (Eq. 6) -> (Q, W, T, S)."""
        if self.activation is None:
            return frobenius(query_QTVD, prototypes_WSVD)
        return self.activation(query_QTVD, prototypes_WSVD)  # type: ignore[no-any-return]

    def distances(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Distance along the best alignment (Eq. 7): soft minimum in training, minimum in evaluation -> (Q, W)."""
        cost = self.frame_distances(query_QTVD, prototypes_WSVD)
        flat = cost.flatten(0, 1)
        aligned = soft_dtw(flat, self.gamma, band=self.band) if self.training else hard_dtw(flat, band=self.band)
        return aligned.view(cost.shape[:2])


def present_bodies(*batches: ClipBatch) -> Bodies:
    """The present bodies of some batches of clips, one batch after the other."""
    device = batches[0].joints_LMTVC.device
    counts_L = torch.cat([batch.present_LM.sum(1) for batch in batches])
    joints = [_at(batch.joints_LMTVC.flatten(0, 1), batch.present_LM.flatten().nonzero()[:, 0]) for batch in batches]
    return Bodies(
        joints_BTVC=torch.cat(joints),
        clip_B=torch.arange(len(counts_L)).repeat_interleave(counts_L).to(device, non_blocking=True),
        n_bodies_L=counts_L.to(joints[0].dtype).to(device, non_blocking=True),
    )


def _at(rows: Tensor, places: Tensor) -> Tensor:
    return rows.index_select(0, places.to(rows.device, non_blocking=True))
