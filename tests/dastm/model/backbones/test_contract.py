"""What holds of every backbone: shapes, symmetries, seeds, dropout, DropEdge, refusals, and the number of weights.

What belongs to one alone (its restatement, names and distributions of its weights) is in the test of its name.
"""

import copy
import dataclasses
import itertools

import pytest
import torch
from torch import Tensor

from dastm.config.schema import DEPTHS, BackboneConfig, MatchingConfig
from dastm.contract.skeleton import LAYOUTS, NTU25, OPENPOSE18, Layout
from dastm.layers.dropout import Dropout, reseed_dropout
from dastm.model.backbones import BACKBONES, OPTIONS, build
from dastm.model.backbones.streams import STREAMS, SideBySide, Streams
from dastm.model.network import Recogniser
from tests.oracles import drop_edge
from tests.oracles import parameter_counts as counts

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

FORK = Layout(name="fork", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)), hub=0)
# a ring, one bone of it listed both ways, with a self loop and a joint that hangs on it
RING = Layout(name="ring", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 0), (1, 2), (2, 1), (3, 3), (3, 2)))

STICK = Layout(name="stick", joints=("foot", "hip", "head"), bones=((1, 0), (2, 1)), centre=1, hub=1)
ALONE = Layout(name="alone", joints=("a",), bones=())
PLANE = Layout(name="plane", joints=("a", "b"), bones=((1, 0),), coordinates=("x", "y"))
SHALLOW = {"st_gcn": 4, "agcn": 4, "ms_g3d": 2, "lstm": 1}
ALL_ON = {"dropout": 0.1, "pair_norm": 1.0, "drop_edge": 0.3, "body_slots": 2}

every_backbone = pytest.mark.parametrize("name", BACKBONES)
on_a_graph = pytest.mark.parametrize("name", ["st_gcn", "agcn", "ms_g3d"])


def made(layout, name, **options):
    """As a configuration has it: several streams where that is published."""
    return build(layout, BackboneConfig(name=name, **options))


def network(name, layout=FORK, **options):
    """One network, shallow unless told otherwise."""
    return BACKBONES[name](layout, **{"n_blocks": SHALLOW[name], **options})


def draw(generator, *shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype, generator=generator)


def n_parameters(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


TWO_STREAMS = {**ALL_ON, "streams": ("bone", "joint_motion")}
SIDE_BY_SIDE = {**ALL_ON, "streams": ("joint", "direction"), "fusion": "input"}
ANY_SKELETON = [
    *((layout, {}, "plain") for layout in (NTU25, ALONE)),
    *((layout, TWO_STREAMS, "all on") for layout in (OPENPOSE18, STICK, ALONE, PLANE)),
    *((layout, SIDE_BY_SIDE, "side by side") for layout in (NTU25, STICK, ALONE, PLANE)),
]


@every_backbone
@pytest.mark.parametrize(
    ("layout", "options"),
    [(layout, options) for layout, options, _ in ANY_SKELETON],
    ids=[f"{layout.name}, {kind}" for layout, _, kind in ANY_SKELETON],
)
def test_any_skeleton_goes_through_forwards_and_backwards(name, layout, options, generator):
    model = made(layout, name, n_blocks=SHALLOW[name], **options)
    bodies = torch.randn(4, 5, layout.n_joints, len(layout.coordinates), generator=generator)
    features = model(bodies)
    assert features.shape == (4, model.n_frames_out(5), layout.n_joints, model.n_features)
    features.square().mean().backward()
    assert features.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@every_backbone
@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_stays_near(name, training, generator):
    model = made(STICK, name, n_blocks=SHALLOW[name], pair_norm=1.0).train(training)
    bodies = torch.randn(6, 8, 3, 3, generator=generator)
    with torch.no_grad():
        expected = model(bodies)
        with torch.autocast("cpu", torch.bfloat16):
            features = model(bodies)
    assert (features.float() - expected).norm() < 0.05 * expected.norm()


@every_backbone
def test_the_default_depth_is_the_one_that_the_configuration_names(name):
    default = DEPTHS.get(name, (2,))[0]
    model, same = made(STICK, name), made(STICK, name, n_blocks=default)
    assert model.state_dict().keys() == same.state_dict().keys()
    for depth in DEPTHS.get(name, (1, 3)):
        BackboneConfig(name=name, n_blocks=depth)
        assert (n_parameters(made(STICK, name, n_blocks=depth)) == n_parameters(model)) == (depth == default)


PUBLISHED = [
    (NTU25, "st_gcn", {}, counts.st_gcn(25)),
    (NTU25, "st_gcn", {"edge_importance": False}, counts.st_gcn(25, edge_importance=False)),
    (OPENPOSE18, "st_gcn", {}, counts.st_gcn(18)),
    (NTU25, "agcn", {"streams": ("joint",), "body_slots": 2}, counts.agcn(25, n_slots=2)),
    (NTU25, "agcn", {"body_slots": 2}, 2 * counts.agcn(25, n_slots=2)),
    (OPENPOSE18, "agcn", {"streams": ("joint",)}, counts.agcn(18)),
    (NTU25, "ms_g3d", {"n_blocks": 3, "body_slots": 2}, counts.ms_g3d(25, (1, 2, 2), n_slots=2)),
    (NTU25, "ms_g3d", {"body_slots": 2}, counts.ms_g3d(25, (2, 2), n_slots=2)),
    (OPENPOSE18, "ms_g3d", {}, counts.ms_g3d(18, (2, 2))),
    (NTU25, "lstm", {}, counts.lstm(25)),
    (OPENPOSE18, "lstm", {"n_blocks": 3}, counts.lstm(18, n_layers=3)),
]


@pytest.mark.parametrize(("layout", "name", "options", "count"), PUBLISHED)
def test_weights_are_as_many_as_the_publications_definition_has(layout, name, options, count):
    assert n_parameters(made(layout, name, **options)) == count


def test_counts_are_those_that_the_publications_quote():
    """With their classifiers and input norms; MS-G3D's to the last weight, from the training logs of the original."""
    assert counts.st_gcn(25, n_classes=60) == 3_098_832  # 3.1 M
    assert counts.agcn(25, n_classes=60, n_slots=2) == 3_469_510  # 3.5 M a stream
    assert counts.ms_g3d(25, (1, 2, 2), n_classes=60, n_slots=2) == 3_194_595  # 3.2 M
    assert counts.ms_g3d(25, (1, 2, 2), n_classes=120, n_slots=2) == 3_217_695
    assert counts.ms_g3d(18, (1, 2, 2), 8, 8, n_classes=400, n_slots=2) == 3_144_328


@every_backbone
@pytest.mark.parametrize("option", ["dropout", "pair_norm", "drop_edge", "edge_importance", "body_slots"])
def test_an_option_changes_the_backbones_that_have_it_and_no_other(name, option, generator):
    values = {"dropout": 0.5, "pair_norm": 1.0, "drop_edge": 0.5, "edge_importance": False, "body_slots": 2}
    bodies = torch.randn(4, 5, 25, 3, generator=generator)
    plain, other = (made(NTU25, name, n_blocks=max(2, SHALLOW[name]), **kw) for kw in ({}, {option: values[option]}))
    with torch.no_grad():
        same = n_parameters(plain) == n_parameters(other) and torch.equal(plain(bodies), other(bodies))
    assert same == (option not in OPTIONS[name])


@every_backbone
def test_one_stream_of_joints_is_the_network_itself(name):
    model = made(STICK, name, streams=("joint",))
    assert type(model) is BACKBONES[name]
    published = made(STICK, name)
    assert type(published) is (Streams if name == "agcn" else type(model))


@pytest.mark.parametrize("streams", [*itertools.permutations(STREAMS, 2), STREAMS, ("bone",)], ids="-".join)
def test_several_streams_have_a_network_each_in_the_order_given(streams):
    model = made(STICK, "lstm", streams=list(streams))
    assert isinstance(model, Streams)
    assert tuple(model.networks) == streams
    assert model.n_features == 256 * len(streams)


@every_backbone
@pytest.mark.parametrize("streams", [("joint", "direction"), ("bone",), STREAMS], ids="-".join)
def test_streams_side_by_side_have_one_network_with_as_many_features_as_one(name, streams):
    model = made(OPENPOSE18, name, streams=streams, fusion="input")
    assert isinstance(model, SideBySide)
    alone = made(OPENPOSE18, name, streams=("joint",))
    assert model.n_features == alone.n_features
    more = n_parameters(model) - n_parameters(alone)
    assert (more > 0) == (len(streams) > 1)
    assert more < 0.1 * n_parameters(alone) * len(streams)
    assert type(made(OPENPOSE18, name, streams=("joint",), fusion="input")) is BACKBONES[name]


@pytest.mark.parametrize(("strides", "m"), [(None, 6), ((1, 2, 1, 1), 12)])
def test_st_gcn_has_the_channels_and_strides_that_it_is_told(strides, m, generator):
    model = made(NTU25, "st_gcn", n_blocks=4, channels=(40, 56, 72, 88), block_strides=strides)
    assert model.strides == (strides or (1, 1, 2, 2))
    assert [block.tcn[2].out_channels for block in model.st_gcn_networks] == [40, 56, 72, 88]
    assert model(torch.randn(2, 24, 25, 3, generator=generator)).shape == (2, m, 25, 88)
    assert model.n_features == 88


@pytest.mark.parametrize("key", ["channels", "block_strides"])
def test_channels_and_strides_that_fit_no_network_are_refused(key):
    with pytest.raises(ValueError, match=f"{key}: one for each of 10 blocks, not 4"):
        BackboneConfig(**{key: (1, 2, 1, 1)})
    with pytest.raises(ValueError, match=f"{key}: only for st_gcn; leave it out for lstm"):
        BackboneConfig(name="lstm", n_blocks=4, **{key: (1, 2, 1, 1)})


@every_backbone
def test_every_knob_of_a_configuration_arrives(name, generator):
    knobs = {"edge_importance": False, **ALL_ON, "n_blocks": SHALLOW[name]}
    if name == "st_gcn":
        knobs |= {"channels": (8, 8, 8, 16), "block_strides": (1, 2, 1, 1)}
    config = BackboneConfig(name=name, streams=("bone", "joint"), **knobs)
    model = Recogniser(STICK, config, MatchingConfig(), generator)
    own = {option: knobs[option] for option in (*OPTIONS[name], "n_blocks")}
    expected = Streams(STICK, {stream: BACKBONES[name](STICK, **own) for stream in ("bone", "joint")})
    assert repr(model.backbone) == repr(expected) != repr(made(STICK, name))


def test_what_builds_no_backbone_is_refused():
    with pytest.raises(ValueError, match="'st_gcn', 'agcn', 'ms_g3d' or 'lstm'"):
        made(STICK, "gru")
    with pytest.raises(ValueError, match="each one once"):
        made(STICK, "lstm", streams=("bone", "bone"))
    with pytest.raises(ValueError, match="n_blocks: st_gcn has 10 or 7 or 4, not 5"):
        made(STICK, "st_gcn", n_blocks=5)


LEFT = {6: 2, 13: 4, 7: 2, 1: 1}
"""Feature frames of so many frames, after strides of 2 and 2."""
SHAPES = [
    *((name, n_blocks, 256, n_blocks, LEFT) for name in ("st_gcn", "agcn") for n_blocks in (4, 7, 10)),
    ("ms_g3d", 2, 192, 2, LEFT),
    ("ms_g3d", 3, 384, 3, LEFT),
    ("lstm", 2, 256, 0, {1: 1, 6: 6}),
]


# Deeper networks, whose weights take longest to draw, see one layout: depth has no part in joints.
SHAPES_OF = [
    (layout, *shape)
    for shape in SHAPES
    for layout in ([*LAYOUTS.values(), FORK, PLANE] if shape[1] <= SHALLOW[shape[0]] else [FORK, PLANE])
]


@pytest.mark.parametrize(("layout", "name", "n_blocks", "n_features", "n_strides", "left"), SHAPES_OF)
def test_shapes(layout, name, n_blocks, n_features, n_strides, left):
    model = BACKBONES[name](layout, n_blocks=n_blocks).eval()
    assert model.n_features == n_features
    assert len(model.strides) == n_strides
    assert [stride for stride in model.strides if stride != 1] == [2, 2] * bool(n_strides)
    for n_frames, m in left.items():
        with torch.no_grad():
            features = model(torch.zeros(1, n_frames, layout.n_joints, len(layout.coordinates)))
        assert model.n_frames_out(n_frames) == m
        assert features.shape == (1, m, layout.n_joints, n_features)


@every_backbone
@pytest.mark.parametrize("training", [True, False])
def test_features_are_contiguous_so_that_matching_can_view_them(name, training):
    assert network(name, NTU25).train(training)(torch.ones(2, 4, 25, 3)).is_contiguous()


def relabelled(layout: Layout, order: list[int]) -> Layout:
    """New joint i is old joint order[i]."""
    new = {old: i for i, old in enumerate(order)}
    joints, moved = tuple(layout.joints[old] for old in order), tuple((new[a], new[b]) for a, b in layout.bones)
    return dataclasses.replace(layout, joints=joints, bones=moved, hub=new[layout.hub])


def symmetric(name: str, layout: Layout) -> torch.nn.Module:
    """A network whose weights know no joint by its number, and in which the graph counts."""
    model = network(name, layout).double()
    for key, parameter in model.named_parameters():
        if key.endswith("A_res"):  # a mask belongs to numbered joints
            parameter.data.zero_()
        elif key.endswith("gcn1.bn.weight"):  # at 1e-6 the graphs would count for nothing beside the residual
            parameter.data.fill_(1.0)
    return model


@on_a_graph
def test_relabelling_the_joints_of_layout_and_input_permutes_the_features(name, generator):
    order = torch.randperm(25, generator=generator).tolist()
    bodies = draw(generator, 3, 9, 25, 3)
    expected = symmetric(name, NTU25)(bodies)[:, :, order]
    permuted = symmetric(name, relabelled(NTU25, order))(bodies[:, :, order])
    torch.testing.assert_close(permuted, expected, rtol=1e-9, atol=1e-9)
    unlabelled = symmetric(name, NTU25)(bodies[:, :, order])
    assert not torch.allclose(unlabelled, expected, rtol=1e-2)


DRAWN = {
    "st_gcn": 4 * 4 + 2 * 2,  # weight and bias: two convolutions a block, and two projections
    # nine in a graph convolution and one over time a block; downs of blocks 1, 3, 4; projections of 3, 4
    "agcn": 4 * 10 + 3 + 2,
    "lstm": 2 * 4 + 2,
}


@every_backbone
def test_weights_follow_from_the_seed_alone(name):
    model = network(name, n_blocks=max(2, SHALLOW[name]))

    def weights(seed: int) -> dict[str, Tensor]:
        model.reset(torch.Generator().manual_seed(seed))
        return {key: value.clone() for key, value in model.state_dict().items()}

    first, other = weights(1), weights(2)
    model.train()(torch.ones(2, 3, 4, 3)).sum().backward()  # moves the running statistics
    for parameter in model.parameters():
        parameter.data.mul_(2).add_(1)
    again = weights(1)
    assert all(torch.equal(first[key], again[key]) for key in first)
    seeded = {key for key in first if not torch.equal(first[key], other[key])}
    if name == "ms_g3d":
        drawn = {key for key in first if key.endswith(("A_res", "conv.weight", "conv.bias", "layers.0.weight"))}
        assert drawn <= seeded
        assert not {key for key in seeded if "bn" in key or "running" in key or "layers.1" in key}
    else:
        assert len(seeded) == DRAWN[name]


@every_backbone
def test_the_global_generator_is_neither_read_nor_moved(name, generator):
    bodies = draw(generator, 2, 5, 4, 3, dtype=torch.float32)
    before = torch.get_rng_state()
    options = {"n_blocks": max(2, SHALLOW[name]), "dropout": 0.5}
    first = network(name, **options)
    features = first(bodies)
    first.reset(torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        second = network(name, **options)
        assert torch.equal(second(bodies), features)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@every_backbone
def test_evaluation_is_deterministic_and_ignores_dropout(name, generator):
    bodies, n_blocks = draw(generator, 2, 6, 4, 3, dtype=torch.float32), max(2, SHALLOW[name])
    model = network(name, n_blocks=n_blocks, dropout=0.5).eval()
    assert torch.equal(model(bodies), model(bodies))
    assert torch.equal(model(bodies), network(name, n_blocks=n_blocks).eval()(bodies))


DROPOUT = {"st_gcn": [0.0] + 3 * [0.5], "agcn": [0.0] + 3 * [0.5], "ms_g3d": 3 * [0.0] + 3 * [0.5], "lstm": [0.5]}
"""Of every place in the order of the network: in no first block."""


@every_backbone
def test_dropout_is_in_its_place_and_follows_from_its_seed(name, generator):
    bodies = draw(generator, 2, 6, 4, 3, dtype=torch.float32)
    model = network(name, n_blocks=max(2, SHALLOW[name]), dropout=0.5)
    assert [layer.p for layer in model.modules() if isinstance(layer, Dropout)] == DROPOUT[name]

    def features(seed: int) -> Tensor:
        reseed_dropout(model, seed)
        return model(bodies)

    assert torch.equal(features(1), features(1))
    assert not torch.equal(features(1), features(2))


@pytest.mark.parametrize(("name", "n_blocks"), [("st_gcn", 7), ("agcn", 4), ("ms_g3d", 2), ("lstm", 2)])
def test_in_evaluation_bodies_do_not_see_each_other(name, n_blocks, generator):
    model = network(name, OPENPOSE18, n_blocks=n_blocks).double()
    bodies = draw(generator, 4, 9, 18, 3)
    model(bodies)  # running statistics that are not the initial ones
    model.eval()
    alone = torch.cat([model(body[None]) for body in bodies])
    torch.testing.assert_close(model(bodies), alone, rtol=1e-9, atol=1e-10)


WRONG = {
    "dropout": (1.0, "dropout: a probability"),
    "pair_norm": (-1.0, "pair_norm: a scale"),
    "drop_edge": (1.0, "drop_edge: a share"),
    "body_slots": (0, "body_slots: at least 1"),
}


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name in BACKBONES for option in OPTIONS[name] if option in WRONG]
)
def test_options_that_make_no_network_are_refused(name, option):
    value, message = WRONG[option]
    with pytest.raises(ValueError, match=f"^{message}"):
        network(name, NTU25, **{option: value})


@pytest.mark.parametrize(
    ("name", "n_blocks", "message"),
    [
        ("st_gcn", 5, "n_blocks: one of 10, 7, 4, got 5"),
        ("agcn", 5, "n_blocks: one of 10, 7, 4, got 5"),
        ("ms_g3d", 4, "n_blocks: one of 3, 2, got 4"),
        ("lstm", 0, "n_blocks: at least 1, got 0"),
    ],
)
def test_depths_that_make_no_network_are_refused(name, n_blocks, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        network(name, NTU25, n_blocks=n_blocks)


@every_backbone
@pytest.mark.parametrize("shape", [(2, 6, 25, 2), (2, 6, 18, 3), (6, 25, 3)])
def test_bodies_of_another_layout_are_refused(name, shape):
    with pytest.raises(ValueError, match=r"bodies: expected \(B, T, 25, 3\), got"):
        network(name, NTU25)(torch.zeros(shape))


def graphs_of(name: str, layout: Layout, left: drop_edge.Bones) -> dict[str, Tensor]:
    """Buffer -> the graph of the bones that are left, by the restatement."""
    if name == "ms_g3d":
        sizes = ((1, 13), (3, 6), (5, 6))
        return {f"A{frames}": drop_edge.multi_scale(layout, left, frames, n_scales) for frames, n_scales in sizes}
    partition = drop_edge.spatial_partition if name == "st_gcn" else drop_edge.directed_partition
    return {"A": torch.from_numpy(partition(layout, left))}


@pytest.mark.parametrize("layout", [OPENPOSE18, RING], ids=lambda layout: layout.name)
@on_a_graph
def test_a_step_of_training_sees_the_graph_of_what_is_left_and_evaluation_the_whole_one(name, layout, generator):
    dropping, whole = network(name, layout, drop_edge=0.3).double(), network(name, layout).double()
    for key, weight in whole.state_dict().items():
        if key.endswith("gcn1.bn.weight"):
            weight.fill_(1.0)  # at 1e-6 the graph would count for nothing beside the residual
    dropping.load_state_dict(whole.state_dict())
    bodies = draw(generator, 2, 5, layout.n_joints, 3)
    torch.testing.assert_close(dropping.eval()(bodies), whole.eval()(bodies), rtol=0, atol=0)
    dropping.train()
    whole.train()
    reseed_dropout(dropping, 7)
    left = copy.deepcopy(dropping.drop_edge)()
    features, undropped = dropping(bodies), whole(bodies)
    for buffer, graph in graphs_of(name, layout, left).items():
        whole.get_buffer(buffer).copy_(graph)
    expected = whole(bodies)
    scale = expected.abs().max()
    # graphs are stored in single precision, rounded otherwise than by the restatement
    torch.testing.assert_close(features / scale, expected / scale, rtol=0, atol=1e-6)
    assert (undropped - expected).abs().max() > 1e-3 * scale


@on_a_graph
def test_dropped_bones_follow_from_the_seed_of_the_episode(name, generator):
    model, bodies = network(name, NTU25, drop_edge=0.5), draw(generator, 2, 6, 25, 3, dtype=torch.float32)

    def features(seed: int) -> Tensor:
        reseed_dropout(model, seed)
        return model(bodies)

    with torch.no_grad():
        first = features(1)
        next_step = model(bodies)
        assert torch.equal(features(1), first)
        assert not torch.equal(next_step, first)
        assert not torch.equal(features(2), first)
