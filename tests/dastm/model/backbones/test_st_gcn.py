"""ST-GCN against its restatement, in evaluation against its single layers, and against the symmetries it must have."""

import numpy as np
import pytest
import torch
from torch import Tensor

from dastm.contract.skeleton import NTU25, Layout
from dastm.layers.blocks import BlockShape
from dastm.layers.graph import spatial_partition
from dastm.model.backbones.st_gcn import STGCN, Block, Graph, graphs
from tests.oracles import st_gcn as oracle

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

FORK = Layout(name="fork", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)), hub=0)


CASES = [((3, 6), 1, True), ((5, 5), 1, False), ((4, 6), 2, False), ((4, 4), 2, False)]


def draw(generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=generator)


def randomised(module: torch.nn.Module, generator: torch.Generator) -> torch.nn.Module:
    """Every parameter away from special values such as one and zero."""
    for parameter in module.parameters():
        parameter.data = 0.4 * draw(generator, *parameter.shape) + 0.2
    return module


@pytest.mark.parametrize(
    ("channels", "stride", "first"),
    [*CASES, ((3, 4), 1, False)],
)
@pytest.mark.parametrize("n_frames", [1, 6, 7])
@pytest.mark.parametrize("pair_norm", [0.0, 2.0])
def test_a_block_equals_the_restatement(channels, stride, first, n_frames, pair_norm, generator):
    block = Block(BlockShape(*channels, stride, first), kernel=5, pair_norm=pair_norm).double()
    randomised(block, generator)
    x_BCTV, A_PVV = draw(generator, 2, channels[0], n_frames, 4), draw(generator, 3, 4, 4)
    weights = {name: value.detach().numpy() for name, value in block.state_dict().items()}
    expected = oracle.block(x_BCTV.numpy(), A_PVV.numpy(), weights, stride, first, pair_norm)
    np.testing.assert_allclose(block(x_BCTV, of(A_PVV)).detach().numpy(), expected, rtol=1e-10, atol=1e-10)


def of(A_PVV: Tensor) -> Graph:
    """The adjacency of one block as it takes it."""
    return graphs(A_PVV[None])[0]


def unfused(block: Block, x_BCTV: Tensor, A_PVV: Tensor) -> Tensor:
    """The block layer after layer, as in training but with the layers in the mode that they are in."""
    y_BCTV = block.tcn(block.gcn(x_BCTV, of(A_PVV)))
    return torch.relu(y_BCTV if block.residual is None else y_BCTV + block.residual(x_BCTV))


def with_statistics(module: torch.nn.Module, generator: torch.Generator) -> torch.nn.Module:
    """Random parameters and running statistics, in evaluation."""
    randomised(module, generator)
    for name, buffer in module.named_buffers():
        if "running" in name:
            buffer.copy_(draw(generator, *buffer.shape).abs() + 0.3)
    return module.eval()


@pytest.mark.parametrize(("channels", "stride", "first"), CASES)
@pytest.mark.parametrize("pair_norm", [0.0, 2.0])
def test_in_evaluation_norms_folded_into_convolutions_change_nothing(channels, stride, first, pair_norm, generator):
    block = Block(BlockShape(*channels, stride, first, dropout=0.5), kernel=5, pair_norm=pair_norm).double()
    x_BCTV, A_PVV = draw(generator, 2, channels[0], 7, 4), draw(generator, 3, 4, 4)
    for _ in range(2):  # weights that changed since the last call count
        with_statistics(block, generator)
        torch.testing.assert_close(block(x_BCTV, of(A_PVV)), unfused(block, x_BCTV, A_PVV), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pair_norm", [0.0, 2.0])
def test_in_float32_folded_norms_are_as_precise_as_the_norms(pair_norm, generator):
    block = Block(BlockShape(16, 32, 2), pair_norm=pair_norm)
    with_statistics(block, generator).float()
    x_BCTV, A_PVV = draw(generator, 3, 16, 9, 5, dtype=torch.float32), draw(generator, 3, 5, 5, dtype=torch.float32)
    with torch.inference_mode():
        fused = block(x_BCTV, of(A_PVV))
    expected = unfused(block.double(), x_BCTV.double(), A_PVV.double())
    assert fused.dtype == torch.float32
    assert (fused - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("pair_norm", [0.0, 2.0])
def test_bf16_is_left_to_the_layers(training, pair_norm, generator):
    block = Block(BlockShape(16, 32, 2), pair_norm=pair_norm)
    with_statistics(block, generator).float().train(training)
    x_BCTV, A_PVV = draw(generator, 3, 16, 9, 5, dtype=torch.float32), draw(generator, 3, 5, 5, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y_BCTV = block(x_BCTV, of(A_PVV))
        assert y_BCTV.dtype == torch.bfloat16
        assert torch.equal(y_BCTV, unfused(block, x_BCTV, A_PVV))


@pytest.mark.parametrize(("training", "pair_norm"), [(False, 0.0), (True, 0.0), (False, 2.0)])
def test_gradients_of_a_block_are_those_of_finite_differences(training, pair_norm, generator):
    block = Block(BlockShape(3, 4, 2), kernel=3, pair_norm=pair_norm).double()
    randomised(block.train(training), generator)
    x_BCTV, A_PVV = draw(generator, 2, 3, 4, 4).requires_grad_(), draw(generator, 3, 4, 4).requires_grad_()
    names = list(dict(block.named_parameters()))

    def run(x: Tensor, A: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(block, dict(zip(names, values, strict=True)), (x, of(A)))

    assert torch.autograd.gradcheck(run, (x_BCTV, A_PVV, *block.parameters()), fast_mode=True)


def test_the_whole_network_chains_norm_importances_and_blocks(generator):
    model = STGCN(FORK, n_blocks=4).double()
    randomised(model, generator)
    bodies_BTVC = draw(generator, 2, 5, 4, 3)
    # norm of every (joint, coordinate) over bodies and frames; weights are stored joint after joint
    weight, bias = (p.detach().view(4, 3) for p in (model.data_bn.weight, model.data_bn.bias))
    mean, variance = bodies_BTVC.mean(dim=(0, 1)), bodies_BTVC.var(dim=(0, 1), unbiased=False)
    x = ((bodies_BTVC - mean) / (variance + 1e-5).sqrt() * weight + bias).permute(0, 3, 1, 2).numpy()
    strides = (1, 1, 2, 2)
    for i, (block, importance) in enumerate(zip(model.st_gcn_networks, model.edge_importance, strict=True)):
        weights = {name: value.detach().numpy() for name, value in block.state_dict().items()}
        x = oracle.block(x, (spatial_partition(FORK) * importance).detach().numpy(), weights, strides[i], first=i == 0)
    features = model(bodies_BTVC).detach().numpy()
    scale = np.abs(x).max()
    np.testing.assert_allclose(features / scale, x.transpose(0, 2, 3, 1) / scale, rtol=0, atol=1e-10)


def test_without_edge_importance_the_adjacency_is_used_as_it_is(generator):
    with_it = STGCN(FORK, n_blocks=4).eval()
    without = STGCN(FORK, n_blocks=4, edge_importance=False).eval()
    bodies = draw(generator, 2, 5, 4, 3, dtype=torch.float32)
    assert not any(name.startswith("edge_importance") for name, _ in without.named_parameters())
    assert torch.equal(with_it(bodies), without(bodies))


def test_state_dict_has_the_published_names():
    names = set(STGCN(NTU25).state_dict())
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    expected = {"A", *(f"data_bn.{n}" for n in norm), *(f"edge_importance.{i}" for i in range(10))}
    for i in range(10):
        block = f"st_gcn_networks.{i}"
        expected |= {f"{block}.{conv}.{n}" for conv in ("gcn.conv", "tcn.2") for n in ("weight", "bias")}
        expected |= {f"{block}.tcn.{j}.{n}" for j in (0, 3) for n in norm}
        if i in (4, 7):
            expected |= {f"{block}.residual.0.{n}" for n in ("weight", "bias")}
            expected |= {f"{block}.residual.1.{n}" for n in norm}
    assert names == expected


def test_weights_have_the_default_distribution(generator):
    model = STGCN(NTU25)
    model.reset(generator)
    conv = model.st_gcn_networks[3].tcn[2]
    bound = (64 * 9) ** -0.5
    for parameter in conv.parameters():
        assert parameter.abs().max() <= bound
        assert parameter.std().item() == pytest.approx(bound / 3**0.5, rel=0.2)
    assert all(torch.equal(p, torch.ones_like(p)) for p in model.edge_importance)


def test_gradients_are_the_same_bits_every_time(generator):
    model, bodies = STGCN(NTU25, n_blocks=4), draw(generator, 4, 12, 25, 3, dtype=torch.float32)

    def gradients() -> list[Tensor]:
        return list(torch.autograd.grad(model(bodies).square().sum(), list(model.parameters())))

    assert all(torch.equal(a, b) for a, b in zip(gradients(), gradients(), strict=True))
