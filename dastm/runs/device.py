"""Which device, and in which precision: decided in one place."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dastm.contract.errors import RunError


def pick_device(name: str) -> torch.device:
    """`auto` is the GPU if the machine has one, else the CPU; RunError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise RunError(f"device {name!r}: write auto, cpu, cuda or cuda:0") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise RunError(f"device {name!r}: there are {torch.cuda.device_count()} CUDA devices here")
    if device.type not in ("cpu", "cuda"):
        raise RunError(f"device {name!r}: write auto, cpu, cuda or cuda:0")
    return device


@contextmanager
def precision(device: torch.device, name: str) -> Iterator[None]:
    """On CUDA and within this block: TF32 in matrix products and convolutions for `tf32`, in neither for other names.

    PyTorch left alone has it in convolutions. bf16 is `Recogniser`'s own affair: only its backbone has it.
    """
    if name == "tf32" and device.type != "cuda":
        raise RunError("precision tf32: only on CUDA; on the CPU set optimise.precision to float32 or bf16")
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = name == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
