"""How many numbers each publication's network learns, counted layer by layer from its definition.

`n_classes` 0 leaves the classifier out; `n_slots` is the number of bodies that the input norm tells apart.
"""

from collections.abc import Sequence
from itertools import pairwise

WIDTHS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
"""Of ST-GCN and 2s-AGCN."""


def conv(n_in: int, n_out: int, kernel: int = 1) -> int:
    return n_in * n_out * kernel + n_out


def norm(channels: int) -> int:
    return 2 * channels


def st_gcn(n_joints: int, n_coordinates: int = 3, n_classes: int = 0, edge_importance: bool = True) -> int:
    """Yan et al. 2018, with the spatial partition: three matrices."""
    count = norm(n_joints * n_coordinates) + edge_importance * len(WIDTHS) * 3 * n_joints**2
    for i, (c, d) in enumerate(pairwise((n_coordinates, *WIDTHS))):
        count += conv(c, 3 * d) + norm(d) + conv(d, d, kernel=9) + norm(d)
        if i > 0 and c != d:
            count += conv(c, d) + norm(d)
    return count + (n_classes and conv(256, n_classes))


def agcn(n_joints: int, n_coordinates: int = 3, n_classes: int = 0, n_slots: int = 1) -> int:
    """Shi et al. 2019, one stream."""
    count = norm(n_slots * n_joints * n_coordinates)
    for i, (c, d) in enumerate(pairwise((n_coordinates, *WIDTHS))):
        count += 3 * (n_joints**2 + 2 * conv(c, d // 4) + conv(c, d)) + norm(d)
        count += conv(d, d, kernel=9) + norm(d)
        projections = 0 if c == d else 1 if i == 0 else 2
        count += projections * (conv(c, d) + norm(d))
    return count + (n_classes and conv(256, n_classes))


def ms_g3d(
    n_joints: int,
    strides: Sequence[int],
    n_scales: int = 13,
    n_window_scales: int = 6,
    n_coordinates: int = 3,
    n_classes: int = 0,
    n_slots: int = 1,
) -> int:
    """Liu et al. 2020, of as many blocks as strides."""
    count = norm(n_slots * n_joints * n_coordinates)
    widths = (n_coordinates, *(96, 192, 384)[: len(strides)])
    for i, (c, d) in enumerate(pairwise(widths)):
        inner = d if i == 0 else c
        count += graph_conv(n_joints, n_scales, c, inner)
        count += temporal(inner, d, strides[i]) + temporal(d, d, 1) + temporal(d, d, 1)
        for window in (3, 5):
            count += graph_conv(n_joints * window, n_window_scales, c, inner) + conv(inner, d, kernel=window) + norm(d)
    return count + (n_classes and conv(widths[-1], n_classes))


def graph_conv(n_nodes: int, n_scales: int, c: int, d: int) -> int:
    return n_scales * n_nodes**2 + conv(n_scales * c, d) + norm(d)


def temporal(c: int, d: int, stride: int) -> int:
    width = d // 6
    count = 4 * (conv(c, width) + norm(width) + conv(width, width, kernel=3) + norm(width))
    count += conv(c, width) + 2 * norm(width)
    count += conv(c, width) + norm(width)
    return count + (conv(c, d) + norm(d) if c != d or stride != 1 else 0)


def lstm(n_joints: int, n_layers: int = 2, n_coordinates: int = 3) -> int:
    """Two biases a gate, as PyTorch has them, and the map from 256 units to 256 features of every joint."""
    width = n_joints * n_coordinates
    count = norm(width) + conv(256, 256 * n_joints)
    for layer in range(n_layers):
        count += 4 * 256 * ((width if layer == 0 else 256) + 256 + 2)
    return count
