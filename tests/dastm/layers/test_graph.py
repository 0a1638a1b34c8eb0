"""The partition on layouts small enough to write down, and against the joint-by-joint restatement on all others."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dastm.contract.skeleton import LAYOUTS, Layout
from dastm.layers.graph import UNREACHED, directed_partition, hop_distances, spatial_partition
from tests.oracles import agcn
from tests.oracles import graph as oracle

# hub 0 - 1 - 2, and 3 beside 2 on 1
FORK = Layout(name="fork", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)), hub=0)
# 0 - 1 and 0 - 2, and a bone between 1 and 2, which are equally far from the hub
RING = Layout(name="ring", joints=("a", "b", "c"), bones=((1, 0), (2, 0), (1, 2)), hub=0)
PLANE = Layout(name="plane", joints=("a", "b"), bones=((1, 0),), coordinates=("x", "y"))
ALONE = Layout(name="alone", joints=("a",), bones=())


def test_hops_of_a_fork():
    assert hop_distances(FORK).tolist() == [[0, 1, 2, 2], [1, 0, 1, 1], [2, 1, 0, 2], [2, 1, 2, 0]]


def test_joints_that_no_bones_are_left_between_are_unreached_and_have_no_part_in_each_other():
    far = UNREACHED
    left = ((2, 1), (3, 1))
    assert hop_distances(FORK, left).tolist() == [[0, far, far, far], [far, 0, 1, 1], [far, 1, 0, 2], [far, 1, 2, 0]]
    root, farther, nearer = spatial_partition(FORK, bones=left)
    third = torch.tensor(1 / 3)
    assert torch.equal(root.diagonal(), torch.tensor([1, third, 1 / 2, 1 / 2]))
    # the hub, 0, is cut off, and still tells which joint is nearer to it
    assert torch.equal(farther[2:, 1], torch.stack((third, third)))
    assert nearer[1].tolist() == [0, 0, 1 / 2, 1 / 2]
    assert not (farther + nearer)[0].any()
    assert not (farther + nearer)[:, 0].any()


def test_partition_of_a_fork_is_the_one_worked_out_by_hand():
    root = [[1 / 2, 0, 0, 0], [0, 1 / 4, 0, 0], [0, 0, 1 / 2, 0], [0, 0, 0, 1 / 2]]
    farther = [[0, 0, 0, 0], [1 / 2, 0, 0, 0], [0, 1 / 4, 0, 0], [0, 1 / 4, 0, 0]]
    nearer = [[0, 1 / 4, 0, 0], [0, 0, 1 / 2, 1 / 2], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert spatial_partition(FORK).tolist() == [root, farther, nearer]


def test_neighbours_as_far_from_the_hub_count_with_the_farther_ones():
    farther, nearer = spatial_partition(RING)[1:]
    third = torch.tensor(1 / 3)
    assert torch.equal(farther, third * torch.tensor([[0, 0, 0], [1, 0, 1], [1, 1, 0]]))
    assert torch.equal(nearer, third * torch.tensor([[0, 1, 1], [0, 0, 0], [0, 0, 0]]))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_partition_equals_the_restatement(layout):
    np.testing.assert_array_equal(hop_distances(layout).numpy(), oracle.hop_distances(layout))
    np.testing.assert_allclose(spatial_partition(layout).numpy(), oracle.spatial_partition(layout), rtol=1e-6)


@st.composite
def connected_layouts(draw):
    n = draw(st.integers(1, 9))
    tree = [(i, draw(st.integers(0, i - 1))) for i in range(1, n)]
    extra = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=4))
    return Layout(name="any", joints=tuple(map(str, range(n))), bones=(*tree, *extra), hub=draw(st.integers(0, n - 1)))


@given(connected_layouts())
def test_any_connected_layout_equals_the_restatement(layout):
    partition = spatial_partition(layout).numpy()
    np.testing.assert_allclose(partition, oracle.spatial_partition(layout), rtol=1e-6)
    np.testing.assert_allclose(partition.sum(axis=(0, 1)), 1, rtol=1e-6)


def test_directed_partition_of_a_fork_is_the_one_worked_out_by_hand():
    inward = [[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    outward = [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1 / 2, 0, 0], [0, 1 / 2, 0, 0]]
    assert directed_partition(FORK).tolist() == [torch.eye(4).tolist(), inward, outward]


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), FORK, RING, PLANE, ALONE], ids=lambda layout: layout.name)
def test_directed_partition_equals_the_restatement(layout):
    np.testing.assert_allclose(directed_partition(layout).numpy(), agcn.directed_partition(layout), rtol=1e-7)
