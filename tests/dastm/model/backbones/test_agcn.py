"""2s-AGCN against its restatement, and against the symmetries it must have."""

import numpy as np
import pytest
import torch
from torch import Tensor

from dastm.contract.skeleton import NTU25, Layout
from dastm.layers.blocks import BlockShape
from dastm.model.backbones.agcn import AGCN, Block
from tests.oracles import agcn as oracle

FORK = Layout(name="fork", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)), hub=0)


def draw(generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=generator)


def randomised(module: torch.nn.Module, generator: torch.Generator) -> torch.nn.Module:
    """Every parameter away from special values such as one and zero."""
    for parameter in module.parameters():
        parameter.data = 0.4 * draw(generator, *parameter.shape) + 0.2
    return module


def as_arrays(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def make_block(
    channels: tuple[int, int], stride: int, first: bool, generator: torch.Generator, pair_norm: float = 0.0
) -> Block:
    block = Block(BlockShape(*channels, stride, first), n_joints=4, kernel=5, pair_norm=pair_norm)
    return randomised(block.double(), generator)


@pytest.mark.parametrize(
    ("channels", "stride", "first"),
    [((3, 8), 1, True), ((8, 8), 1, False), ((4, 8), 2, False), ((8, 8), 2, False), ((3, 4), 1, False)],
)
@pytest.mark.parametrize("n_frames", [1, 6, 7])
@pytest.mark.parametrize("pair_norm", [0.0, 2.0])
def test_a_block_equals_the_restatement(channels, stride, first, n_frames, pair_norm, generator):
    block = make_block(channels, stride, first, generator, pair_norm)
    x_BCTV, A_KVV = draw(generator, 2, channels[0], n_frames, 4), draw(generator, 3, 4, 4)
    expected = oracle.block(x_BCTV.numpy(), A_KVV.numpy(), as_arrays(block), stride, first, pair_norm)
    np.testing.assert_allclose(block(x_BCTV, A_KVV).detach().numpy(), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("channels", "stride"), [((3, 4), 2), ((4, 4), 1)])
def test_gradients_of_a_block_are_those_of_finite_differences(channels, stride, generator):
    block = make_block(channels, stride, False, generator).eval()
    x_BCTV, A_KVV = draw(generator, 2, channels[0], 3, 4).requires_grad_(), draw(generator, 3, 4, 4).requires_grad_()
    names = list(dict(block.named_parameters()))

    def run(x: Tensor, A: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(block, dict(zip(names, values, strict=True)), (x, A))

    assert torch.autograd.gradcheck(run, (x_BCTV, A_KVV, *block.parameters()), fast_mode=True)


@pytest.mark.parametrize("body_slots", [1, 2])
def test_the_whole_network_chains_norm_and_blocks(body_slots, generator):
    model = AGCN(FORK, n_blocks=4, body_slots=body_slots).double()
    for parameter in model.parameters():
        if parameter.ndim < 4:  # all but convolutions, which are drawn already: larger ones would saturate the softmax
            parameter.data = 0.4 * draw(generator, *parameter.shape) + 0.2
    bodies_BTVC = draw(generator, 4, 5, 4, 3)
    expected = restated_network(bodies_BTVC.numpy(), as_arrays(model), body_slots)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(model(bodies_BTVC).detach().numpy() / scale, expected / scale, rtol=0, atol=1e-9)


def restated_network(bodies_BTVC: np.ndarray, weights: dict[str, np.ndarray], n_slots: int) -> np.ndarray:
    """Four blocks on a FORK. Weights of the norm are stored slot after slot, joint after joint."""
    weight, bias = (weights[f"data_bn.{name}"].reshape(n_slots, 4, 3) for name in ("weight", "bias"))
    normal = np.empty_like(bodies_BTVC)
    for slot in range(n_slots):
        own = bodies_BTVC[slot::n_slots]
        deviation = np.sqrt(own.var(axis=(0, 1)) + 1e-5)
        normal[slot::n_slots] = (own - own.mean(axis=(0, 1))) / deviation * weight[slot] + bias[slot]
    x = normal.transpose(0, 3, 1, 2)
    for i, stride in enumerate((1, 1, 2, 2)):
        own = {name.removeprefix(f"l{i + 1}."): value for name, value in weights.items()}
        x = oracle.block(x, oracle.directed_partition(FORK), own, stride, first=i == 0)
    return x.transpose(0, 2, 3, 1)


def test_state_dict_has_the_published_names():
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    convs = ("gcn1.conv_a.0", "gcn1.conv_a.1", "gcn1.conv_a.2", "gcn1.conv_b.0", "gcn1.conv_b.1", "gcn1.conv_b.2")
    convs += ("gcn1.conv_d.0", "gcn1.conv_d.1", "gcn1.conv_d.2", "tcn1.conv")
    expected = {f"data_bn.{n}" for n in norm}
    for i in range(1, 11):
        down, residual = i in (1, 5, 8), i in (5, 8)
        own_convs = (*convs, *["gcn1.down.0"] * down, *["residual.conv"] * residual)
        own_norms = ("gcn1.bn", "tcn1.bn", *["gcn1.down.1"] * down, *["residual.bn"] * residual)
        expected |= {f"l{i}.{conv}.{n}" for conv in own_convs for n in ("weight", "bias")}
        expected |= {f"l{i}.{bn}.{n}" for bn in own_norms for n in norm} | {f"l{i}.gcn1.PA"}
    assert set(AGCN(NTU25, pair_norm=1.0, drop_edge=0.1).state_dict()) == expected


def test_the_graph_of_a_clip_depends_on_the_clip(generator):
    gcn = make_block((4, 8), 1, False, generator).gcn1
    x_BTVC = draw(generator, 2, 5, 4, 4)
    graphs_BKVV = gcn._own_graphs(x_BTVC)
    torch.testing.assert_close(graphs_BKVV.sum(dim=2), torch.ones(2, 3, 4, dtype=torch.float64))
    assert not torch.allclose(graphs_BKVV[0], graphs_BKVV[1], rtol=1e-2)
    torch.testing.assert_close(gcn._own_graphs(x_BTVC[:, [4, 2, 0, 1, 3]]), graphs_BKVV)


def test_weights_have_the_published_distribution(generator):
    model = AGCN(NTU25)
    model.reset(generator)
    block = model.l8
    expected = {
        block.gcn1.conv_a[1]: (2 / 64) ** 0.5,
        block.gcn1.conv_b[0]: (2 / 64) ** 0.5,
        block.gcn1.conv_d[2]: (2 / (256 * 128 * 3)) ** 0.5,
        block.gcn1.down[0]: (2 / 256) ** 0.5,
        block.tcn1.conv: (2 / (256 * 9)) ** 0.5,
        block.residual.conv: (2 / 256) ** 0.5,
    }
    for conv, std in expected.items():
        assert conv.weight.std().item() == pytest.approx(std, rel=0.05)
        assert abs(conv.weight.mean().item()) < std / 20
        assert not conv.bias.any()
    small = torch.tensor(1e-6)
    for name, value in model.named_parameters():
        if name.endswith(("gcn1.bn.weight", "PA")):
            assert torch.equal(value, small.expand_as(value))
        elif name.endswith(("bn.weight", "down.1.weight")):
            assert torch.equal(value, torch.ones_like(value))
