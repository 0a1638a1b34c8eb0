"""The backbone's work: gradients of all weights in training, none in evaluation, in the precision that is asked for."""

import pytest
import torch

from dastm.bench import backbone
from dastm.bench.backbone import backbone_cases, backbone_evaluation, backbone_training, matrix_product
from dastm.bench.case import Setting
from dastm.bench.measure import count_flops
from dastm.contract.skeleton import LAYOUTS
from dastm.model.backbones import BACKBONES

CPU = Setting(device=torch.device("cpu"))
BF16 = Setting(device=CPU.device, precision="bf16")


def small(setting, *, training):
    network = BACKBONES["st_gcn"](LAYOUTS["ntu25"], n_blocks=4).train(training)
    return network, setting.normal(2, 6, 25, 3)


def test_cases_are_trained_and_evaluated_against_a_product():
    found = backbone_cases()
    assert list(found) == [f"backbone of {n} blocks, {doing}" for n in (10, 4) for doing in ("training", "evaluation")]
    for case in found.values():
        assert list(case.variants) == ["ours", "matrix product"]
        assert case.limit == "matrix product"


def test_training_gives_the_gradient_of_every_weight():
    network, bodies = small(CPU, training=True)
    grads = backbone_training(CPU, network, bodies)()
    weights = list(network.parameters())
    network(bodies).sum().backward()
    assert len(grads) == len(weights)
    for grad, weight in zip(grads, weights, strict=True):
        torch.testing.assert_close(grad, weight.grad, rtol=1e-3, atol=1e-3)


def test_training_costs_about_three_times_the_operations_of_evaluation():
    counts = []
    for training, work in ((True, backbone_training), (False, backbone_evaluation)):
        counts.append(count_flops(work(CPU, *small(CPU, training=training))))
    assert 2.5 < counts[0] / counts[1] < 3.1


def test_in_bf16_the_features_are_bf16(monkeypatch):
    seen = []
    genuine = backbone._features

    def features(*inputs):
        seen.append(genuine(*inputs).dtype)
        return genuine(*inputs)

    monkeypatch.setattr(backbone, "_features", features)
    for setting in (CPU, BF16):
        backbone_evaluation(setting, *small(setting, training=False))()
    assert seen == [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("setting", [CPU, BF16], ids=["float32", "bf16"])
def test_the_product_is_a_product_in_the_precision_of_the_backbone(monkeypatch, setting):
    monkeypatch.setitem(backbone.PRODUCT_SIZE, "cpu", 16)
    product = matrix_product(setting)()
    dtype = torch.bfloat16 if setting.bf16 else torch.float32
    left, right = (setting.normal(16, 16, seed=seed).to(dtype) for seed in (0, 1))
    torch.testing.assert_close(product, left @ right)
