"""Which bones are dropped and how many, whose draw it is, and the graphs of what is left against the restatement."""

import copy
from collections import Counter

import numpy as np
import pytest
import torch

from dastm.contract.skeleton import LAYOUTS, NTU25, OPENPOSE18, Layout
from dastm.layers.drop_edge import DropEdge
from dastm.layers.graph import directed_partition, hop_distances, spatial_partition
from dastm.model.backbones.ms_g3d import multi_scale_graphs
from tests.oracles import drop_edge as oracle

# a ring, one bone of it listed both ways, with a self loop and a joint that hangs on it
RING = Layout(name="ring", joints=("a", "b", "c", "d"), bones=((1, 0), (2, 0), (1, 2), (2, 1), (3, 3), (3, 2)))
ALONE = Layout(name="alone", joints=("a",), bones=())
ANY = [*LAYOUTS.values(), RING]


def reseeded(layout: Layout, rate: float, seed: int) -> DropEdge:
    layer = DropEdge(layout, rate)
    layer.reseed(seed)
    return layer


def n_dropped(layer: DropEdge, n_draws: int = 2000) -> list[int]:
    return [24 - len(layer()) for _ in range(n_draws)]


@pytest.mark.parametrize(("rate", "counts", "mean"), [(0.1, {2, 3}, 2.4), (0.5, {12}, 12), (0.01, {0, 1}, 0.24)])
def test_the_share_is_met_on_average_and_to_the_next_whole_bone_in_every_draw(rate, counts, mean):
    dropped = n_dropped(reseeded(NTU25, rate, 1))
    assert set(dropped) == counts
    assert np.mean(dropped) == pytest.approx(mean, abs=5 * 0.5 / len(dropped) ** 0.5)


def test_every_bone_is_dropped_equally_often():
    layer = reseeded(OPENPOSE18, 0.3, 2)
    times = Counter(bone for _ in range(4000) for bone in set(OPENPOSE18.bones) - set(layer()))
    assert set(times) == set(OPENPOSE18.bones)
    assert all(abs(n - 1200) < 5 * (4000 * 0.3 * 0.7) ** 0.5 for n in times.values())


def test_both_directions_of_a_bone_go_together_and_self_loops_stay():
    layer = reseeded(RING, 0.25, 3)  # one of its four bones
    left = {layer() for _ in range(100)}
    assert left == {
        ((2, 0), (1, 2), (2, 1), (3, 3), (3, 2)),
        ((1, 0), (1, 2), (2, 1), (3, 3), (3, 2)),
        ((1, 0), (2, 0), (3, 3), (3, 2)),
        ((1, 0), (2, 0), (1, 2), (2, 1), (3, 3)),
    }


def test_nothing_is_dropped_in_evaluation_or_at_rate_zero_and_none_where_there_is_none():
    assert reseeded(NTU25, 0.5, 1).eval()() is None
    assert reseeded(NTU25, 0.0, 1)() is None
    assert reseeded(ALONE, 0.5, 1)() == ()


def test_same_seed_same_sequence_and_other_seed_another():
    first, again, other = (reseeded(NTU25, 0.5, seed) for seed in (3, 3, 4))
    drawn = [first() for _ in range(5)]
    assert drawn == [again() for _ in range(5)]
    assert drawn != [other() for _ in range(5)]
    assert len(set(drawn)) == 5
    assert copy.deepcopy(first)() == first()
    first.reseed(3)
    assert first() == drawn[0]
    assert reseeded(NTU25, 0.5, 3 + 2**32)() != drawn[0]


def test_the_global_generator_is_not_moved():
    before = torch.get_rng_state()
    reseeded(NTU25, 0.5, 1)()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("layout", ANY, ids=lambda layout: layout.name)
@pytest.mark.parametrize("rate", [0.2, 0.9])
def test_graphs_of_what_is_left_equal_the_restatement(layout, rate):
    layer = reseeded(layout, rate, 5)
    for _ in range(3):
        left = layer()
        spatial, directed = spatial_partition(layout, bones=left), directed_partition(layout, left)
        np.testing.assert_allclose(spatial.numpy(), oracle.spatial_partition(layout, left), rtol=1e-6)
        np.testing.assert_allclose(directed.numpy(), oracle.directed_partition(layout, left), rtol=1e-6)
        scales = multi_scale_graphs(hop_distances(layout, left), 13, 6)
        for graph, n_frames, n_scales in zip(scales, (1, 3, 5), (13, 6, 6), strict=True):
            expected = oracle.multi_scale(layout, left, n_frames, n_scales)
            torch.testing.assert_close(graph.double(), expected, rtol=1e-6, atol=0)


def test_nothing_to_save_and_the_rate_shows():
    assert DropEdge(NTU25, 0.1).state_dict() == {}
    assert repr(DropEdge(NTU25, 0.1)) == "DropEdge(rate=0.1)"


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_rates_outside_the_range_are_refused(rate):
    with pytest.raises(ValueError, match=r"drop_edge: a share in \[0, 1\)"):
        DropEdge(NTU25, rate)


def test_negative_seed_is_refused():
    with pytest.raises(ValueError, match="non-negative"):
        DropEdge(NTU25, 0.5).reseed(-1)
