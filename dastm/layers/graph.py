"""The skeleton as a graph: how far apart joints are, and what each joint gathers from which joints.

In: a `Layout`. Out: one (V, V) matrix a partition, `x_V @ A_VV` gathers at every joint what its neighbours hold.

Axes: P partitions, V joints. A[p, i, j] is the weight of joint i's value in what joint j gathers.
"""

import torch
from torch import Tensor

from dastm.contract.skeleton import Layout

Bones = tuple[tuple[int, int], ...]
UNREACHED = 1 << 40


def hop_distances(layout: Layout, bones: Bones | None = None) -> Tensor:
    """How many bones lie between two joints on the shortest way, by breadth-first search from every joint.

    Args:
        bones: the layout's bones that are left; None: all. `UNREACHED` if none lead from one joint to the other.

    Shapes: -> (V, V) int64, symmetric, zero on the diagonal.
    """
    neighbours: list[list[int]] = [[] for _ in layout.joints]
    for a, b in layout.bones if bones is None else bones:
        neighbours[a].append(b)
        neighbours[b].append(a)
    return torch.tensor([_hops_from(start, neighbours) for start in range(layout.n_joints)], dtype=torch.int64)


def spatial_partition(layout: Layout, bones: Bones | None = None) -> Tensor:
    """ST-GCN's graphs: the joint itself, its neighbours at least as far from the hub, and those nearer to the hub.

    Yan, Xiong & Lin, "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition", AAAI 2018,
    https://arxiv.org/abs/1801.07455, section 3.3 (spatial configuration partitioning) and Eq. 10. The normalised
    adjacency A D^-1 is cut into three; D holds the column sums of the adjacency with self loops, so the columns of all
    three together sum to one. This order is that of the published weights.

    Args:
        bones: the layout's bones that are left; None: all. All bones always decide which joints are nearer to the hub.

    Shapes: -> (3, V, V) float32.
    """
    hops_VV = hop_distances(layout, bones)
    to_hub_V = hop_distances(layout)[layout.hub]
    nearer_VV = to_hub_V[:, None] < to_hub_V[None, :]
    adjacency_VV = (hops_VV <= 1).float()
    normal_VV = adjacency_VV / adjacency_VV.sum(dim=0)
    neighbours_VV = hops_VV == 1
    members = (hops_VV == 0, neighbours_VV & ~nearer_VV, neighbours_VV & nearer_VV)
    return torch.stack([normal_VV * member_VV for member_VV in members])


def directed_partition(layout: Layout, bones: Bones | None = None) -> Tensor:
    """2s-AGCN's fixed graphs: the joint itself, the joint that it hangs on, and the joints that hang on it.

    Shi, Zhang, Cheng & Lu, "Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action Recognition",
    CVPR 2019, https://arxiv.org/abs/1805.07694. Columns sum to one, or to zero where a joint has no such neighbour.
    The published weights have the same order. ST-GCN divides joints differently (`spatial_partition`).

    Args:
        bones: the layout's bones that are left; None: all.

    Shapes: -> (3, V, V) float32.
    """
    inward_VV = torch.zeros(layout.n_joints, layout.n_joints)
    for joint, source in layout.bones if bones is None else bones:
        inward_VV[source, joint] = 1
    graphs = torch.stack((torch.eye(layout.n_joints), inward_VV, inward_VV.t()))
    return graphs / graphs.sum(dim=1, keepdim=True).clamp(min=1)


def _hops_from(start: int, neighbours: list[list[int]]) -> list[int]:
    hops = {start: 0}
    frontier = [start]
    while frontier:
        reached = [(b, hops[a] + 1) for a in frontier for b in neighbours[a] if b not in hops]
        hops.update(reached)
        frontier = list(dict(reached))
    return [hops.get(joint, UNREACHED) for joint in range(len(neighbours))]
