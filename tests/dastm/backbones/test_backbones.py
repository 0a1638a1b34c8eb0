"""What holds of every backbone: any skeleton goes through, bf16 works, and weights are as many as published."""

import itertools

import pytest
import torch

from dastm.backbones import BACKBONES, OPTIONS, build
from dastm.backbones.streams import STREAMS, Streams
from dastm.config import DEPTHS, BackboneConfig, MatchingConfig
from dastm.model import Recogniser
from dastm.skeleton import NTU25, OPENPOSE18, Layout
from tests.oracles import parameter_counts as counts

STICK = Layout(name="stick", joints=("foot", "hip", "head"), bones=((1, 0), (2, 1)), centre=1, hub=1)
ALONE = Layout(name="alone", joints=("a",), bones=())
PLANE = Layout(name="plane", joints=("a", "b"), bones=((1, 0),), coordinates=("x", "y"))
SHALLOW = {"st_gcn": 4, "agcn": 4, "ms_g3d": 2, "lstm": 1}
ALL_ON = {"dropout": 0.1, "pair_norm": 1.0, "drop_edge": 0.3, "body_slots": 2}

every_backbone = pytest.mark.parametrize("name", BACKBONES)


def n_parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@every_backbone
@pytest.mark.parametrize("layout", [NTU25, OPENPOSE18, STICK, ALONE, PLANE], ids=lambda layout: layout.name)
@pytest.mark.parametrize("options", [{}, {**ALL_ON, "streams": ("bone", "joint_motion")}], ids=["plain", "all on"])
def test_any_skeleton_goes_through_forwards_and_backwards(name, layout, options, generator):
    network = build(layout, name, n_blocks=SHALLOW[name], **options)
    bodies = torch.randn(4, 5, layout.n_joints, len(layout.coordinates), generator=generator)
    features = network(bodies)
    assert features.shape == (4, network.n_frames_out(5), layout.n_joints, network.n_features)
    features.square().mean().backward()
    assert features.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@every_backbone
@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_stays_near(name, training, generator):
    network = build(STICK, name, n_blocks=SHALLOW[name], pair_norm=1.0).train(training)
    bodies = torch.randn(6, 8, 3, 3, generator=generator)
    with torch.no_grad():
        expected = network(bodies)
        with torch.autocast("cpu", torch.bfloat16):
            features = network(bodies)
    assert (features.float() - expected).norm() < 0.05 * expected.norm()


@every_backbone
def test_the_default_depth_is_the_one_that_the_configuration_names(name):
    default = DEPTHS.get(name, (2,))[0]
    network, same = build(STICK, name), build(STICK, name, n_blocks=default)
    assert network.state_dict().keys() == same.state_dict().keys()
    for depth in DEPTHS.get(name, (1, 3)):
        BackboneConfig(name=name, n_blocks=depth)
        assert (n_parameters(build(STICK, name, n_blocks=depth)) == n_parameters(network)) == (depth == default)


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
    assert n_parameters(build(layout, name, **options)) == count


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
    plain, other = (build(NTU25, name, n_blocks=max(2, SHALLOW[name]), **kw) for kw in ({}, {option: values[option]}))
    with torch.no_grad():
        same = n_parameters(plain) == n_parameters(other) and torch.equal(plain(bodies), other(bodies))
    assert same == (option not in OPTIONS[name])


@every_backbone
def test_one_stream_of_joints_is_the_network_itself(name):
    network = build(STICK, name, streams=("joint",))
    assert type(network) is BACKBONES[name]
    published = build(STICK, name)
    assert type(published) is (Streams if name == "agcn" else type(network))


@pytest.mark.parametrize("streams", [*itertools.permutations(STREAMS, 2), STREAMS, ("bone",)], ids="-".join)
def test_several_streams_have_a_network_each_in_the_order_given(streams):
    network = build(STICK, "lstm", streams=list(streams))
    assert isinstance(network, Streams)
    assert tuple(network.networks) == streams
    assert network.n_features == 256 * len(streams)


@every_backbone
def test_every_knob_of_a_configuration_arrives(name, generator):
    knobs = {"streams": ("bone", "joint"), "edge_importance": False, **ALL_ON, "n_blocks": SHALLOW[name]}
    model = Recogniser(STICK, BackboneConfig(name=name, **knobs), MatchingConfig(), generator)
    assert repr(model.backbone) == repr(build(STICK, name, **knobs)) != repr(build(STICK, name))


def test_what_builds_no_backbone_is_refused():
    with pytest.raises(ValueError, match="backbone: one of st_gcn, agcn, ms_g3d, lstm, got 'gru'"):
        build(STICK, "gru")
    with pytest.raises(ValueError, match="streams: each one once, got bone, bone"):
        build(STICK, "lstm", streams=("bone", "bone"))
    with pytest.raises(ValueError, match="n_blocks: one of 10, 7, 4, got 5"):
        build(STICK, "st_gcn", n_blocks=5)
