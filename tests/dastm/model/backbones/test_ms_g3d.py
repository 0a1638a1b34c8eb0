"""MS-G3D against its restatement, and against the symmetries it must have."""

import dataclasses
import re

import pytest
import torch
from torch import Tensor

from dastm.contract.skeleton import NTU25, OPENPOSE18, Layout
from dastm.model.backbones.ms_g3d import MSG3D, MultiScaleGraphConv, Windows
from tests.oracles import ms_g3d as oracle

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_scales": 0}, "n_scales: at least 1, got 0"),
        ({"n_window_scales": -1}, "n_window_scales: at least 1, got -1"),
    ],
)
def test_no_scale_is_refused(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        MSG3D(NTU25, **options)
