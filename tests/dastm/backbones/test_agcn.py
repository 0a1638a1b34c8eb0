"""2s-AGCN against its restatement, and against the symmetries it must have."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from dastm.backbones.agcn import AGCN, Block, directed_partition
from dastm.dropout import Dropout, reseed_dropout
from dastm.skeleton import LAYOUTS, NTU25, Layout
from tests.oracles import agcn as oracle

FORK = Layout(name="fork", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)), hub=0)
# a joint that hangs on two, and no root besides 0
RING = Layout(name="ring", joints=("a", "b", "c"), bones=((1, 0), (2, 0), (1, 2)), hub=0)
PLANE = Layout(name="plane", joints=("a", "b"), bones=((1, 0),), coordinates=("x", "y"))
ALONE = Layout(name="alone", joints=("a",), bones=())


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
    options = {"temporal_kernel": 5, "dropout": 0.0, "first": first, "pair_norm": pair_norm}
    block = Block(channels, n_joints=4, stride=stride, **options).double()
    return randomised(block, generator)


def test_partition_of_a_fork_is_the_one_worked_out_by_hand():
    inward = [[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    outward = [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1 / 2, 0, 0], [0, 1 / 2, 0, 0]]
    assert directed_partition(FORK).tolist() == [torch.eye(4).tolist(), inward, outward]


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), FORK, RING, PLANE, ALONE], ids=lambda layout: layout.name)
def test_partition_equals_the_restatement(layout):
    np.testing.assert_allclose(directed_partition(layout).numpy(), oracle.directed_partition(layout), rtol=1e-7)


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


@pytest.mark.parametrize("n_blocks", [4, 7, 10])
def test_shapes(n_blocks):
    model = AGCN(PLANE, n_blocks=n_blocks).eval()
    assert len(model.strides) == n_blocks
    for n_frames, m in ((30, 8), (50, 13), (1, 1)):
        features = model(torch.zeros(1, n_frames, 2, 2))
        assert features.shape == (1, m, 2, model.n_features) == (1, model.n_frames_out(n_frames), 2, 256)
        assert features.is_contiguous()  # matching can view them


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


def relabelled(layout: Layout, order: list[int]) -> Layout:
    """New joint i is old joint order[i]."""
    new = {old: i for i, old in enumerate(order)}
    joints, moved = tuple(layout.joints[old] for old in order), tuple((new[a], new[b]) for a, b in layout.bones)
    return dataclasses.replace(layout, joints=joints, bones=moved, hub=new[layout.hub])


def test_relabelling_the_joints_of_layout_and_input_permutes_the_features(generator):
    order = torch.randperm(25, generator=generator).tolist()
    bodies = draw(generator, 3, 6, 25, 3)

    def features(layout: Layout, bodies: Tensor) -> Tensor:
        model = AGCN(layout, n_blocks=4).double()
        for block in model.blocks:
            block.gcn1.bn.weight.data.fill_(1.0)  # at 1e-6 the graphs would count for nothing beside the residual
        return model(bodies)

    expected = features(NTU25, bodies)[:, :, order]
    permuted = features(relabelled(NTU25, order), bodies[:, :, order])
    torch.testing.assert_close(permuted, expected, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(features(NTU25, bodies[:, :, order]), expected, rtol=1e-2)


def test_the_graph_of_a_clip_depends_on_the_clip(generator):
    gcn = make_block((4, 8), 1, False, generator).gcn1
    x_BTVC = draw(generator, 2, 5, 4, 4)
    graphs_BKVV = gcn._own_graphs(x_BTVC)
    torch.testing.assert_close(graphs_BKVV.sum(dim=2), torch.ones(2, 3, 4, dtype=torch.float64))
    assert not torch.allclose(graphs_BKVV[0], graphs_BKVV[1], rtol=1e-2)
    torch.testing.assert_close(gcn._own_graphs(x_BTVC[:, [4, 2, 0, 1, 3]]), graphs_BKVV)


def test_weights_follow_from_the_seed_alone():
    model = AGCN(FORK, n_blocks=4)

    def weights(seed: int) -> list[Tensor]:
        model.reset(torch.Generator().manual_seed(seed))
        return [value.clone() for value in model.state_dict().values()]

    first, other = weights(1), weights(2)
    model.train()(torch.ones(2, 3, 4, 3)).sum().backward()  # moves the running statistics
    randomised(model, torch.Generator().manual_seed(9)).float()
    assert all(torch.equal(a, b) for a, b in zip(first, weights(1), strict=True))
    changed = [not torch.equal(a, b) for a, b in zip(first, other, strict=True)]
    # nine in a graph convolution and one over time a block; downs of blocks 1, 3, 4; projections of 3, 4
    assert sum(changed) == 4 * 10 + 3 + 2


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


def test_the_global_generator_is_neither_read_nor_moved():
    before = torch.get_rng_state()
    first = AGCN(FORK, n_blocks=4)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        second = AGCN(FORK, n_blocks=4)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_dropout_is_in_every_block_but_the_first_and_follows_from_its_seed(generator):
    bodies = draw(generator, 2, 6, 4, 3, dtype=torch.float32)
    model = AGCN(FORK, n_blocks=4, dropout=0.5)
    assert [layer.p for layer in model.modules() if isinstance(layer, Dropout)] == [0.0, 0.5, 0.5, 0.5]

    def features(seed: int) -> Tensor:
        reseed_dropout(model, seed)
        return model(bodies)

    assert torch.equal(features(1), features(1))
    assert not torch.equal(features(1), features(2))
    assert torch.equal(AGCN(FORK, n_blocks=4, dropout=0.5).eval()(bodies), AGCN(FORK, n_blocks=4).eval()(bodies))


def test_in_evaluation_bodies_do_not_see_each_other(generator):
    model = AGCN(FORK, n_blocks=4).double()
    bodies = draw(generator, 3, 5, 4, 3)
    model(bodies)  # running statistics that are not the initial ones
    model.eval()
    alone = torch.cat([model(body[None]) for body in bodies])
    torch.testing.assert_close(model(bodies), alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_blocks": 5}, "n_blocks: one of 10, 7, 4, got 5"),
        ({"temporal_kernel": 8}, "temporal_kernel: an odd number of frames, got 8"),
        ({"temporal_kernel": -1}, "temporal_kernel: an odd number of frames, got -1"),
        ({"dropout": 1.0}, "dropout: a probability"),
        ({"pair_norm": -1.0}, "pair_norm: a scale"),
        ({"drop_edge": 1.0}, "drop_edge: a share"),
        ({"body_slots": 0}, "body_slots: at least 1"),
    ],
)
def test_options_that_make_no_network_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AGCN(NTU25, **options)


@pytest.mark.parametrize("shape", [(2, 6, 25, 2), (2, 6, 18, 3), (6, 25, 3)])
def test_bodies_of_another_layout_are_refused(shape):
    with pytest.raises(ValueError, match=r"bodies: expected \(B, T, 25, 3\), got"):
        AGCN(NTU25, n_blocks=4)(torch.zeros(shape))
