"""Trained run -> what it looks at: one test episode's features, activations, costs and alignments, as numpy arrays.

The figures of the paper that this feeds: joint similarity (Fig. 3), activation of a matching pair (Fig. 4).
In: a model, an episode source. Out: `Explanation`; drawing is in `dastm.figures`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dastm.episodes.episode import ClipBatch, Episode
from dastm.episodes.loader import episodes
from dastm.episodes.sources import EpisodeSource
from dastm.matching.prototypes import prototypes
from dastm.matching.soft_dtw import expected_alignment, hard_path
from dastm.model import Recogniser
from dastm.skeleton import Layout

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One query against one class's prototype."""

    query_class: str
    prototype_class: str
    distance: float
    """Along the best alignment."""
    query_VC: Array
    """Coordinates of the query's first body at the shown frame."""
    support_VC: Array
    """Coordinates of the first support clip's first body at the shown frame."""
    frames: tuple[int, int]
    """Shown feature frames (query, prototype): the step of the best alignment with most to see, else the middle one."""
    activation_query_VV: Array | None
    """A^q of Eq. 4 at that frame pair; None for a model without activation."""
    activation_support_VV: Array | None
    cost_TS: Array
    path_P2: NDArray[np.int64]
    expected_TS: Array
    """Probability that soft alignment pairs two frames (the gradient of soft-DTW with respect to the cost)."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One query of one episode, explained."""

    features_VD: Array
    """The query's joint features at its middle frame."""
    same: Pair
    """Against its own class."""
    other: Pair
    """Against the nearest wrong class."""


def explain(model: Recogniser, source: EpisodeSource, part: str, n_way: int, device: torch.device) -> Explanation:
    """Explain the first query of the first episode (seed 0) of a part, 1-shot."""
    items = episodes(source, part, n_way=n_way, k_shot=1, n_query=1, seed=0, epoch=0, count=1, workers=0, device=device)
    episode = next(items)
    with torch.inference_mode():
        support = model.encode(episode.support)
        query = model.encode(episode.query)[:1]
        prototypes_WSVD = prototypes(support, episode.support_labels, n_way)
        distances = model.distances(query, prototypes_WSVD)[0]
        wrong = distances.clone()
        wrong[0] = torch.inf
        return Explanation(
            features_VD=_numpy(query[0, query.shape[1] // 2]),
            same=_pair(model, source, part, episode, query, prototypes_WSVD, 0, distances),
            other=_pair(model, source, part, episode, query, prototypes_WSVD, int(wrong.argmin()), distances),
        )


def _pair(
    model: Recogniser,
    source: EpisodeSource,
    part: str,
    episode: Episode,
    query_QTVD: Tensor,
    prototypes_WSVD: Tensor,
    way: int,
    distances_W: Tensor,
) -> Pair:
    names = [source.manifest.parts[part][class_id].name for class_id in episode.plan.class_ids]
    prototype = prototypes_WSVD[way : way + 1]
    cost = model.frame_distances(query_QTVD, prototype)[0, 0]
    path = hard_path(cost, band=model.band)
    stride = math.prod(model.backbone.strides)
    steps = [(_pose(episode.query, 0, t * stride), _pose(episode.support, way, s * stride)) for t, s in path.tolist()]
    shown = _most_to_see(steps, source.manifest.layout)
    t, s = path[shown].tolist()
    maps: tuple[Array, Array] | None = None
    if model.activation is not None:
        a_query, a_support = model.activation.attention(query_QTVD[0, t], prototype[0, s])
        maps = _numpy(a_query), _numpy(a_support)
    return Pair(
        query_class=names[0],
        prototype_class=names[way],
        distance=float(distances_W[way]),
        query_VC=steps[shown][0],
        support_VC=steps[shown][1],
        frames=(t, s),
        activation_query_VV=maps[0] if maps else None,
        activation_support_VV=maps[1] if maps else None,
        cost_TS=_numpy(cost),
        path_P2=path.cpu().numpy(),
        expected_TS=_numpy(expected_alignment(cost[None], model.gamma, band=model.band)[0]),
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
