"""The cases: name -> variant -> a function that sets up and returns what is timed. The first variant is ours."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from dastm.backbones import BACKBONES
from dastm.config import load_config
from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan
from dastm.loss import episode_loss
from dastm.matching.activation import Activation
from dastm.matching.rank import nuclear_norm, rank_loss
from dastm.matching.soft_dtw import soft_dtw
from dastm.model import Recogniser
from dastm.skeleton import LAYOUTS
from tests.bench import literal

Work = Callable[[], object]
Setup = Callable[[], Work]


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers that require a gradient."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def activation(variant: str) -> Setup:
    """50 queries x 5 prototypes, 8 frames, 25 joints, 256 features; forward and backward."""

    def setup() -> Work:
        weights, query, prototypes = Activation(256), normal(50, 8, 25, 256), normal(5, 8, 25, 256, seed=1)
        forward: dict[str, Callable[[], Tensor]] = {
            "ours": lambda: weights(query, prototypes).sum(),
            "literal": lambda: literal.activation_distances(weights, query, prototypes).sum(),
            "bare products": lambda: literal.bare_products(query, prototypes),
        }
        return lambda: forward[variant]().backward()

    return setup


def soft_dtw_of(size: int, variant: str) -> Setup:
    """250 square cost matrices; value and gradient."""

    def setup() -> Work:
        cost = (normal(250, size, size).detach().abs() * 10).double().requires_grad_()
        values = cost.detach().numpy()
        if variant == "ours":
            return lambda: soft_dtw(cost, 0.1).sum().backward()
        return lambda: literal.soft_dtw_plain(values, 0.1)

    return setup


def nuclear(variant: str) -> Setup:
    """440 matrices of 25 x 256; forward and backward."""

    def setup() -> Work:
        features = normal(440, 25, 256)
        norm = nuclear_norm if variant == "ours" else literal.nuclear_norm_svd
        return lambda: norm(features).sum().backward()

    return setup


def training_episode(layout_name: str, frames: int, bodies: int, variant: str) -> Setup:
    """5-way 1-shot with 5 queries a class, ST-GCN-10, the whole method, forward and backward; or its backbone alone."""

    def setup() -> Work:
        config, layout = load_config("paper"), LAYOUTS[layout_name]
        model = Recogniser(layout, config.backbone, config.matching, torch.Generator().manual_seed(0)).train()
        episode = random_episode(layout.n_joints, frames, bodies)
        clips = torch.cat([episode.support.joints_LMTVC, episode.query.joints_LMTVC]).flatten(0, 1)
        return (
            (lambda: _step(model, episode)) if variant == "ours" else (lambda: model.backbone(clips).sum().backward())
        )

    return setup


def _step(model: Recogniser, episode: Episode) -> None:
    matched = model(episode)
    rank = rank_loss(matched.features_LTVD)
    episode_loss(matched.distances_QW, episode.query_labels, rank, 0.1)["total"].backward()


def random_episode(n_joints: int, frames: int, bodies: int) -> Episode:
    """Noise in the shape of a 5-way 1-shot episode with 5 queries a class."""

    def batch(n_clips: int) -> ClipBatch:
        joints = normal(n_clips, bodies, frames, n_joints, 3).detach()
        return ClipBatch(joints_LMTVC=joints, present_LM=torch.ones((n_clips, bodies), dtype=torch.bool))

    plan = EpisodePlan(class_ids=tuple(range(5)), support=((0,),) * 5, query=((1, 2, 3, 4, 5),) * 5)
    labels = torch.arange(5)
    return Episode(
        plan=plan,
        support=batch(5),
        query=batch(25),
        support_labels=labels,
        query_labels=labels.repeat_interleave(5),
    )


def backbone_evaluation(n_blocks: int) -> Setup:
    """30 bodies through ST-GCN in evaluation, no gradient."""

    def setup() -> Work:
        network = BACKBONES["st_gcn"](LAYOUTS["ntu25"], n_blocks=n_blocks).eval()
        bodies = normal(30, 30, 25, 3).detach()

        def work() -> None:
            with torch.inference_mode():
                network(bodies)

        return work

    return setup


CASES: Mapping[str, Mapping[str, Setup]] = {
    "activation 50 x 5": {name: activation(name) for name in ("ours", "literal", "bare products")},
    "soft-DTW 250 of 8 x 8": {name: soft_dtw_of(8, name) for name in ("ours", "plain loops")},
    "soft-DTW 250 of 30 x 30": {name: soft_dtw_of(30, name) for name in ("ours", "plain loops")},
    "nuclear norm 440 of 25 x 256": {name: nuclear(name) for name in ("ours", "svd")},
    "episode NTU, one body": {name: training_episode("ntu25", 30, 1, name) for name in ("ours", "backbone alone")},
    "episode Kinetics, two bodies": {
        name: training_episode("openpose18", 50, 2, name) for name in ("ours", "backbone alone")
    },
    "evaluation of 30 bodies": {"10 blocks": backbone_evaluation(10), "4 blocks": backbone_evaluation(4)},
}
