"""MS-G3D against its restatement, and against the symmetries it must have."""

import dataclasses
import re

import pytest
import torch
from torch import Tensor

from dastm.backbones.ms_g3d import MSG3D, MultiScaleGraphConv, Windows
from dastm.dropout import reseed_dropout
from dastm.skeleton import LAYOUTS, NTU25, OPENPOSE18, Layout
from tests.oracles import ms_g3d as oracle

FORK = Layout(name="fork", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)), hub=0)
LONE = Layout(name="lone", joints=("a",), bones=(), coordinates=("x", "y"))
FLAT = dataclasses.replace(FORK, coordinates=("x", "y"))


def draw(generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=generator)


def randomised(module: torch.nn.Module, generator: torch.Generator) -> torch.nn.Module:
    """Every parameter away from special values such as one and zero."""
    for parameter in module.parameters():
        parameter.data = 0.4 * draw(generator, *parameter.shape) + 0.2
    return module


@pytest.mark.parametrize("n_frames", [1, 3])
@pytest.mark.parametrize("pair_norm", [0.0, 2.0])
def test_a_graph_convolution_equals_the_restatement(n_frames, pair_norm, generator):
    A = draw(generator, 2, 4 * n_frames, 4 * n_frames)
    conv = MultiScaleGraphConv((2, 4 * n_frames), (3, 6), n_frames=n_frames, pair_norm=pair_norm).double()
    randomised(conv, generator)
    x_BTNC = draw(generator, 2, 5, 4 * n_frames, 3)
    expected = oracle.graph_conv(x_BTNC.permute(0, 3, 1, 2), A, dict(conv.named_parameters()), pair_norm)
    by_frame = expected.permute(0, 2, 3, 1).unflatten(2, (n_frames, 4))
    torch.testing.assert_close(conv(x_BTNC, A), by_frame.transpose(2, 3), rtol=1e-9, atol=1e-9)


def test_windows_hold_the_frames_around_every_stride_th_one_and_zeros_beyond():
    x_BCTV = torch.arange(1.0, 6.0).view(1, 1, 5, 1) + torch.tensor([0.0, 10.0])
    windows = Windows(3, 2)(x_BCTV)
    assert windows[0, :, :, 0].tolist() == [[0, 0, 1, 11, 2, 12], [2, 12, 3, 13, 4, 14], [4, 14, 5, 15, 0, 0]]


CASES = [
    (NTU25, {}),
    (OPENPOSE18, {"n_scales": 8, "n_window_scales": 8}),
    (FORK, {"n_blocks": 3, "n_scales": 3}),
    (FORK, {"n_scales": 3, "pair_norm": 2.0}),
    (FLAT, {"n_scales": 3, "n_window_scales": 2}),
    (LONE, {"n_scales": 1, "n_window_scales": 1}),
]


@pytest.mark.parametrize(
    ("layout", "options"), CASES, ids=["ntu25", "openpose18", "three-blocks", "pair-norm", "flat", "lone"]
)
def test_features_and_gradients_equal_the_restatement(layout, options, generator):
    model = randomised(MSG3D(layout, **options).double(), generator)
    bodies = draw(generator, 2, 5, layout.n_joints, len(layout.coordinates)).requires_grad_()
    features = model(bodies)
    scales = (options.get("n_scales", 13), options.get("n_window_scales", 6))
    expected = oracle.network(
        bodies, layout, dict(model.named_parameters()), model.strides, *scales, options.get("pair_norm", 0.0)
    )
    torch.testing.assert_close(features, expected, rtol=1e-9, atol=1e-9)
    towards = draw(generator, *features.shape)
    inputs = (bodies, *model.parameters())
    ours, theirs = (torch.autograd.grad((out * towards).sum(), inputs) for out in (features, expected))
    for a, b in zip(ours, theirs, strict=True):
        scale = 1 + b.abs().max()
        torch.testing.assert_close(a / scale, b / scale, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@pytest.mark.parametrize(("n_blocks", "n_features", "strides"), [(2, 192, (2, 2)), (3, 384, (1, 2, 2))])
def test_shapes(layout, n_blocks, n_features, strides):
    model = MSG3D(layout, n_blocks=n_blocks).eval()
    assert (model.n_features, model.strides) == (n_features, strides)
    for n_frames, m in ((30, 8), (50, 13), (31, 8), (1, 1)):
        with torch.no_grad():
            features = model(torch.zeros(1, n_frames, layout.n_joints, len(layout.coordinates)))
        assert model.n_frames_out(n_frames) == m
        assert features.shape == (1, m, layout.n_joints, n_features)


def test_every_body_slot_has_its_own_input_norm(generator):
    one, two = MSG3D(FORK).double(), MSG3D(FORK, body_slots=2).double()
    two.load_state_dict(
        {k: v.repeat(2) if k.startswith("data_bn") and v.ndim else v for k, v in one.state_dict().items()}
    )
    bodies = draw(generator, 6, 5, 4, 3)
    bodies[1::2] = 3 * bodies[1::2] + 1
    standard = torch.cat([(own - own.mean(dim=(0, 1))) / own.std(dim=(0, 1)) for own in (bodies[::2], bodies[1::2])])
    alike = standard.view(2, 3, 5, 4, 3).transpose(0, 1).flatten(0, 1)  # every slot's bodies on one scale, for one norm
    scale = two(bodies).abs().max()
    torch.testing.assert_close(two(bodies) / scale, one(alike) / scale, rtol=0, atol=1e-3)
    assert (two(bodies) - one(bodies)).abs().max() > 0.05 * scale


def published_names(n_blocks: int) -> set[str]:
    """What the state dict of the original holds, its classifier left out."""
    norm, affine = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"), ("weight", "bias")
    temporal: list[str] = []
    for b in range(6):
        norms = ["1", *(["3.bn"] if b < 4 else []), *(["4"] if b == 4 else [])]
        convolutions = ["0", *(["3.conv"] if b < 4 else [])]
        temporal += [f"branches.{b}.{layer}.{n}" for layer in norms for n in norm]
        temporal += [f"branches.{b}.{layer}.{n}" for layer in convolutions for n in affine]
    projected = [*(f"residual.conv.{n}" for n in affine), *(f"residual.bn.{n}" for n in norm)]
    graph = ["A_res", *(f"mlp.layers.0.{n}" for n in affine), *(f"mlp.layers.1.{n}" for n in norm)]
    names = {f"data_bn.{n}" for n in norm}
    for i in range(1, n_blocks + 1):
        for branch in (f"gcn3d{i}.gcn3d.0", f"gcn3d{i}.gcn3d.1"):
            names |= {f"{branch}.gcn3d.1.{n}" for n in graph}
            names |= {f"{branch}.out_conv.{n}" for n in affine} | {f"{branch}.out_bn.{n}" for n in norm}
        names |= {f"sgcn{i}.0.{n}" for n in graph}
        names |= {f"{conv}.{n}" for conv in (f"sgcn{i}.1", f"sgcn{i}.2", f"tcn{i}") for n in temporal}
        names |= {f"sgcn{i}.1.{n}" for n in projected if i > 1}
    return names


def test_published_names_are_ours_after_the_renaming_of_the_docstring():
    renamed = {
        re.sub(r"^(gcn3d|sgcn|tcn)(\d)\.", lambda m: f"blocks.{int(m[2]) - 1}.{m[1]}.", name)
        for name in published_names(3)
    }
    assert renamed == set(MSG3D(NTU25, n_blocks=3, pair_norm=1.0, drop_edge=0.1).state_dict())


def test_shapes_of_the_weights_are_the_published_ones():
    weights = MSG3D(NTU25, n_blocks=3).state_dict()
    assert weights["blocks.0.sgcn.0.A_res"].shape == (13 * 25, 25)
    assert weights["blocks.0.sgcn.0.mlp.layers.0.weight"].shape == (96, 13 * 3, 1, 1)
    assert weights["blocks.1.gcn3d.gcn3d.1.gcn3d.1.A_res"].shape == (6 * 125, 125)
    assert weights["blocks.1.gcn3d.gcn3d.1.gcn3d.1.mlp.layers.0.weight"].shape == (96, 6 * 96, 1, 1)
    assert weights["blocks.1.gcn3d.gcn3d.1.out_conv.weight"].shape == (192, 96, 1, 5, 1)
    assert weights["blocks.2.sgcn.1.branches.3.3.conv.weight"].shape == (64, 64, 3, 1)


def test_relabelling_the_joints_of_layout_and_input_permutes_the_features(generator):
    order = torch.randperm(25, generator=generator).tolist()  # new joint i is old joint order[i]
    new = {old: i for i, old in enumerate(order)}
    relabelled = dataclasses.replace(
        NTU25,
        joints=tuple(NTU25.joints[old] for old in order),
        bones=tuple((new[a], new[b]) for a, b in NTU25.bones),
    )

    def unmasked(layout: Layout) -> MSG3D:
        model = MSG3D(layout).double()
        for name, parameter in model.named_parameters():
            if name.endswith("A_res"):  # a mask belongs to numbered joints
                parameter.data.zero_()
        return model

    bodies = draw(generator, 3, 9, 25, 3)
    features = unmasked(NTU25)(bodies)
    permuted = unmasked(relabelled)(bodies[:, :, order])
    torch.testing.assert_close(permuted, features[:, :, order], rtol=1e-9, atol=1e-9)
    unlabelled = unmasked(NTU25)(bodies[:, :, order])
    assert not torch.allclose(unlabelled, features[:, :, order], rtol=1e-2)


def test_weights_follow_from_the_seed_alone():
    model = MSG3D(FORK)

    def weights(seed: int) -> list[Tensor]:
        model.reset(torch.Generator().manual_seed(seed))
        return [value.clone() for value in model.state_dict().values()]

    first = weights(1)
    other = weights(2)
    model.train()(torch.ones(2, 3, 4, 3)).sum().backward()  # moves the running statistics
    randomised(model, torch.Generator().manual_seed(9)).float()
    assert all(torch.equal(a, b) for a, b in zip(first, weights(1), strict=True))
    names = set(model.state_dict())
    seeded = {name for name, a, b in zip(model.state_dict(), first, other, strict=True) if not torch.equal(a, b)}
    drawn = {name for name in names if name.endswith(("A_res", "conv.weight", "conv.bias", "layers.0.weight"))}
    assert drawn <= seeded
    assert not {name for name in seeded if "bn" in name or "running" in name or "layers.1" in name}


def test_weights_have_the_published_distributions(generator):
    model = MSG3D(NTU25)
    model.reset(generator)
    block = model.blocks[1]
    window = block.gcn3d.gcn3d[0]
    maps = ((window.gcn3d[1].mlp.layers[0], 6 * 96), (window.out_conv, 96 * 3), (block.tcn.branches[2][3].conv, 32 * 3))
    for conv, fan_in in maps:
        bound = fan_in**-0.5
        assert conv.weight.abs().max() <= bound
        assert conv.bias.abs().max() <= bound
        assert conv.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)
    assert window.gcn3d[1].A_res.abs().max() <= 1e-6
    assert window.gcn3d[1].A_res.std().item() == pytest.approx(1e-6 / 3**0.5, rel=0.05)


def test_construction_and_reset_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    first = MSG3D(FORK)
    first.reset(torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), MSG3D(FORK).state_dict().values(), strict=True)
    )


def test_evaluation_is_deterministic_and_ignores_dropout(generator):
    bodies = draw(generator, 2, 6, 4, 3, dtype=torch.float32)
    model = MSG3D(FORK, dropout=0.5).eval()
    assert torch.equal(model(bodies), model(bodies))
    assert torch.equal(model(bodies), MSG3D(FORK).eval()(bodies))


def test_dropout_is_in_every_block_but_the_first_and_follows_from_its_seed(generator):
    bodies = draw(generator, 2, 6, 4, 3, dtype=torch.float32)
    model = MSG3D(FORK, dropout=0.5)
    p = [{m.dropout.p for m in block.modules() if isinstance(m, MultiScaleGraphConv)} for block in model.blocks]
    assert p == [{0.0}, {0.5}]

    def features(seed: int) -> Tensor:
        reseed_dropout(model, seed)
        return model(bodies)

    assert torch.equal(features(1), features(1))
    assert not torch.equal(features(1), features(2))


def test_in_evaluation_bodies_do_not_see_each_other(generator):
    model = MSG3D(OPENPOSE18).double()
    bodies = draw(generator, 4, 9, 18, 3)
    model(bodies)  # running statistics that are not the initial ones
    model.eval()
    alone = torch.cat([model(body[None]) for body in bodies])
    torch.testing.assert_close(model(bodies), alone, rtol=1e-9, atol=1e-9)


def test_features_are_contiguous_so_that_matching_can_view_them():
    assert MSG3D(NTU25)(torch.ones(2, 4, 25, 3)).is_contiguous()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_blocks": 4}, "n_blocks: one of 3, 2, got 4"),
        ({"n_scales": 0}, "n_scales: at least 1, got 0"),
        ({"n_window_scales": -1}, "n_window_scales: at least 1, got -1"),
        ({"dropout": 1.0}, "dropout: a probability"),
        ({"pair_norm": -1.0}, "pair_norm: a scale"),
        ({"drop_edge": 1.0}, "drop_edge: a share"),
        ({"body_slots": 0}, "body_slots: at least 1"),
    ],
)
def test_options_that_make_no_network_are_refused(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        MSG3D(NTU25, **options)


@pytest.mark.parametrize("shape", [(2, 6, 25, 2), (2, 6, 18, 3), (6, 25, 3)])
def test_bodies_of_another_layout_are_refused(shape):
    with pytest.raises(ValueError, match=r"bodies: expected \(B, T, 25, 3\), got"):
        MSG3D(NTU25)(torch.zeros(shape))
