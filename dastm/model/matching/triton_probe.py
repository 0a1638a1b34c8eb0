"""The smallest kernel there is, to find out whether Triton can build and launch one: that takes a C compiler as well.

In: a device. Out: nothing, or whatever Triton raises.
"""

import torch
import triton
import triton.language as tl


@triton.jit
def _write_one(out: torch.Tensor) -> None:
    tl.store(out, 1)


def launch(device: str = "cuda") -> None:
    """Build the kernel and wait for its result on a device, the current GPU."""
    out = torch.zeros(1, dtype=torch.int32, device=device)
    _write_one[(1,)](out)
    if out.item() != 1:
        raise RuntimeError(f"a kernel wrote {out.item()} in place of 1")
