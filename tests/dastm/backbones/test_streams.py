"""Bones and motion on skeletons small enough to write down, and against the loops on the others."""

import dataclasses

import numpy as np
import pytest
import torch

from dastm.backbones.streams import bone_sources, bones, motion
from dastm.skeleton import LAYOUTS, NTU25, OPENPOSE18, Layout
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
    for stream in (lambda x: bones(x, OPENPOSE18), motion):
        torch.testing.assert_close(stream(bodies + 3), stream(bodies))
        assert not stream(torch.zeros_like(bodies)).any()


def test_more_axes_may_stand_before(generator):
    clips_LMTVC = torch.randn(2, 3, 4, 25, 3, generator=generator)
    flat = clips_LMTVC.flatten(0, 1)
    assert torch.equal(bones(clips_LMTVC, NTU25).flatten(0, 1), bones(flat, NTU25))
    assert torch.equal(motion(clips_LMTVC).flatten(0, 1), motion(flat))


def test_gradients_are_those_of_finite_differences(generator):
    bodies = torch.randn(1, 3, 3, 2, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: bones(x, RING), bodies)
    assert torch.autograd.gradcheck(motion, bodies)
