"""Whether the Triton kernels can run here, and if not, one line that says why. It does not import Triton itself.

In: nothing, or tensors. Out: yes or no, a reason, the device to launch on.
The kernels were written for NVIDIA GPUs from compute capability 8.0 on. TRITON_INTERPRET=1, set before anything imports
Triton, runs them on the CPU, slowly, with tensors of the CPU: that is for tests.
"""

import functools
import importlib.util
import logging
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from dastm.contract.wording import reason_of

MAX_FRAMES = 64
"""Frames of either sequence that the soft-DTW kernels take: an anti-diagonal has to fit one warp's registers."""
MAX_JOINTS = 64
"""Joints that the activation kernels take: the n x n matrices of a pair have to fit one program's registers."""
MAX_ROWS = 32
"""Rows of a matrix that the kernel of the rank term takes: more do not fit the registers of a block."""
ACTIVATION_DTYPES = torch.float32, torch.bfloat16
"""Types that the activation kernels take: all inputs of one type."""
_OLDEST = (8, 0)
_told: set[str] = set()


def missing(device: torch.device | None = None) -> str | None:
    """What the kernels lack in this process on this GPU (default: the current one); None if nothing is missing."""
    if not _installed():
        return "Triton is not installed"
    if os.environ.get("TRITON_INTERPRET") == "1":
        return None
    if not torch.cuda.is_available() or torch.version.hip:
        return "there is no NVIDIA GPU"
    capability = torch.cuda.get_device_capability(device)
    if capability < _OLDEST:
        return "the GPU's compute capability is {}.{}, below 8.0".format(*capability)
    return _unbuilt()


def unfit(inputs: Sequence[Tensor]) -> str | None:
    """Why the activation kernels do not take these frames, each (..., V, D); None if they do."""
    dtypes, n_joints = {frames.dtype for frames in inputs}, inputs[0].shape[-2]
    if n_joints > MAX_JOINTS:
        return f"{n_joints} joints are more than {MAX_JOINTS}"
    if len(dtypes) > 1 or not dtypes <= set(ACTIVATION_DTYPES):
        return f"it is for {' or '.join(map(str, ACTIVATION_DTYPES))} alone, not {', '.join(sorted(map(str, dtypes)))}"
    return None


def tell_once(kernel: str, reason: str) -> None:
    """Warn once per process and kernel that the general version is used instead of the fused one, and why."""
    if kernel not in _told:
        _told.add(kernel)
        logging.getLogger("dastm").warning("%s: no fused kernel, the general version runs instead: %s", kernel, reason)


def launch_on(tensor: Tensor) -> AbstractContextManager[object]:
    """Make the tensor's device the current one, because Triton launches on the current device."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()


@functools.cache
def _unbuilt() -> str | None:
    """Why no kernel can be built and launched, which is tried once per process; None if it can."""
    try:
        from dastm.model.matching import triton_probe

        triton_probe.launch()
    except Exception as error:  # of a compiler, a linker, a driver: any kind
        reason = reason_of(error)
        return f"Triton could not build and launch one here ({reason[:200]})"
    return None


@functools.cache
def _installed() -> bool:
    return importlib.util.find_spec("triton") is not None
