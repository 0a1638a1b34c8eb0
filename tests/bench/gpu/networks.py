"""Gradients of every weight of every backbone against float64 on the CPU.

cuDNN has returned wrong weight gradients of convolutions on Hopper (https://github.com/pytorch/pytorch/issues/150700).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dastm.contract.skeleton import LAYOUTS
from dastm.model.backbones import BACKBONES
from dastm.runs.device import precision
from tests.bench.gpu.findings import Findings

LIMITS = {"tf32": 0.15, "bf16": 0.6}


def weight_gradients(found: Findings) -> None:
    """The worst weight of each backbone; what float32 itself loses is told by the CPU."""
    generator = torch.Generator().manual_seed(0)
    for name, backbone in BACKBONES.items():
        exact = backbone(LAYOUTS["ntu25"]).double().train()
        state = {key: value.clone() for key, value in exact.state_dict().items()}
        bodies = torch.randn(6 if found.on_gpu else 2, 30, 25, 3, generator=generator)
        features = exact(bodies.double())
        grad = torch.randn(features.shape, generator=generator)
        true = torch.autograd.grad(features, list(exact.parameters()), grad.double())

        usual = _worst(_gradients(name, state, bodies, grad, "float32", torch.device("cpu")), true)
        found.note(f"{name}: weight gradients, float32 on the CPU", usual)
        for kind in found.precisions if found.on_gpu else ():
            own = _gradients(name, state, bodies, grad, kind, found.device)
            found.note(f"{name}: weight gradients, {kind}", _worst(own, true), LIMITS.get(kind, 5 * usual + 1e-4))


def _gradients(
    name: str, state: Mapping[str, Tensor], bodies: Tensor, grad: Tensor, kind: str, device: torch.device
) -> Sequence[Tensor]:
    ours = BACKBONES[name](LAYOUTS["ntu25"]).train()
    ours.load_state_dict(state)
    ours.to(device)
    with precision(device, kind):
        with torch.autocast(device.type, torch.bfloat16, enabled=kind == "bf16"):
            features = ours(bodies.to(device))
        return torch.autograd.grad(features.float(), list(ours.parameters()), grad.to(device))


def _worst(found: Sequence[Tensor], true: Sequence[Tensor]) -> float:
    """Relative to the largest gradient where one is nothing beside it: a bias before a batch norm has gradient zero."""
    least = 1e-3 * max(one.norm() for one in true)
    pairs = zip(found, true, strict=True)
    return max(float((own.double().cpu() - one).norm() / one.norm().clamp_min(least)) for own, one in pairs)
