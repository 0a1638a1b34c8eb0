"""Which bones are dropped and how many, whose draw it is, and the graphs of what is left against the restatement."""

import copy
from collections import Counter

import numpy as np
import pytest
import torch

from dastm.backbones import BACKBONES
from dastm.backbones.agcn import directed_partition
from dastm.backbones.drop_edge import DropEdge
from dastm.backbones.graph import hop_distances, spatial_partition
from dastm.backbones.ms_g3d import multi_scale_graphs
from dastm.dropout import reseed_dropout
from dastm.skeleton import LAYOUTS, NTU25, OPENPOSE18, Layout
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


def graphs_of(name: str, layout: Layout, left: oracle.Bones) -> dict[str, torch.Tensor]:
    """Buffer -> the graph of the bones that are left, by the restatement."""
    if name == "ms_g3d":
        sizes = ((1, 13), (3, 6), (5, 6))
        return {f"A{frames}": oracle.multi_scale(layout, left, frames, n_scales) for frames, n_scales in sizes}
    partition = oracle.spatial_partition if name == "st_gcn" else oracle.directed_partition
    return {"A": torch.from_numpy(partition(layout, left))}


@pytest.mark.parametrize("layout", [OPENPOSE18, RING], ids=lambda layout: layout.name)
@pytest.mark.parametrize("name", ["st_gcn", "agcn", "ms_g3d"])
def test_a_step_of_training_sees_the_graph_of_what_is_left_and_evaluation_the_whole_one(name, layout, generator):
    options = {} if name == "ms_g3d" else {"n_blocks": 4}
    dropping, whole = BACKBONES[name](layout, drop_edge=0.3, **options).double(), BACKBONES[name](layout, **options)
    whole.double()
    for key, weight in whole.state_dict().items():
        if key.endswith("gcn1.bn.weight"):
            weight.fill_(1.0)  # at 1e-6 the graph would count for nothing beside the residual
    dropping.load_state_dict(whole.state_dict())
    bodies = torch.randn(2, 5, layout.n_joints, 3, generator=generator, dtype=torch.float64)
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


@pytest.mark.parametrize("name", ["st_gcn", "agcn", "ms_g3d"])
def test_features_follow_from_the_seed_of_the_episode(name, generator):
    model = BACKBONES[name](NTU25, drop_edge=0.5, **({} if name == "ms_g3d" else {"n_blocks": 4}))
    bodies = torch.randn(2, 6, 25, 3, generator=generator)

    def features(seed: int) -> torch.Tensor:
        reseed_dropout(model, seed)
        return model(bodies)

    with torch.no_grad():
        first = features(1)
        next_step = model(bodies)
        assert torch.equal(features(1), first)
        assert not torch.equal(next_step, first)
        assert not torch.equal(features(2), first)


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
