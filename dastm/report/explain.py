"""Computes what a trained model looks at: features, activations, costs and alignments of one test episode.

The figures of the paper that this feeds: joint similarity (Fig. 3), activation of a matching pair (Fig. 4).
In: a model, an episode source. Out: `Explanation`; drawing is in `dastm.report.figures`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.skeleton import Layout
from dastm.episodes.episode import ClipBatch, Episode
from dastm.episodes.fetch import EpisodeSource
from dastm.episodes.loader import episodes
from dastm.model.matching.block_activation import BlockActivation
from dastm.model.matching.prototypes import prototypes
from dastm.model.matching.shares import Terms, has_joint_shares, joint_shares
from dastm.model.matching.soft_dtw import expected_alignment, hard_path
from dastm.model.network import Recogniser

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Attention:
    """The attention of the joints of two frames: rows are probabilities."""

    query_VV: Array
    """Rows are joints of the query."""
    support_VV: Array
    """Rows are joints of the prototype."""
    within: bool
    """Columns are joints of the same skeleton (NGM), not of the other one (A^q and A^s of Eq. 4-5)."""
    together: bool
    """Only frame t and frame t attend to each other, as in the released code."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How two clips are aligned in time."""

    cost_TS: Array
    """Distance of every query frame to every prototype frame."""
    path_P2: NDArray[np.int64]
    """Steps (t, s) of the least sum of costs."""
    expected_TS: Array
    """Probability that soft alignment pairs two frames (the gradient of soft-DTW with respect to the cost)."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One query against one class's prototype."""

    query_class: str
    prototype_class: str
    distance: float
    """Distance of the pair as the model measures it."""
    query_VC: Array
    """Coordinates of the query's first body at the shown frame."""
    support_VC: Array
    """Coordinates of the first support clip's first body at the shown frame."""
    frames: tuple[int, int]
    """Shown feature frames (query, prototype): of those that the model compares (the steps of the best alignment, or
    frame t and frame t), the pair with most to see, else the middle one."""
    attention: Attention | None
    """Attention of the joints at that pair of frames; None for a model without attention."""
    alignment: Alignment | None
    """The alignment in time; None for a model that compares frame t with frame t."""
    shares_V: Array | None
    """Share of every joint in the distance; None for a model whose distance is no sum over joints."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One query of one episode, explained."""

    features_VD: Array
    """The query's joint features at its middle frame."""
    same: Pair
    """The query against its own class."""
    other: Pair
    """The query against the nearest wrong class."""


def explain(model: Recogniser, source: EpisodeSource, subset: str, n_way: int, device: torch.device) -> Explanation:
    """Explain the first query of the first episode (seed 0) of a subset, 1-shot."""
    items = episodes(
        source, subset, n_way=n_way, k_shot=1, n_query=1, seed=0, epoch=0, count=1, workers=0, device=device
    )
    episode = next(items)
    with torch.inference_mode():
        support = model.encode(episode.support)
        query = model.encode(episode.query)[:1]
        prototypes_WSVD = prototypes(support, episode.support_labels, n_way)
        paths = model.path_terms(episode.query)[:1], model.path_terms(episode.support)
        factor_1L = model.terms_factor(*paths)
        distances = model.class_distances(query, support, episode.support_labels, n_way, factor_1L)[0]
        wrong = distances.clone()
        wrong[0] = torch.inf
        return Explanation(
            features_VD=_numpy(query[0, query.shape[1] // 2]),
            same=_pair(model, source, subset, episode, query, prototypes_WSVD, 0, distances, paths),
            other=_pair(model, source, subset, episode, query, prototypes_WSVD, int(wrong.argmin()), distances, paths),
        )


def _pair(
    model: Recogniser,
    source: EpisodeSource,
    subset: str,
    episode: Episode,
    query_QTVD: Tensor,
    prototypes_WSVD: Tensor,
    way: int,
    distances_W: Tensor,
    paths: Terms,
) -> Pair:
    names = [source.manifest.subsets[subset][class_id].name for class_id in episode.plan.class_ids]
    prototype = prototypes_WSVD[way : way + 1]
    alignment = _alignment(model, query_QTVD, prototype)
    compared = [(t, t) for t in range(query_QTVD.shape[1])]
    if alignment is not None and not isinstance(model.activation, BlockActivation):
        compared = [(t, s) for t, s in alignment.path_P2.tolist()]
    stride = math.prod(model.backbone.strides)
    steps = [(_pose(episode.query, 0, t * stride), _pose(episode.support, way, s * stride)) for t, s in compared]
    shown = _most_to_see(steps, source.manifest.layout)
    t, s = compared[shown]
    return Pair(
        query_class=names[0],
        prototype_class=names[way],
        distance=float(distances_W[way]),
        query_VC=steps[shown][0],
        support_VC=steps[shown][1],
        frames=(t, s),
        attention=_attention(model, query_QTVD[0, t], prototype[0, s]),
        alignment=alignment,
        shares_V=_shares(model, query_QTVD[0], prototype[0], (paths[0][0], paths[1][way])),
    )


def _shares(model: Recogniser, query_TVD: Tensor, prototype_SVD: Tensor, paths: Terms) -> Array | None:
    if not has_joint_shares(model.matcher.options):
        return None
    return _numpy(joint_shares(query_TVD, prototype_SVD, model.matcher.options, paths))


def _alignment(model: Recogniser, query_QTVD: Tensor, prototype_WSVD: Tensor) -> Alignment | None:
    """Of one query and one prototype."""
    matching = model.matcher.options
    if matching.temporal == "none":
        return None
    cost_TS = model.frame_distances(query_QTVD, prototype_WSVD)[0, 0]
    return Alignment(
        cost_TS=_numpy(cost_TS),
        path_P2=hard_path(cost_TS, band=matching.band).numpy(),
        expected_TS=_numpy(expected_alignment(cost_TS[None], matching.gamma, band=matching.band)[0]),
    )


def _attention(model: Recogniser, query_VD: Tensor, prototype_VD: Tensor) -> Attention | None:
    """Of one frame of a query and one of a prototype."""
    within, activation = model.matcher.within, model.activation
    if activation is not None:
        maps = activation.attention(query_VD, prototype_VD)
    elif within is not None:
        maps = within.attention(query_VD, query_VD), within.attention(prototype_VD, prototype_VD)
    else:
        return None
    return Attention(
        query_VV=_numpy(maps[0]),
        support_VV=_numpy(maps[1]),
        within=within is not None,
        together=isinstance(activation, BlockActivation),
    )


def _most_to_see(steps: list[tuple[Array, Array]], layout: Layout) -> int:
    """The step whose lesser seen pose shows most joints, of equals the one nearest the middle.

    A 2-D clip has frames in which nobody was found: their joints have confidence 0 and are not drawn.
    """

    def joints_seen(pose_VC: Array) -> int:
        return int((pose_VC[:, -1] > 0).sum()) if layout.is_image else len(pose_VC)

    middle = len(steps) // 2
    return max(range(len(steps)), key=lambda i: (min(map(joints_seen, steps[i])), -abs(i - middle)))


def _pose(clips: ClipBatch, clip: int, frame: int) -> Array:
    """A clip's first body. Feature frame t is centred on input frame t * stride: convolutions are padded alike."""
    return _numpy(clips.joints_LMTVC[clip, 0, frame])


def _numpy(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().double().cpu().numpy())
