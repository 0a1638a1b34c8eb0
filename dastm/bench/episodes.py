"""Whole episodes, 5-way 1-shot, ST-GCN-10 and the full method on noise: training (forward, backward and the step of the
optimiser) and evaluation, against the backbone alone; where there is a CUDA GPU also captured as a CUDA graph.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dastm.bench.backbone import backbone_evaluation, backbone_training
from dastm.bench.capture import captured
from dastm.bench.case import Case, Setting, Setup, Work
from dastm.config.load import load_config
from dastm.contract.skeleton import LAYOUTS
from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan
from dastm.model.matching.rank import rank_loss
from dastm.model.network import Matched, Recogniser, present_bodies
from dastm.training.loss import episode_loss

N_WAY = 5
FRAMES = {"ntu25": 30, "openpose18": 50}
TITLES = {"ntu25": "NTU", "openpose18": "Kinetics"}
BODIES = {1: "one body", 2: "two bodies"}
CONFIG = load_config("paper")


class EpisodeWork:
    """A network and one random episode of a shape; each method is work that can be timed.

    Every run works on the same weights: the optimiser does all of its arithmetic, with a learning rate of zero.
    """

    def __init__(self, setting: Setting, layout: str, n_bodies: int, n_query: int, *, capturable: bool = False) -> None:
        generator = torch.Generator().manual_seed(0)
        model = Recogniser(LAYOUTS[layout], CONFIG.backbone, CONFIG.matching, generator, bf16=setting.bf16)
        self.model = model.to(setting.device)
        self.episode = random_episode(setting, layout, n_bodies, n_query)
        self.bodies = present_bodies(self.episode.support, self.episode.query)
        fused = setting.device.type != "cpu"
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=0.0, fused=fused, capturable=capturable)

    def loss(self, matched: Matched) -> Tensor:
        """Cross entropy and rank term, as in training."""
        rank, weight = rank_loss(matched.features_LTVD), CONFIG.matching.rank_weight
        return episode_loss(matched.distances_QW, self.episode.query_labels, rank, weight)["total"]

    def match(self) -> Matched:
        """Distances of the episode from bodies that were gathered before: nothing in it waits for the device."""
        return self.model.match(self.bodies, self.episode.support_labels, N_WAY)

    def train(self) -> None:
        """One training episode."""
        self._step(self.loss(self.model(self.episode)))

    def train_gathered(self) -> None:
        """One training episode of bodies gathered before."""
        self._step(self.loss(self.match()))

    def evaluate(self) -> Tensor:
        """One evaluation episode."""
        with torch.inference_mode():
            return self.model.episode_distances(self.episode)

    def evaluate_gathered(self) -> Tensor:
        """One evaluation episode of bodies gathered before."""
        with torch.inference_mode():
            return self.match().distances_QW

    def capture(self, step: Work) -> Work:
        """`step` as a CUDA graph, together with the copying of an episode to where the graph reads it."""
        episode = self.bodies.joints_BTVC.clone()
        return captured(step, lambda: self.bodies.joints_BTVC.copy_(episode))

    def _step(self, loss: Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()


def random_episode(setting: Setting, layout: str, n_bodies: int, n_query: int, seed: int = 0) -> Episode:
    """Noise in the shape of a 5-way 1-shot episode in which every clip has as many bodies."""

    def batch(n_clips: int, seed: int) -> ClipBatch:
        joints = setting.normal(n_clips, n_bodies, FRAMES[layout], LAYOUTS[layout].n_joints, 3, seed=seed)
        return ClipBatch(joints_LMTVC=joints, present_LM=torch.ones((n_clips, n_bodies), dtype=torch.bool))

    query = tuple(range(1, n_query + 1))
    labels = torch.arange(N_WAY, device=setting.device)
    return Episode(
        plan=EpisodePlan(class_ids=tuple(range(N_WAY)), support=((0,),) * N_WAY, query=(query,) * N_WAY),
        support=batch(N_WAY, 2 * seed),
        query=batch(N_WAY * n_query, 2 * seed + 1),
        support_labels=labels,
        query_labels=labels.repeat_interleave(n_query),
    )


def training(layout: str, n_bodies: int, n_query: int) -> Case:
    """One training episode."""

    def ours(setting: Setting) -> Work:
        work = EpisodeWork(setting, layout, n_bodies, n_query)
        work.model.train()
        return work.train

    def backbone(setting: Setting) -> Work:
        work = EpisodeWork(setting, layout, n_bodies, n_query)
        work.model.backbone.train()
        return backbone_training(setting, work.model.backbone, work.bodies.joints_BTVC)

    return Case(variants={"ours": ours, "backbone": backbone}, inner="backbone")


def evaluation(layout: str, n_bodies: int, n_query: int) -> Case:
    """One evaluation episode."""

    def ours(setting: Setting) -> Work:
        work = EpisodeWork(setting, layout, n_bodies, n_query)
        work.model.eval()
        return work.evaluate

    def backbone(setting: Setting) -> Work:
        work = EpisodeWork(setting, layout, n_bodies, n_query)
        work.model.eval()
        return backbone_evaluation(setting, work.model.backbone, work.bodies.joints_BTVC)

    return Case(variants={"ours": ours, "backbone": backbone}, inner="backbone")


def episode_cases(setting: Setting) -> dict[str, Case]:
    """The cases, by name; those of CUDA graphs only where they can run."""
    shapes: Sequence[tuple[str, int, int]] = [(layout, m, q) for layout in FRAMES for m in BODIES for q in (5, 10)]
    found = {f"training, {_title(*shape)}": training(*shape) for shape in shapes}
    usual = ("ntu25", 2, 5)
    found[f"evaluation, {_title(*usual)}"] = evaluation(*usual)
    if setting.device.type == "cuda" and torch.cuda.is_available():
        found[f"CUDA graph: training, {_title(*usual)}"] = captured_training(*usual)
        found[f"CUDA graph: evaluation, {_title(*usual)}"] = captured_evaluation(*usual)
    return found


def _title(layout: str, n_bodies: int, n_query: int) -> str:
    return f"{TITLES[layout]}, {BODIES[n_bodies]}, {n_query} queries"


def captured_training(layout: str, n_bodies: int, n_query: int) -> Case:
    """One training episode, replayed from a CUDA graph and eagerly."""

    def graph(setting: Setting) -> Work:
        work = EpisodeWork(setting, layout, n_bodies, n_query, capturable=True)
        work.model.train()
        return work.capture(work.train_gathered)

    return Case(variants={"captured": graph, "eager": _ours(training(layout, n_bodies, n_query))})


def captured_evaluation(layout: str, n_bodies: int, n_query: int) -> Case:
    """One evaluation episode, replayed from a CUDA graph and eagerly."""

    def graph(setting: Setting) -> Work:
        work = EpisodeWork(setting, layout, n_bodies, n_query)
        work.model.eval()
        return work.capture(work.evaluate_gathered)

    return Case(variants={"captured": graph, "eager": _ours(evaluation(layout, n_bodies, n_query))})


def _ours(case: Case) -> Setup:
    return case.variants["ours"]
