"""The cases of an installed package, each with the literal version as a further variant where there is one.

Axes: L clips, Q queries, W ways, T frames, V joints, D channels, B bodies, C coordinates.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch

from dastm.bench import cases as installed
from dastm.bench.case import Case, Setting, Setup, Work
from dastm.bench.episodes import BODIES, EpisodeWork
from dastm.bench.matching import GAMMA, activation_inputs
from dastm.contract.skeleton import LAYOUTS
from dastm.model.backbones import BACKBONES
from tests.bench import literal


def cases(setting: Setting) -> dict[str, Case]:
    """By name, as `dastm.bench.cases` has them."""
    found = installed.cases(setting)
    for name, variants in further(setting).items():
        found[name] = replace(found[name], variants={**found[name].variants, **variants})
    return found


def further(setting: Setting) -> Mapping[str, Mapping[str, Setup]]:
    """Case -> its literal variants; the loops of soft-DTW, and what is made of them, run on the CPU only."""
    found: dict[str, dict[str, Setup]] = {
        "activation 50 x 5": {"literal": activation},
        "backbone of 10 blocks, training": {"literal": backbone},
    }
    if setting.device.type == "cpu":
        found["soft-DTW 250 of 8 x 8"] = {"plain loops": soft_dtw_of(8)}
        found["soft-DTW 250 of 30 x 30"] = {"plain loops": soft_dtw_of(30)}
        for n_bodies, n_query in ((1, 5), (1, 10), (2, 10)):
            name = f"training, NTU, {BODIES[n_bodies]}, {n_query} queries"
            found[name] = {"literal": training(n_bodies, n_query)}
    return found


def activation(setting: Setting) -> Work:
    """The sizes and numbers of `dastm.bench.matching.activation`."""
    weights, query, prototypes = activation_inputs(setting)
    inputs = [query, prototypes, *weights.parameters()]
    return lambda: torch.autograd.grad(literal.activation_distances(weights, query, prototypes).sum(), inputs)


def soft_dtw_of(size: int) -> Setup:
    """The same costs, without torch."""

    def setup(setting: Setting) -> Work:
        values = setting.normal(250, size, size).abs().mul(10).double().numpy()
        return lambda: literal.soft_dtw_plain(values, GAMMA)

    return setup


def backbone(setting: Setting) -> Work:
    """The published order of operations and layout in memory, on the same weights."""
    network = BACKBONES["st_gcn"](LAYOUTS["ntu25"]).to(setting.device).train()
    bodies, weights = setting.normal(30, 30, 25, 3), list(network.parameters())
    grad = torch.ones_like(literal.st_gcn(network, bodies).detach())
    return lambda: torch.autograd.grad(literal.st_gcn(network, bodies), weights, grad)


def training(n_bodies: int, n_query: int) -> Setup:
    """One training episode, every part of it literal."""

    def setup(setting: Setting) -> Work:
        work = EpisodeWork(setting, "ntu25", n_bodies, n_query)
        work.model.train()

        def train() -> None:
            work.optimiser.zero_grad(set_to_none=True)
            literal.episode_loss(work.model, work.episode).backward()
            work.optimiser.step()

        return train

    return setup
