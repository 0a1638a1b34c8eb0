"""Every kernel against float64 by other code, and against itself: the same bits twice."""

import os

import torch

from dastm.layers.full_product import full_product
from dastm.model.matching import gram, soft_dtw_diagonal
from dastm.model.matching.rank import nuclear_norm
from dastm.model.matching.soft_dtw import hard_dtw, soft_dtw
from dastm.model.matching.triton_support import missing
from dastm.runs.device import precision
from tests.bench.gpu.findings import Findings, differing, error, value_and_gradients

SIZES = ((40, 40, 25, 256), (200, 40, 25, 256), (650, 65, 18, 256), (30, 30, 64, 192))
"""Query frames, prototype frames, joints, features."""


def activation(found: Findings) -> None:
    """The fused activation distance and its gradients, against the Gram form."""
    if not found.on_gpu and os.environ.get("TRITON_INTERPRET") != "1":
        found.note("activation", "left out: it needs a GPU, or TRITON_INTERPRET=1")
        return
    if reason := missing(found.device if found.on_gpu else None):
        found.note("activation kernels", f"FAIL: {reason}", 0)
        return
    from dastm.model.matching import activation_triton

    for n, m, joints, features in SIZES if found.on_gpu else ((2, 2, 25, 32),):
        inputs = [found.normal(rows, joints, features) / features**0.25 for rows in (n, n, m, m, m)]
        weight = found.normal(n, m)
        exact = value_and_gradients(
            lambda *of: gram.activated_distances(*of, 16), [one.double() for one in inputs], weight
        )
        for name, limit in (("float32", 2e-5), ("tf32", 2e-2)):
            if name in found.precisions:
                with precision(found.device, name):
                    first, again = (
                        value_and_gradients(activation_triton.activated_distances, inputs, weight) for _ in range(2)
                    )
                worst = max(error(one, true) for one, true in zip(first, exact, strict=True))
                title = f"activation {n} x {m}, {joints} joints, {name}"
                found.note(title, worst, limit)
                found.note(f"{title}: results that differ in a second run", differing(first, again), 0)


def alignment(found: Findings) -> None:
    """Soft-DTW, its gradient, and DTW, against plain PyTorch by anti-diagonals."""
    for n, t, s, gamma in ((125, 8, 8, 0.1), (250, 13, 13, 0.01), (64, 50, 64, 0.1), (7, 33, 2, 1e-3)):
        cost, ones = found.normal(n, t, s).abs() * 10, torch.ones(n)
        value, gradient = value_and_gradients(lambda c, gamma=gamma: soft_dtw(c, gamma), [cost], ones)
        exact, kept = soft_dtw_diagonal.forward(cost.double(), gamma, None, keep=True)
        of_exact = soft_dtw_diagonal.backward(kept, gamma, None, torch.ones_like(exact))
        found.note(f"soft-DTW {n} of {t} x {s}", error(value, exact), 1e-6)
        found.note(f"soft-DTW {n} of {t} x {s}: gradient", error(gradient, of_exact), 1e-5)
        found.note(f"DTW {n} of {t} x {s}", error(hard_dtw(cost), soft_dtw_diagonal.hard(cost.double(), None)), 1e-6)


def rank_term(found: Findings) -> None:
    """The nuclear norm and its gradient, against the singular values, for good and bad conditions."""
    n = 240 if found.on_gpu else 8
    for decades in (0, 4):
        left, _, right = torch.linalg.svd(found.normal(n, 25, 256).double(), full_matrices=False)
        values = torch.logspace(0, -decades, 25, dtype=torch.float64, device=found.device)
        matrices = ((left * values) @ right).float()
        norm, gradient = value_and_gradients(nuclear_norm, [matrices], torch.ones(n))
        left, values_NV, right = torch.linalg.svd(matrices.double(), full_matrices=False)
        found.note(f"nuclear norm, condition 1e{decades}", error(norm, values_NV.sum(-1)), 1e-6)
        found.note(f"nuclear norm, condition 1e{decades}: gradient", error(gradient, left @ right), 1e-5)


def full_digits(found: Findings) -> None:
    """Means of examples and turns of coordinates, which no number format may shorten."""
    first, second = found.normal(5, 25), found.normal(25, 4096)
    true = first.double() @ second.double()
    for name in found.precisions:
        with precision(found.device, name):
            found.note(f"full product, {name}", error(full_product(first, second), true), 1e-6)
