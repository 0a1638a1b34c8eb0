"""Graphs of a skeleton that has lost bones (DropEdge, Rong et al., ICLR 2020), made of those of the whole skeleton.

The entries of a lost bone are set to zero, whichever way it runs, and what is left of a column is divided by its sum;
the distances of MS-G3D are powers of the adjacency that is left. `left` holds the bones that are not lost.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dastm.contract.skeleton import Layout
from tests.oracles import agcn, graph, ms_g3d

Array = NDArray[np.float64]
Bones = Sequence[tuple[int, int]]


def is_left(i: int, j: int, left: Bones) -> bool:
    return i == j or (i, j) in left or (j, i) in left


def spatial_partition(layout: Layout, left: Bones) -> Array:
    """ST-GCN: all partitions of a column are normalised together."""
    partition = graph.spatial_partition(layout)
    for j in range(layout.n_joints):
        for i in range(layout.n_joints):
            if not is_left(i, j, left):
                partition[:, i, j] = 0
        partition[:, :, j] /= partition[:, :, j].sum()
    return partition


def directed_partition(layout: Layout, left: Bones) -> Array:
    """2s-AGCN: every graph is normalised by itself, and a column may be empty."""
    partition = agcn.directed_partition(layout)
    for k in range(3):
        for j in range(layout.n_joints):
            for i in range(layout.n_joints):
                if not is_left(i, j, left):
                    partition[k, i, j] = 0
            if partition[k, :, j].any():
                partition[k, :, j] /= partition[k, :, j].sum()
    return partition


def multi_scale(layout: Layout, left: Bones, n_frames: int, n_scales: int) -> Tensor:
    """MS-G3D, of a frame or a window."""
    A = ms_g3d.binary_adjacency(layout)
    for i in range(layout.n_joints):
        for j in range(layout.n_joints):
            if not is_left(i, j, left):
                A[i, j] = 0
    return ms_g3d.multi_scale(A if n_frames == 1 else ms_g3d.window_graph(A, n_frames), n_scales)
