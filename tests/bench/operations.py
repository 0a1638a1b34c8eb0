"""How many operations a training step asks a GPU for and how many bytes they touch, counted without one.

In: presets. Out: a row for each. On PyTorch's meta device every operation has its name and shapes, and nothing is
computed. It takes the paths that a GPU takes, but for what is put right here: Triton's kernels are counted instead of
launched, and operations on lists of tensors, random numbers and fused optimisers are there. Views count nothing; an
operation on a list of tensors counts once; host tensors do not count. `python -m tests.bench.operations [preset ..]`
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
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
from dastm.layers.dropout import Dropout
from dastm.matching import activation, activation_triton, polar, polar_triton, soft_dtw, soft_dtw_triton
from dastm.model import build_recogniser
from dastm.training.state import TrainingState, adam
from dastm.training.step import train_step

META = torch.device("meta")
FOREACH, FUSED = "_get_foreach_kernels_supported_devices", "_get_fused_kernels_supported_devices"
SUPPORTED = {_foreach_utils: (FOREACH,), optimizer: (FOREACH, FUSED)}
"""Where PyTorch asks which devices have operations on lists of tensors, and fused optimisers."""
PRESETS = ("paper", "release", "small", "best")
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


def main(presets: Iterable[str]) -> None:
    """A row a preset, with the operations that it has most of."""
    for preset in presets:
        found = of_step(load_config(preset))
        often = ", ".join(f"{name} {n}" for name, n in found.counts.most_common(8))
        sys.stdout.write(f"{preset:8} {found.counts.total():5} operations, {found.bytes / 1e9:.2f} GB; {often}\n")


if __name__ == "__main__":
    main(sys.argv[1:] or PRESETS)
