"""Bones and motion on small skeletons and against the loops on the others; and a network for each of them."""

import dataclasses

import numpy as np
import pytest
import torch

from dastm.contract.skeleton import LAYOUTS, NTU25, OPENPOSE18, Layout
from dastm.layers.centring import about
from dastm.layers.dropout import reseed_dropout
from dastm.model.backbones.lstm import LSTM
from dastm.model.backbones.ms_g3d import MSG3D
from dastm.model.backbones.st_gcn import STGCN
from dastm.model.backbones.streams import STREAMS, SideBySide, Streams, bone_sources, bones, directions, motion, stream
from tests.oracles import agcn as oracle

CHAIN = Layout(name="chain", joints=("a", "b", "c"), bones=((1, 0), (2, 1)))
RING = Layout(name="ring", joints=("a", "b", "c"), bones=((1, 0), (2, 0), (1, 2)))


def test_bones_of_a_chain_are_the_ones_worked_out_by_hand():
    body = torch.tensor([[1.0, 2, 3], [2, 4, 6], [10, 20, 30]]).view(1, 1, 3, 3)
    assert bones(body, CHAIN).tolist() == [[[[0, 0, 0], [1, 2, 3], [8, 16, 24]]]]


def test_motion_looks_at_the_next_frame_and_ends_with_zero():
    body = torch.tensor([1.0, 3, 7]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert motion(body)[0, :, 0, 0].tolist() == [2, 4, 0]
    assert torch.equal(motion(body[:, :1]), torch.zeros(1, 1, 2, 2))


def test_directions_are_steps_over_the_step_of_the_whole_body_and_the_last_is_repeated():
    body = torch.zeros(1, 4, 3, 3)
    body[0, 1:, 0, 0] = 3
    body[0, 1:, 1, 1] = 4
    body[0, 3, 2, 2] = 7
    expected = torch.zeros(4, 3, 3)
    expected[0, 0, 0], expected[0, 1, 1], expected[2:, 2, 2] = 0.6, 0.8, 1
    torch.testing.assert_close(directions(body, CHAIN)[0], expected * 0.8 * 3**0.5)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_directions_equal_the_loops_and_pass_a_confidence_on(layout, generator):
    bodies = torch.randn(2, 5, layout.n_joints, 3, generator=generator, dtype=torch.float64)
    np.testing.assert_allclose(directions(bodies, layout), oracle.directions(bodies.numpy(), layout), rtol=1e-12)


@pytest.mark.parametrize("n_frames", [1, 2, 5])
def test_a_body_that_stands_still_or_is_absent_has_no_direction(n_frames, generator):
    place = torch.randn(1, 1, 25, 3, generator=generator).expand(2, n_frames, 25, 3)
    assert not directions(place, NTU25).any()
    assert not directions(torch.zeros(2, n_frames, 18, 3), OPENPOSE18).any()


def test_the_direction_is_the_same_at_any_speed(generator):
    bodies = torch.randn(2, 5, 25, 3, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(directions(bodies / 7, NTU25), directions(bodies, NTU25))
    assert torch.equal(stream(bodies, NTU25, "direction"), directions(bodies, NTU25))


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), CHAIN, RING], ids=lambda layout: layout.name)
def test_both_equal_the_loops(layout, generator):
    bodies = torch.randn(2, 5, layout.n_joints, 3, generator=generator, dtype=torch.float64)
    np.testing.assert_array_equal(bones(bodies, layout).numpy(), oracle.bones(bodies.numpy(), layout))
    np.testing.assert_array_equal(motion(bodies).numpy(), oracle.motion(bodies.numpy()))


def test_roots_are_the_joints_that_hang_on_nothing():
    roots = [
        [joint for joint, source in enumerate(bone_sources(layout)) if joint == source]
        for layout in (NTU25, OPENPOSE18)
    ]
    assert roots == [[20], [1]]


def test_a_joint_that_hangs_on_two_has_the_bone_listed_first():
    assert bone_sources(RING) == (0, 0, 0)
    turned = dataclasses.replace(RING, bones=RING.bones[::-1])
    assert bone_sources(turned) == (0, 2, 0)


def test_joints_follow_from_root_and_bones(generator):
    bodies = torch.randn(2, 3, 25, 3, generator=generator, dtype=torch.float64)
    vectors, sources = bones(bodies, NTU25), bone_sources(NTU25)
    joints = torch.zeros_like(bodies)
    for joint in range(25):
        at = joint
        while at != sources[at]:
            joints[:, :, joint] += vectors[:, :, at]
            at = sources[at]
        joints[:, :, joint] += bodies[:, :, at]
    torch.testing.assert_close(joints, bodies)


def test_moving_the_whole_skeleton_changes_neither_and_zeros_stay_zeros(generator):
    bodies = torch.randn(2, 4, 18, 3, generator=generator, dtype=torch.float64)
    for vectors in (lambda x: bones(x, OPENPOSE18), motion):
        torch.testing.assert_close(vectors(bodies + 3), vectors(bodies))
        assert not vectors(torch.zeros_like(bodies)).any()


def test_more_axes_may_stand_before(generator):
    clips_LMTVC = torch.randn(2, 3, 4, 25, 3, generator=generator)
    flat = clips_LMTVC.flatten(0, 1)
    assert torch.equal(bones(clips_LMTVC, NTU25).flatten(0, 1), bones(flat, NTU25))
    assert torch.equal(motion(clips_LMTVC).flatten(0, 1), motion(flat))


def test_gradients_are_those_of_finite_differences(generator):
    bodies = torch.randn(1, 3, 3, 2, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: bones(x, RING), bodies)
    assert torch.autograd.gradcheck(motion, bodies)
    moving = torch.randn(1, 3, 3, 3, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: directions(x, RING), moving)


def of_lstm(layout: Layout, *names: str) -> Streams:
    return Streams(layout, {name: LSTM(layout, n_blocks=1) for name in names})


def test_a_network_a_stream_sees_its_vectors_and_features_stand_side_by_side(generator):
    bodies = torch.randn(2, 5, 18, 3, generator=generator)
    model = of_lstm(OPENPOSE18, *STREAMS)
    inputs = {
        "joint": bodies,
        "bone": bones(bodies, OPENPOSE18),
        "joint_motion": motion(bodies),
        "bone_motion": motion(bones(bodies, OPENPOSE18)),
        "direction": directions(bodies, OPENPOSE18),
        "local": about(bodies, OPENPOSE18.centre, 2),
        "local_direction": directions(about(bodies, OPENPOSE18.centre, 2), OPENPOSE18),
    }
    features = model(bodies)
    assert model.n_features == features.shape[-1] == 7 * 256
    for i, (name, vectors) in enumerate(inputs.items()):
        assert torch.equal(features[..., 256 * i : 256 * (i + 1)], model.networks[name](vectors))


def test_features_come_in_the_order_given_and_one_stream_is_its_network(generator):
    bodies = torch.randn(2, 5, 3, 3, generator=generator)
    model, turned = of_lstm(CHAIN, "joint", "bone"), of_lstm(CHAIN, "bone", "joint")
    turned.load_state_dict(model.state_dict())
    assert torch.equal(turned(bodies), torch.cat(model(bodies).split(256, dim=-1)[::-1], dim=-1))
    alone = of_lstm(CHAIN, "bone")
    assert torch.equal(alone(bodies), alone.networks["bone"](bones(bodies, CHAIN)))


def test_strides_and_frames_are_those_of_the_networks():
    model = Streams(CHAIN, {name: MSG3D(CHAIN) for name in ("joint", "bone_motion")})
    assert model.strides == (2, 2)
    assert model.n_frames_out(30) == 8
    assert model.n_features == 2 * 192


def test_weights_follow_from_the_seed_and_differ_between_streams():
    model, alone = of_lstm(CHAIN, "joint", "bone"), of_lstm(CHAIN, "joint")
    fresh = of_lstm(CHAIN, "joint", "bone")
    for network in (model, alone):
        network.reset(torch.Generator().manual_seed(3))
    joint, bone = (model.networks[name].project.weight for name in ("joint", "bone"))
    assert torch.equal(joint, alone.networks["joint"].project.weight)
    assert not torch.equal(joint, bone)
    assert not torch.equal(joint, fresh.networks["joint"].project.weight)
    fresh.reset(torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), fresh.parameters(), strict=True))
    assert not torch.equal(*(network.project.weight for network in of_lstm(CHAIN, "joint", "bone").networks.values()))


def test_every_network_drops_bones_of_its_own_draw():
    model = Streams(NTU25, {name: STGCN(NTU25, n_blocks=4, drop_edge=0.5) for name in ("joint", "bone")})
    reseed_dropout(model, 1)
    left = [network.drop_edge() for network in model.networks.values()]
    reseed_dropout(model, 1)
    assert left == [network.drop_edge() for network in model.networks.values()]
    assert left[0] != left[1]


def test_streams_that_are_none_and_bodies_of_another_layout_are_refused():
    with pytest.raises(ValueError, match=r"streams: one or more of joint, bone, .*, local_direction, got 'bones'"):
        of_lstm(CHAIN, "bones")
    with pytest.raises(ValueError, match=r"streams: one or more of .*, got none"):
        of_lstm(CHAIN)
    with pytest.raises(ValueError, match=r"bodies: expected \(B, T, 3, 3\), got \(2, 5, 2, 3\)"):
        of_lstm(CHAIN, "bone")(torch.zeros(2, 5, 2, 3))


def test_one_network_sees_all_streams_side_by_side_in_the_order_given(generator):
    bodies = torch.randn(2, 5, 18, 3, generator=generator)
    network = LSTM(OPENPOSE18, n_blocks=1, n_streams=2)
    model = SideBySide(OPENPOSE18, ("bone", "direction"), network)
    both = torch.cat([bones(bodies, OPENPOSE18), directions(bodies, OPENPOSE18)], dim=-1)
    assert torch.equal(model(bodies), network(both))
    assert (model.n_features, model.n_frames_out(5), model.strides) == (256, 5, ())
    before = network.project.weight.clone()
    model.reset(torch.Generator().manual_seed(5))
    assert not torch.equal(network.project.weight, before)
    assert "bone, direction" in repr(model)
    with pytest.raises(ValueError, match=r"bodies: expected \(B, T, 18, 3\), got"):
        model(both)
    with pytest.raises(ValueError, match=r"streams: one or more of .*, got 'bones'"):
        SideBySide(OPENPOSE18, ("bones",), network)
