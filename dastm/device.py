"""Which device, and in which precision: decided in one place."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dastm.errors import RunError


def pick_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one, else the CPU; RunError for a device that is not there."""
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
    """tf32: matrix products on CUDA within this block. bf16 is `Recogniser`'s own affair: only its backbone has it."""
    if name == "tf32" and device.type != "cuda":
        raise RunError("precision tf32: only on CUDA; on the CPU set optimise.precision to float32 or bf16")
    if name != "tf32":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
