"""Episode -> distances: encode bodies, average them over each clip, match queries with prototypes or examples.

In: `Episode` tensors. Out: `Matched` (distances of every query to every class, and the features they came from).
Distances are computed in `matching.matcher`. A prediction is the softmax of the negative distances (Ma et al.,
ECCV 2022, Eq. 1); the loss is in `dastm.training.loss`.

Axes: L clips, M bodies, T frames, V joints, C coordinates, D channels, W ways, Q queries, B encoded bodies.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from dastm.config.schema import BackboneConfig, Config, MatchingConfig
from dastm.contract.skeleton import Layout
from dastm.episodes.episode import ClipBatch, Episode
from dastm.layers.full_product import full_product
from dastm.model.backbones import build
from dastm.model.backbones.streams import bone_sources
from dastm.model.matching.activation import Activation
from dastm.model.matching.block_activation import BlockActivation
from dastm.model.matching.examples import references, to_classes
from dastm.model.matching.matcher import Matcher
from dastm.model.matching.path import path_factor, path_terms, times_path
from dastm.model.matching.rank import rank_loss
from dastm.model.matching.surrogate import surrogate_loss


@dataclass(frozen=True, kw_only=True)
class Bodies:
    """The bodies of some clips, clip after clip, as the input of a backbone. All three tensors are on one device."""

    joints_BTVC: Tensor
    clip_B: Tensor
    """the clip that a body belongs to"""
    n_bodies_L: Tensor
    """over how many bodies a clip's features are averaged, in the type of the joints"""


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The result of one episode: distances and features."""

    distances_QW: Tensor
    features_LTVD: Tensor
    """Support clips, then queries."""
    references_RSVD: Tensor
    """What queries were compared with: prototypes, or all examples (`matching.examples`)."""


class Recogniser(nn.Module):
    """Backbone and matching of one configuration.

    Args:
        generator: all initial weights are drawn from it.
        bf16: run the backbone in bfloat16; features and matching stay in float32.

    Called with an `Episode` it gives `Matched`: distances (Q, W), features (L, T', V, D) and prototypes or
    examples (R, T', V, D).
    Raises: ValueError if clips do not fit the layout. Source: Ma et al., ECCV 2022, section 3.

    >>> import dastm, numpy, torch
    >>> layout, generator = dastm.LAYOUTS["ntu25"], torch.Generator().manual_seed(0)
    >>> model = dastm.Recogniser(layout, dastm.BackboneConfig(n_blocks=4), dastm.MatchingConfig(), generator).eval()
    >>> clip = numpy.zeros((1, 8, 25, 3), dtype=numpy.float32)
    >>> model.episode_distances(dastm.episode_from_arrays({0: [clip], 1: [clip]}, {1: [clip]})).shape
    torch.Size([1, 2])
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
        self.bf16, self.is_image = bf16, layout.is_image
        self.body_slots, self.unit_frames = backbone.body_slots, matching.unit_frames
        self.backbone = build(layout, backbone)
        self.backbone.reset(generator)
        path_frames = "steps" if layout.is_image else matching.path_frames
        self.joint_path_terms = partial(
            path_terms,
            points=None,
            centre=None if layout.is_image else layout.centre,
            poses=path_frames != "steps",
            parents=bone_sources(layout) if path_frames == "weighted_poses" else None,
        )
        """`path_terms` of joints (L, M, T, V, C). In space, where a body goes says less than what its limbs do; in an
        image, a body that moves as a whole is jumping or bending, so every joint keeps its place, and poses depend on
        the camera (docs/results.md)."""
        n_features = self.backbone.n_features
        self.matcher = Matcher(matching, n_joints=layout.n_joints, n_features=n_features, generator=generator)

    @property
    def activation(self) -> Activation | BlockActivation | None:
        """The matcher's, where joints of query and prototype attend to each other."""
        return self.matcher.activation

    def forward(self, episode: Episode) -> Matched:
        """Distances of the episode's queries to its classes, and all features."""
        bodies = self.bodies(episode.support, episode.query)
        factor_QL = self.path_factor(episode.query, episode.support)
        return self.match(bodies, episode.support_labels, episode.plan.n_way, factor_QL)

    def match(self, bodies: Bodies, support_labels: Tensor, n_way: int, factor_QL: Tensor | None = None) -> Matched:
        """`forward` for bodies gathered before, support clips first: on CUDA no step waits for the device."""
        features = self.features(bodies)
        n_support = len(support_labels)
        references_RSVD = self._references(features[:n_support], support_labels, n_way)
        distances_QR = self.distances(features[n_support:], references_RSVD)
        distances_QW = self._to_classes(distances_QR, support_labels, n_way, factor_QL)
        return Matched(distances_QW=distances_QW, features_LTVD=features, references_RSVD=references_RSVD)

    def class_distances(
        self, query_QTVD: Tensor, support_LSVD: Tensor, labels_L: Tensor, n_way: int, factor_QL: Tensor | None = None
    ) -> Tensor:
        """Distance of every query to every class, from features of queries and examples -> (Q, W).

        `factor_QL` is what `path_factor` gives for the same clips.
        """
        distances_QR = self.distances(query_QTVD, self._references(support_LSVD, labels_L, n_way))
        return self._to_classes(distances_QR, labels_L, n_way, factor_QL)

    def path_factor(self, query: ClipBatch, support: ClipBatch) -> Tensor | None:
        """The factor that `with_path` takes for these clips -> (Q, L); None if `matching.path_power` is 0."""
        if not self.matcher.options.path_power:
            return None
        return self.terms_factor(self.path_terms(query), self.path_terms(support))

    def path_terms(self, clips: ClipBatch) -> Tensor:
        """What `path_factor` compares of each clip -> (L, M, R, V, X), float64."""
        return self.joint_path_terms(clips.joints_LMTVC, is_image=self.is_image)

    def terms_factor(self, query_QMRVC: Tensor, support_LMRVC: Tensor) -> Tensor | None:
        """`path_factor` of the terms of clips -> (Q, L), or None."""
        if not self.matcher.options.path_power:
            return None
        return path_factor(query_QMRVC, support_LMRVC, self.matcher.options.path_power)

    def with_path(self, distances_QL: Tensor, factor_QL: Tensor | None) -> Tensor:
        """The product of the network's distances to examples and those of their paths -> (Q, L)."""
        if factor_QL is None:
            return distances_QL
        return times_path(distances_QL, factor_QL, self.matcher.options.path_power)

    def _references(self, support_LSVD: Tensor, labels_L: Tensor, n_way: int) -> Tensor:
        return references(support_LSVD, labels_L, n_way, self.matcher.options.examples)

    def _to_classes(self, distances_QR: Tensor, labels_L: Tensor, n_way: int, factor_QL: Tensor | None) -> Tensor:
        return to_classes(self.with_path(distances_QR, factor_QL), labels_L, n_way, self.matcher.options.examples)

    def episode_distances(self, episode: Episode) -> Tensor:
        """Distances of the episode's queries to its classes -> (Q, W)."""
        matched: Matched = self(episode)
        return matched.distances_QW

    def encode(self, clips: ClipBatch) -> Tensor:
        """Features of clips, the mean over their bodies -> (L, T', V, D)."""
        return self.features(self.bodies(clips))

    def bodies(self, *batches: ClipBatch) -> Bodies:
        """The bodies that are encoded: those that are there, or as many of every clip, as configured."""
        return present_bodies(*batches) if self.body_slots is None else slotted_bodies(*batches, slots=self.body_slots)

    def features(self, bodies: Bodies) -> Tensor:
        """`encode` for bodies gathered before."""
        features_LTVD = self.backbone_features(bodies)
        if not self.unit_frames:
            return features_LTVD
        return functional.normalize(features_LTVD.flatten(2), dim=2).view_as(features_LTVD)

    def backbone_features(self, bodies: Bodies) -> Tensor:
        """What the backbone makes of the bodies, a mean over those of a clip -> (L, T', V, D)."""
        device = bodies.joints_BTVC.device.type
        with torch.autocast(device, torch.bfloat16) if self.bf16 else nullcontext():
            features_BTVD = self.backbone(bodies.joints_BTVC)
        return _mean_of_clips(features_BTVD.to(torch.promote_types(features_BTVD.dtype, torch.float32)), bodies)

    def frame_distances(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Distance of every query frame to every prototype frame -> (Q, W, T, S)."""
        return self.matcher.frame_distances(query_QTVD, prototypes_WSVD)

    def distances(self, query_QTVD: Tensor, prototypes_WSVD: Tensor) -> Tensor:
        """Distance of every query to every prototype (or example) by the matching alone -> (Q, W)."""
        distances_QW: Tensor = self.matcher(query_QTVD, prototypes_WSVD)
        return distances_QW


def build_recogniser(config: Config, layout: Layout, seed: int) -> Recogniser:
    """The network of one seed as training begins with it, on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    bf16 = config.optimise.precision == "bf16"
    return Recogniser(layout, config.backbone, config.matching, generator, bf16=bf16).eval()


def rank_term(matched: Matched, matching: MatchingConfig) -> Tensor | None:
    """L_dis of an episode as configured: Eq. 3 over all clips, or the released code's over prototypes and queries.

    None for a method without one.
    """
    if matching.rank_weight == 0:
        return None
    if matching.rank == "surrogate":
        return surrogate_loss(matched.references_RSVD, matched.features_LTVD[-len(matched.distances_QW) :])
    return rank_loss(matched.features_LTVD, unit=matching.rank == "unit")


def _mean_of_clips(values_BTVD: Tensor, bodies: Bodies) -> Tensor:
    """The mean over the bodies of each clip -> (L, T, V, D)."""
    if values_BTVD.device.type != "cpu":
        return _mean_by_product(values_BTVD, bodies)
    nothing_LTVD = values_BTVD.new_zeros((bodies.n_bodies_L.shape[0], *values_BTVD.shape[1:]))
    total_LTVD: Tensor = nothing_LTVD.index_add(0, bodies.clip_B, values_BTVD)
    return total_LTVD / bodies.n_bodies_L.to(total_LTVD.dtype)[:, None, None, None]


def _mean_by_product(values_BTVD: Tensor, bodies: Bodies) -> Tensor:
    """The same in a fixed order on an accelerator, which adds by index in any order, or sorts first."""
    clip_L = torch.arange(len(bodies.n_bodies_L), device=values_BTVD.device)
    shares_LB = (bodies.clip_B == clip_L[:, None]) / bodies.n_bodies_L[:, None]
    return full_product(shares_LB, values_BTVD.flatten(1)).view(-1, *values_BTVD.shape[1:])


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


def slotted_bodies(*batches: ClipBatch, slots: int) -> Bodies:
    """The first `slots` bodies of every clip, those that are absent as zeros: rows are slot by slot within a clip."""
    joints_LMTVC = torch.cat([_slots(batch, slots) for batch in batches])
    n_clips = len(joints_LMTVC)
    return Bodies(
        joints_BTVC=joints_LMTVC.flatten(0, 1),
        clip_B=torch.arange(n_clips, device=joints_LMTVC.device).repeat_interleave(slots),
        n_bodies_L=joints_LMTVC.new_full((n_clips,), slots),
    )


def _slots(batch: ClipBatch, slots: int) -> Tensor:
    joints_LMTVC, present_LM = batch.joints_LMTVC[:, :slots], batch.present_LM[:, :slots]
    absent_LM = present_LM.logical_not().to(joints_LMTVC.device, non_blocking=True)
    there = joints_LMTVC.masked_fill(absent_LM[:, :, None, None, None], 0)
    return functional.pad(there, (0, 0) * 3 + (0, slots - there.shape[1]))


def _at(rows: Tensor, places: Tensor) -> Tensor:
    return rows.index_select(0, places.to(rows.device, non_blocking=True))
