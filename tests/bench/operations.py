"""How many operations a training step asks a GPU for and how many bytes they touch, counted without one.

In: presets. Out: a row for each. On PyTorch's meta device every operation has its name and shapes, and nothing is
computed. It takes the paths that a GPU takes, but for what is put right here: Triton's kernels are counted instead of
launched, and operations on lists of tensors, random numbers and fused optimisers are there. Views count nothing; an
operation on a list of tensors counts once; host tensors do not count. Then the same of an evaluation whose clips are
encoded. `python -m tests.bench.operations [preset ..]`
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.optim import optimizer
from torch.utils import _foreach_utils
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dastm.bench.case import Setting
from dastm.bench.episodes import random_episode
from dastm.config.load import load_config
from dastm.config.schema import Config
from dastm.contract.skeleton import LAYOUTS
from dastm.episodes.collate import Selection, labels
from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan
from dastm.episodes.sampler import plan_episode
from dastm.evaluation.accuracy import accuracy
from dastm.evaluation.feature_cache import FeatureCache, in_order
from dastm.layers.dropout import Dropout
from dastm.model.matching import activation, activation_triton, polar, polar_triton, soft_dtw, soft_dtw_triton
from dastm.model.network import build_recogniser
from dastm.training.state import TrainingState, adam
from dastm.training.step import train_step

META = torch.device("meta")
FOREACH, FUSED = "_get_foreach_kernels_supported_devices", "_get_fused_kernels_supported_devices"
SUPPORTED = {_foreach_utils: (FOREACH,), optimizer: (FOREACH, FUSED)}
"""Where PyTorch asks which devices have operations on lists of tensors, and fused optimisers."""
PRESETS = ("paper", "release", "small", "best")
POOL, EPISODES = dict.fromkeys(range(20), 21), 500
"""Classes and clips of an evaluation, and its episodes."""
NOTHING = ("empty", "new_empty", "detach", "_unsafe_view", "alias")
"""What begins so allocates, or is a view that PyTorch's schema does not call one."""


class Operations(TorchDispatchMode):
    """Within it every operation on a meta tensor is counted by name."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count, and go on."""
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if not func.is_view and not name.startswith(NOTHING):
            self.add(name, [args, kwargs, result])
        return result

    def add(self, name: str, of: Any) -> None:
        """An operation that reads and writes the tensors in `of`; what is broadcast is read once."""
        tensors = {id(leaf): leaf for leaf in tree_leaves(of) if isinstance(leaf, Tensor) and leaf.device == META}
        if tensors:
            self.counts[name] += 1
            self.bytes += sum(min(one.nbytes, one.untyped_storage().nbytes()) for one in tensors.values())

    def kernel(self, name: str) -> Any:
        """What stands for a kernel of Triton: `kernel[grid](..)` counts."""
        return _Kernel(lambda of: self.add(name, of))


class _Kernel:
    def __init__(self, count: Callable[[Any], None]) -> None:
        self.count = count

    def __getitem__(self, grid: object) -> Callable[..., None]:
        return lambda *args, **options: self.count(args)


@contextmanager
def counted() -> Iterator[Operations]:
    """The operations of what runs within the block, as on a GPU with Triton."""
    found = Operations()
    kernels = {
        activation_triton: ("_distance_kernel", "_gradient_kernel"),
        polar_triton: ("_root_kernel",),
        soft_dtw_triton: ("_forward_kernel", "_backward_kernel"),
    }
    with ExitStack() as stack:
        for module, names in kernels.items():
            for name in names:
                stack.enter_context(patch.object(module, name, found.kernel(name)))
        stack.enter_context(patch.object(activation, "fused", lambda inputs: True))
        stack.enter_context(patch.object(polar, "fused", lambda gram: True))
        stack.enter_context(patch.object(soft_dtw, "_device_engine", lambda cost: soft_dtw_triton))
        stack.enter_context(patch.object(Dropout, "_generator_on", lambda self, device: None))
        for module, names in SUPPORTED.items():
            for name in names:
                stack.enter_context(patch.object(module, name, lambda: ["meta"]))
        stack.enter_context(found)
        yield found


def of_step(config: Config, n_bodies: int = 2) -> Operations:
    """Those of one training step after the first: NTU, 5-way 1-shot, 5 queries a class."""
    model = build_recogniser(config, LAYOUTS["ntu25"], 0).to(META).train()
    state = TrainingState(seed=0, model=model, optimiser=adam(model, config.optimise))
    episode = random_episode(Setting(device=META), "ntu25", n_bodies, 5)
    with counted():
        train_step(state, config, iter([episode]))
    with counted() as found:
        train_step(state, config, iter([episode]))
    return found


class Clips:
    """A source of clips without values."""

    def clips(self, subset: str, selections: Sequence[Selection]) -> list[ClipBatch]:
        """Of two bodies in 30 frames."""
        return [
            ClipBatch(
                joints_LMTVC=torch.empty(len(selected), 2, 30, 25, 3, device=META),
                present_LM=torch.ones(len(selected), 2, dtype=torch.bool),
            )
            for selected in selections
        ]


def of_evaluation(config: Config, k_shot: int) -> tuple[int, float]:
    """Operations an episode of an evaluation, 5 ways and 5 queries a class, and as a mean if all are known before."""
    shape = {"n_way": 5, "k_shot": k_shot, "n_query": 5, "seed": 0, "epoch": 0}
    plans = [plan_episode(POOL, **shape, number=number) for number in range(EPISODES)]
    cache = FeatureCache(build_recogniser(config, LAYOUTS["ntu25"], 0).to(META))
    compare = cache._compare
    with counted(), patch.object(cache, "_compare"):
        assert cache.prepare(Clips(), "test", plans, META)  # type: ignore[arg-type]
    with torch.no_grad(), counted() as alone:
        _score(cache, plans[0])
    with torch.no_grad(), counted() as known:
        compare(plans, META, in_order)
        for plan in plans:
            _score(cache, plan)
    return alone.counts.total(), known.counts.total() / EPISODES


def _score(cache: FeatureCache, plan: EpisodePlan) -> None:
    nothing = ClipBatch(joints_LMTVC=torch.empty(0), present_LM=torch.empty(0))
    of_support, of_query = (labels(clips).to(META) for clips in (plan.support, plan.query))
    episode = Episode(plan=plan, support=nothing, query=nothing, support_labels=of_support, query_labels=of_query)
    accuracy(cache(episode), episode.query_labels)


def main(presets: Iterable[str]) -> None:
    """A row a preset, with the operations that it has most of."""
    for preset in presets:
        found = of_step(load_config(preset))
        often = ", ".join(f"{name} {n}" for name, n in found.counts.most_common(8))
        sys.stdout.write(f"{preset:8} {found.counts.total():5} operations, {found.bytes / 1e9:.2f} GB; {often}\n")
    for preset, k_shot in product(presets, (1, 5)):
        alone, known = of_evaluation(load_config(preset), k_shot)
        of_one = f"{alone} operations an evaluated episode, {known:.1f} if all are known"
        sys.stdout.write(f"{preset:8} {k_shot}-shot: {of_one}\n")


if __name__ == "__main__":
    main(sys.argv[1:] or PRESETS)
