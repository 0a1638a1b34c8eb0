"""Scales worked out by hand, against brute-force shortest paths, and against the paper's form with powers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dastm.contract.skeleton import LAYOUTS, Layout
from dastm.layers.graph import hop_distances
from dastm.model.backbones.ms_g3d_graph import k_adjacency, window_hops
from tests.oracles import ms_g3d as oracle

# 0 - 1 - 2, and 3 beside 2 on 1
FORK = Layout(name="fork", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 1), (3, 1)), hub=0)


def shortest_paths(adjacency: Tensor) -> np.ndarray:
    """Floyd and Warshall's distances of an unweighted graph."""
    hops = np.where(adjacency.numpy() > 0, 1.0, np.inf)
    np.fill_diagonal(hops, 0)
    for k in range(len(hops)):
        hops = np.minimum(hops, hops[:, k, None] + hops[None, k, :])
    return hops


def test_scales_of_a_fork_are_those_worked_out_by_hand():
    scales = k_adjacency(hop_distances(FORK), 4)
    third, root = 1 / 3, 1 / 8**0.5
    near = [[1 / 2, root, 0, 0], [root, 1 / 4, root, root], [0, root, 1 / 2, 0], [0, root, 0, 1 / 2]]
    far = [[third, 0, third, third], [0, 1, 0, 0], [third, 0, third, third], [third, 0, third, third]]
    expected = torch.tensor([torch.eye(4).tolist(), near, far, torch.eye(4).tolist()])
    torch.testing.assert_close(scales, expected, rtol=0, atol=1e-7)


def test_a_joint_of_a_window_is_one_hop_from_itself_and_as_far_as_ever_from_the_others():
    pair = Layout(name="pair", joints=("a", "b", "c"), bones=((1, 0), (2, 1)))
    assert window_hops(hop_distances(pair), 2).tolist() == [
        [0, 1, 2, 1, 1, 2],
        [1, 0, 1, 1, 1, 1],
        [2, 1, 0, 2, 1, 1],
        [1, 1, 2, 0, 1, 2],
        [1, 1, 1, 1, 0, 1],
        [2, 1, 1, 2, 1, 0],
    ]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@pytest.mark.parametrize("n_frames", [1, 3, 5])
def test_hops_of_a_window_are_the_shortest_paths_of_its_graph(layout, n_frames):
    graph = oracle.window_graph(oracle.binary_adjacency(layout), n_frames)
    np.testing.assert_array_equal(window_hops(hop_distances(layout), n_frames).numpy(), shortest_paths(graph))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_a_scale_ties_exactly_the_joints_that_far_apart(layout):
    hops = shortest_paths(oracle.binary_adjacency(layout))
    for k, scale in enumerate(k_adjacency(hop_distances(layout), 13)):
        np.testing.assert_array_equal(scale.numpy() > 0, (hops == k) | np.eye(len(hops), dtype=bool))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@pytest.mark.parametrize(("n_frames", "n_scales"), [(1, 13), (3, 6), (5, 6), (5, 8)])
def test_scales_equal_the_restatement_with_powers(layout, n_frames, n_scales):
    graph = oracle.binary_adjacency(layout)
    if n_frames > 1:
        graph = oracle.window_graph(graph, n_frames)
    scales = k_adjacency(window_hops(hop_distances(layout), n_frames), n_scales)
    assert scales.dtype == torch.float32
    torch.testing.assert_close(scales.double(), oracle.multi_scale(graph, n_scales), rtol=1e-7, atol=0)


@st.composite
def connected_layouts(draw):
    n = draw(st.integers(1, 7))
    tree = [(i, draw(st.integers(0, i - 1))) for i in range(1, n)]
    extra = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=4))
    return Layout(name="any", joints=tuple(map(str, range(n))), bones=(*tree, *extra))


@given(connected_layouts(), st.integers(1, 4), st.integers(1, 5))
def test_any_connected_layout_equals_the_restatement(layout, n_frames, n_scales):
    graph = oracle.binary_adjacency(layout)
    if n_frames > 1:
        graph = oracle.window_graph(graph, n_frames)
    scales = k_adjacency(window_hops(hop_distances(layout), n_frames), n_scales).double()
    torch.testing.assert_close(scales, oracle.multi_scale(graph, n_scales), rtol=1e-7, atol=0)


def test_neither_scale_nor_frame_is_refused():
    with pytest.raises(ValueError, match="n_scales: at least 1, got 0"):
        k_adjacency(hop_distances(FORK), 0)
    with pytest.raises(ValueError, match="n_frames: a window has at least 1, got 0"):
        window_hops(hop_distances(FORK), 0)
