"""Chooses the device of a run and its arithmetic."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version

import torch
from torch.utils import deterministic

from dastm.contract.errors import RunError

USUAL = "write auto, cpu, cuda or cuda:1"
REASONS = {
    "mps": "Apple's GPUs have no float64, in which distances are added",
    "xpu": "Intel's GPUs are not supported",
}
"""Devices of PyTorch that are not supported -> the reason."""
FIRST_WITH_TF32 = (8, 0)
"""The compute capability of NVIDIA's GPUs from which on they have tf32 and bf16."""
WORKSPACE, FILL = "CUBLAS_WORKSPACE_CONFIG", "fill_uninitialized_memory"


def pick_device(name: str) -> torch.device:
    """The device of this name. `auto` is the GPU if there is one, else the CPU; with torchrun, each process has its
    own.

    Raises: RunError for a device that does not exist or is not supported.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise RunError(f"device {name!r}: {USUAL}") from error
    if device.type not in ("cpu", "cuda"):
        reason = f"{REASONS[device.type]}; " if device.type in REASONS else ""
        raise RunError(f"device {name!r}: {reason}{USUAL}")
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise RunError(f"device '{device}': there are {torch.cuda.device_count()} CUDA devices here")
    return device


def accelerator(device: torch.device) -> dict[str, str]:
    """The GPU and its libraries, on which results may depend in addition to `dastm.runs.record.software`."""
    if device.type != "cuda":
        return {}
    try:
        triton = version("triton")
    except PackageNotFoundError:
        triton = "none"
    cudnn = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]
    return {
        "gpu": torch.cuda.get_device_name(device),
        "cuda": str(torch.version.cuda),
        "cudnn": cudnn,
        "triton": triton,
    }


def lacking(device: torch.device, name: str) -> str | None:
    """Why a device does not have this number format, in words; None if it has it."""
    if device.type != "cuda":
        return "only on CUDA" if name == "tf32" else None
    if name == "float32" or not torch.cuda.is_available():
        return None
    if torch.version.hip:
        return "AMD's GPUs have none" if name == "tf32" else None
    capability = torch.cuda.get_device_capability(device)
    if capability < FIRST_WITH_TF32:
        return "this GPU's compute capability is {}.{}, below 8.0".format(*capability)
    return None


@contextmanager
def precision(device: torch.device, name: str) -> Iterator[None]:
    """On CUDA and within this block: use this device, repeatable operations, and TF32 only for `tf32`.

    With `tf32`, matrix products and convolutions use TF32; otherwise neither does (PyTorch's default is TF32 in
    convolutions). bf16 is handled by `Recogniser`, for its backbone only. PyTorch warns about operations that it cannot
    repeat bit for bit.

    Raises: RunError for a format that the device has not.
    """
    if reason := lacking(device, name):
        raise RunError(f"precision {name}: {reason}; choose float32")
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault(WORKSPACE, ":4096:8")  # without it cuBLAS may add in another order; read at its first product
    with ExitStack() as restored:
        if device.index is not None:
            restored.enter_context(torch.cuda.device(device))
        restored.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
        restored.callback(setattr, torch.backends.cudnn, "allow_tf32", torch.backends.cudnn.allow_tf32)
        restored.callback(setattr, deterministic, FILL, getattr(deterministic, FILL))
        strict = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
        restored.callback(torch.use_deterministic_algorithms, strict[0], warn_only=strict[1])
        torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
        torch.backends.cudnn.allow_tf32 = name == "tf32"
        torch.use_deterministic_algorithms(True, warn_only=True)
        setattr(deterministic, FILL, False)  # it costs a launch for every new tensor, and nobody reads one unwritten
        yield
