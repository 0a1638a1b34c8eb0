"""What the card is, and how fast it copies and multiplies: nothing here can be faster."""

import torch

from dastm.runs.device import accelerator, precision
from tests.bench.gpu.findings import Findings


def ceilings(found: Findings) -> None:
    """Bytes a second of a copy, operations a second of a large product in each number format."""
    found.note("machine", f"torch {torch.__version__} {accelerator(found.device)}")
    block = torch.empty(1 << (30 if found.on_gpu else 20), dtype=torch.uint8, device=found.device)
    found.note("copy, TB/s", 2 * block.nbytes / found.milliseconds(block.clone)[0] / 1e9)
    size = 8192 if found.on_gpu else 256
    for name in found.precisions:
        with precision(found.device, name):
            dtype = torch.bfloat16 if name == "bf16" else torch.float32
            first, second = found.normal(size, size).to(dtype), found.normal(size, size).to(dtype)
            taken = found.milliseconds(lambda a=first, b=second: a @ b, 5)[0]
            found.note(f"product {name}, TFLOP/s", 2 * size**3 / taken / 1e9)
