"""What a benchmark is made of: a case has variants of the same work, each a function that sets up what is timed.

A module of cases has `cases(setting) -> {name: Case}`; the process that times a variant finds it there by its names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where the cases run, in which precision (as `optimise.precision` has it), and for how long."""

    device: torch.device
    precision: str = "float32"
    turn_seconds: float = 0.1
    """A turn of a variant repeats its work until it has taken so long."""
    case_seconds: float = 3.0
    """No further round of a case is begun once there are enough and they have taken so long."""

    @property
    def bf16(self) -> bool:
        """Whether the backbone runs in bfloat16."""
        return self.precision == "bf16"

    def normal(self, *shape: int, seed: int = 0) -> Tensor:
        """Standard normal numbers on the device, the same for the same seed."""
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(self.device)


Work = Callable[[], object]
"""What is timed, once a call."""
Setup = Callable[[Setting], Work]


@dataclass(frozen=True, kw_only=True)
class Case:
    """The same work done in several ways."""

    variants: Mapping[str, Setup]
    """Ours is the first."""
    inner: str = ""
    """A variant that is a part of ours: the share of the time that the rest takes is of interest."""
    limit: str = ""
    """A variant as fast as the machine computes: the share of its rate that ours reaches is of interest."""
    axis: str = ""
    """What grows from variant to variant, each named by its size; of interest is how the cost grows."""
    reference: str = ""
    """The variant that the others are compared with; empty: ours."""

    @property
    def compared_with(self) -> str:
        """The name of the variant that the others are compared with."""
        return self.reference or next(iter(self.variants))
