"""Compiles the Triton kernels for GPUs that need not be there, exactly as a launch would, and prints a JSON line each.

Run as `python -m tests.compile_kernels 80 90`: one process of its own, without Triton's interpreter. The launches are
those of the functions users call, with tensors of the CPU; the driver is a pretended one, and nothing is run.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget

from dastm.model.matching import activation_triton, polar, polar_triton, soft_dtw_triton


class PretendedDriver:
    """What a launch asks of a driver before it runs anything; every architecture is a device of its own."""

    def __init__(self, capability: int):
        self.capability = capability

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self.capability, 32)

    def get_current_device(self) -> int:
        return self.capability

    def get_current_stream(self, device: int) -> int:
        return 0


def soft_dtw(n_frames: int, dtype: torch.dtype) -> None:
    cost = torch.zeros(2, n_frames, 8, dtype=dtype)
    values, kept = soft_dtw_triton.forward(cost, 0.1, None, keep=True)
    soft_dtw_triton.forward(cost, 0.1, 4, keep=False)
    soft_dtw_triton.backward(kept, 0.1, None, torch.ones_like(values))
    soft_dtw_triton.hard(cost, None)


def activation(n_joints: int, n_channels: int, dtype: torch.dtype) -> None:
    frames = (torch.zeros(n, n_joints, n_channels, dtype=dtype, requires_grad=True) for n in (3, 3, 2, 2, 2))
    activation_triton.activated_distances(*frames).sum().backward()


def roots(n_joints: int) -> None:
    polar_triton.inverse_roots(torch.zeros(2, n_joints, n_joints, dtype=torch.float64), polar.STEPS)


def stack_bytes(cubin: bytes) -> int:
    """Local memory of a thread, spilled registers above all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(cubin)
        command = [triton.knobs.nvidia.cuobjdump.path, "--dump-resource-usage", str(path)]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(re.search(r"STACK:(\d+)", listing)[1])


def main(capabilities: list[int]) -> None:
    launch = triton.JITFunction.run

    def compile_only(self, *args, grid, warmup, **options):
        kernel = launch(self, *args, grid=grid, warmup=True, **options)
        facts = {
            "kernel": self.__name__,
            "target": kernel.metadata.target.arch,
            "shared": kernel.metadata.shared,
            "cubin": len(kernel.asm["cubin"]),
            "stack": stack_bytes(kernel.asm["cubin"]),
        }
        sys.stdout.write(json.dumps(facts) + "\n")

    triton.JITFunction.run = compile_only
    for capability in capabilities:
        triton.runtime.driver.set_active(PretendedDriver(capability))
        soft_dtw(8, torch.float32)
        soft_dtw(50, torch.bfloat16)
        activation(25, 64, torch.float32)
        torch.set_float32_matmul_precision("high")
        activation(64, 64, torch.float32)
        activation(18, 64, torch.bfloat16)
        activation(1, 1, torch.float32)
        torch.set_float32_matmul_precision("highest")
        roots(18)
        roots(32)


if __name__ == "__main__":
    main([int(capability) for capability in sys.argv[1:]])
