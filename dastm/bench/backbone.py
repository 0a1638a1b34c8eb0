"""The backbone on 30 bodies of 30 frames, in training (forward, backward) and in evaluation, against a large matrix
product: how much of the rate at which the machine multiplies matrices it reaches.
"""

import torch
from torch import Tensor, nn

from dastm.bench.case import Case, Setting, Work
from dastm.contract.skeleton import LAYOUTS
from dastm.model.backbones import BACKBONES

PRODUCT_SIZE = {"cpu": 2048, "cuda": 8192}


def backbone_cases() -> dict[str, Case]:
    """The cases, by name."""
    return {
        f"backbone of {n_blocks} blocks, {'training' if training else 'evaluation'}": backbone_case(n_blocks, training)
        for n_blocks in (10, 4)
        for training in (True, False)
    }


def backbone_case(n_blocks: int, training: bool) -> Case:
    """ST-GCN of this number of blocks."""

    def ours(setting: Setting) -> Work:
        network = BACKBONES["st_gcn"](LAYOUTS["ntu25"], n_blocks=n_blocks).to(setting.device).train(training)
        bodies = setting.normal(30, 30, 25, 3)
        return (backbone_training if training else backbone_evaluation)(setting, network, bodies)

    return Case(variants={"ours": ours, "matrix product": matrix_product}, limit="matrix product")


def backbone_training(setting: Setting, network: nn.Module, bodies_BTVC: Tensor) -> Work:
    """The forward and the backward pass, from a gradient of the features to those of the weights."""
    weights = list(network.parameters())
    grad = torch.ones_like(_features(setting, network, bodies_BTVC).detach())
    return lambda: torch.autograd.grad(_features(setting, network, bodies_BTVC), weights, grad)


def backbone_evaluation(setting: Setting, network: nn.Module, bodies_BTVC: Tensor) -> Work:
    """The forward pass without gradients."""

    def work() -> None:
        with torch.inference_mode():
            _features(setting, network, bodies_BTVC)

    return work


def matrix_product(setting: Setting) -> Work:
    """One product of two large square matrices, in the precision of the backbone."""
    size, dtype = PRODUCT_SIZE[setting.device.type], torch.bfloat16 if setting.bf16 else torch.float32
    left, right = (setting.normal(size, size, seed=seed).to(dtype) for seed in (0, 1))
    product = torch.empty_like(left)
    return lambda: torch.mm(left, right, out=product)


def _features(setting: Setting, network: nn.Module, bodies_BTVC: Tensor) -> Tensor:
    with torch.autocast(setting.device.type, torch.bfloat16, enabled=setting.bf16):
        features_BTVD: Tensor = network(bodies_BTVC)
    return features_BTVD
