"""How far memory rises while something runs, in bytes."""

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path

import torch

PROC = Path("/proc/self")


def settles(device: torch.device) -> bool:
    """Whether a later run tells more than the first, which also loads libraries and compiles.

    So it is where earlier peaks can be forgotten. On CUDA the first run says it all: libraries do not count there, and
    where a CUDA graph is recorded only that run asks for memory.
    """
    return device.type == "cpu" and PROC.exists()


def added_memory(run: Callable[[], object], device: torch.device) -> int:
    """Run it -> how far the peak of memory meanwhile was above the memory in use before, in bytes.

    On CUDA this is the memory that PyTorch's allocator hands out, on Linux the resident memory after free memory has
    been given back. Elsewhere it is the rise of the largest resident memory that the process ever had.
    """
    if device.type == "cuda":
        return _on_cuda(run, device)
    if not settles(device):
        before = _most_ever()
        run()
        return _most_ever() - before
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others keep less
    if trim is not None:
        trim(0)
    (PROC / "clear_refs").write_text("5")  # the peak is from now on
    before = _status("VmRSS")
    run()
    return max(0, _status("VmHWM") - before)


def _on_cuda(run: Callable[[], object], device: torch.device) -> int:
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def _most_ever() -> int:
    import resource  # not on every system

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _status(name: str) -> int:
    lines = (PROC / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
