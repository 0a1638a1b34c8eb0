"""What a check finds: numbers by name, some with a limit, told as they come.

Both devices: on the CPU the sizes are small and nothing is captured, to see that the checks themselves work.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

Work = Callable[[], object]


class Findings:
    """Where the checks run, and what they found."""

    def __init__(self, device: torch.device, out: Path) -> None:
        self.device, self.out = device, out
        self.values: dict[str, float | str] = {}
        self.failed: list[str] = []
        self._generator = torch.Generator().manual_seed(0)
        self._begun = time.monotonic()

    @property
    def on_gpu(self) -> bool:
        """Whether this is the real thing."""
        return self.device.type == "cuda"

    @property
    def precisions(self) -> tuple[str, ...]:
        """Number formats to check: on the CPU float32 alone."""
        return ("float32", "tf32", "bf16") if self.on_gpu else ("float32",)

    def note(self, name: str, value: float | str, limit: float | None = None) -> None:
        """Tell a finding; one above its limit, or not a number, fails."""
        passed = limit is None or (isinstance(value, float) and value <= limit)
        if not passed:
            self.failed.append(name)
        self.values[name] = value
        verdict = "" if limit is None else "pass" if passed else "FAIL"
        shown = value if isinstance(value, str) else f"{value:.3g}"
        within = "" if limit is None else f" (at most {limit:.3g})"
        sys.stdout.write(f"{time.monotonic() - self._begun:6.1f} s {verdict:4} {name}: {shown}{within}\n")
        sys.stdout.flush()

    def section(self, check: "Callable[[Findings], None]") -> None:
        """Run a check; what it raises is a failure, and the next one goes on."""
        try:
            check(self)
        except Exception as error:  # of a compiler, a driver, a kernel: any kind
            reason = " ".join(str(error).split())[:300]
            self.failed.append(check.__name__)
            self.note(f"{check.__name__} raised", f"FAIL {type(error).__name__}: {reason}")

    def write(self) -> None:
        """All findings as gpu-check.json."""
        document = json.dumps({"failed": self.failed, **self.values}, indent=1)
        (self.out / "gpu-check.json").write_text(document + "\n")

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers on the device, the same ones in every run."""
        return torch.randn(shape, generator=self._generator).to(self.device)

    def wait(self) -> None:
        """Until the device has done all that it was asked for."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def milliseconds(self, work: Work, repeats: int = 20) -> tuple[float, float]:
        """A run with the queue kept full, and the host's part of it: until the last launch has returned."""
        repeats = repeats if self.on_gpu else 2
        for _ in range(3 if self.on_gpu else 1):
            work()
        self.wait()
        begun = time.perf_counter()
        for _ in range(repeats):
            work()
        host = time.perf_counter() - begun
        self.wait()
        return 1e3 * (time.perf_counter() - begun) / repeats, 1e3 * host / repeats


def error(found: Tensor, true: Tensor) -> float:
    """Norm of the difference over that of the truth."""
    exact = true.detach().double().cpu()
    return float((found.detach().double().cpu() - exact).norm() / exact.norm().clamp_min(1e-300))


def value_and_gradients(function: Callable[..., Tensor], tensors: Iterable[Tensor], weight: Tensor) -> list[Tensor]:
    """The function's value, and the gradients of its weighted sum."""
    own = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    value = function(*own)
    return [value.detach(), *torch.autograd.grad((value * weight.to(value)).sum(), own)]


def differing(first: Iterable[Tensor], second: Iterable[Tensor]) -> float:
    """How many tensors differ in any bit."""
    return float(sum(not torch.equal(a, b) for a, b in zip(first, second, strict=True)))
