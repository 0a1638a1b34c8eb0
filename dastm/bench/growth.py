"""How the cost of the matching grows: one size at a time, the others as in a 5-way episode with 5 queries a class.

The work is all that an episode does outside its backbone: activation, soft-DTW, cross entropy, rank term, and back to
the features and the six projections.
"""

import torch

from dastm.bench.case import Case, Setting, Setup, Work
from dastm.model.matching.activation import Activation
from dastm.model.matching.prototypes import prototypes
from dastm.model.matching.rank import rank_loss
from dastm.model.matching.soft_dtw import soft_dtw
from dastm.training.loss import episode_loss

STANDARD = {"queries": 5, "ways": 5, "frames": 8, "joints": 25}
SIZES = {"queries": (1, 5, 10, 20), "ways": (2, 5, 10, 15), "frames": (4, 8, 13, 20), "joints": (12, 18, 25, 50)}
AXES = {"queries": "queries a class", "ways": "ways", "frames": "feature frames", "joints": "joints"}
"""30 recorded frames leave 8 feature frames, 50 leave 13."""


def growth_cases() -> dict[str, Case]:
    """The cases, by name: a variant a size."""
    return {
        f"growth with {AXES[name]}": Case(
            variants={str(size): matching(**{**STANDARD, name: size}) for size in sizes},
            axis=AXES[name],
            reference=str(STANDARD[name]),
        )
        for name, sizes in SIZES.items()
    }


def matching(*, queries: int, ways: int, frames: int, joints: int) -> Setup:
    """The matching of one 1-shot episode with 256 features."""

    def setup(setting: Setting) -> Work:
        weights = Activation(256, distance="frobenius", init="uniform", generator=torch.Generator().manual_seed(2)).to(
            setting.device
        )
        features = setting.normal(ways + ways * queries, frames, joints, 256).requires_grad_()
        labels = torch.arange(ways, device=setting.device)
        query_labels, inputs = labels.repeat_interleave(queries), [features, *weights.parameters()]

        def work() -> None:
            prototypes_WSVD = prototypes(features[:ways], labels, ways)
            cost_QWTS = weights(features[ways:], prototypes_WSVD)
            distances_QW = soft_dtw(cost_QWTS.flatten(0, 1), 0.1).view(-1, ways)
            torch.autograd.grad(episode_loss(distances_QW, query_labels, rank_loss(features), 0.1)["total"], inputs)

        return work

    return setup
