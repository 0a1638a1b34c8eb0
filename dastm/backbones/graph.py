"""The skeleton as a graph: ST-GCN's spatial configuration partition of a layout's joints.

In: a `Layout`. Out: one (V, V) matrix a partition, `x_V @ A_VV` gathers at every joint what its neighbours hold.
Yan, Xiong & Lin, "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition", AAAI 2018,
https://arxiv.org/abs/1801.07455, section 3.3 (spatial configuration partitioning) and Eq. 10.

Axes: P partitions, V joints. A[p, i, j] is the weight of joint i's value in what joint j gathers.
"""

import torch
from torch import Tensor

from dastm.skeleton import Layout

Bones = tuple[tuple[int, int], ...]
UNREACHED = 1 << 40


def hop_distances(layout: Layout, bones: Bones | None = None) -> Tensor:
    """How many bones lie between two joints on the shortest way, by breadth-first search from every joint.

    Args:
        bones: those that are left of the layout's; None: all. `UNREACHED` where none lead from one joint to the other.

    Shapes: -> (V, V) int64, symmetric, zero on the diagonal.
    """
    neighbours: list[list[int]] = [[] for _ in layout.joints]
    for a, b in layout.bones if bones is None else bones:
        neighbours[a].append(b)
        neighbours[b].append(a)
    return torch.tensor([_hops_from(start, neighbours) for start in range(layout.n_joints)], dtype=torch.int64)


def spatial_partition(layout: Layout, max_hop: int = 1, bones: Bones | None = None) -> Tensor:
    """The normalised adjacency A D^-1 of joints at most `max_hop` apart, cut into partitions.

    D holds the column sums of the adjacency with self loops, so the columns of all partitions together sum to one.
    Partition 0 is the joint itself. Each hop h = 1 .. max_hop adds two: its joints at least as far from the hub as
    the gathering joint (2h - 1), and its joints nearer to the hub (2h). This order is that of the published weights.

    Args:
        bones: those that are left of the layout's; None: all. What is nearer to the hub is always told by all.

    Shapes: -> (1 + 2 * max_hop, V, V) float32; (3, V, V) as published.
    Raises: ValueError if max_hop < 1.
    """
    if max_hop < 1:
        raise ValueError(f"max_hop: at least 1, got {max_hop}")
    hops_VV = hop_distances(layout, bones)
    to_hub_V = hop_distances(layout)[layout.hub]
    nearer_VV = to_hub_V[:, None] < to_hub_V[None, :]
    adjacency_VV = (hops_VV <= max_hop).float()
    normal_VV = adjacency_VV / adjacency_VV.sum(dim=0)
    partitions = [normal_VV * (hops_VV == 0)]
    for hop in range(1, max_hop + 1):
        at_hop_VV = hops_VV == hop
        partitions += [normal_VV * (at_hop_VV & ~nearer_VV), normal_VV * (at_hop_VV & nearer_VV)]
    return torch.stack(partitions)


def _hops_from(start: int, neighbours: list[list[int]]) -> list[int]:
    hops = {start: 0}
    frontier = [start]
    while frontier:
        reached = [(b, hops[a] + 1) for a in frontier for b in neighbours[a] if b not in hops]
        hops.update(reached)
        frontier = list(dict(reached))
    return [hops.get(joint, UNREACHED) for joint in range(len(neighbours))]
