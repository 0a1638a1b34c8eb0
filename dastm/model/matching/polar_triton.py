"""Inverse square roots of Gram matrices on a GPU: a Triton kernel that takes all steps of `polar`, a matrix a program.

In and out as `polar.inverse_roots`. The four n x n matrices of a step stay in the registers of a block; products are in
float64.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from dastm.model.matching.triton_support import MAX_ROWS, launch_on


def inverse_roots(gram_NVV: Tensor, steps: int) -> Tensor:
    """G^-1/2 of symmetric matrices whose eigenvalues lie within 0..1 -> the same shape, float64.

    Raises: ValueError for matrices above MAX_ROWS.
    """
    n_joints = gram_NVV.shape[-1]
    if n_joints > MAX_ROWS:
        raise ValueError(f"the kernel takes up to {MAX_ROWS} joints, got {n_joints}")
    roots_NVV = torch.empty_like(gram_NVV)
    with launch_on(gram_NVV):
        _root_kernel[(len(gram_NVV),)](
            *(gram_NVV.contiguous(), roots_NVV, n_joints),
            STEPS=steps,
            JOINTS=max(16, triton.next_power_of_2(n_joints)),
        )
    return roots_NVV


@triton.jit(do_not_specialize=["n_joints"])
def _root_kernel(
    gram: tl.tensor, roots: tl.tensor, n_joints: tl.int32, STEPS: tl.constexpr, JOINTS: tl.constexpr
) -> None:
    i = tl.arange(0, JOINTS)[:, None]
    j = tl.arange(0, JOINTS)[None, :]
    at = tl.program_id(0).to(tl.int64) * n_joints * n_joints + i * n_joints + j
    inside = (i < n_joints) & (j < n_joints)
    identity = tl.where(i == j, 1.0, 0.0).to(tl.float64)
    y = tl.load(gram + at, mask=inside, other=0.0)
    z = identity
    for _ in range(STEPS):
        t = tl.dot(z, y, out_dtype=tl.float64)
        p = identity * 1.875 - t * 1.25 + tl.dot(t, t, out_dtype=tl.float64) * 0.375
        y = tl.dot(y, p, out_dtype=tl.float64)
        z = tl.dot(p, z, out_dtype=tl.float64)
    tl.store(roots + at, z, mask=inside)
