"""What every backbone begins with: bodies of the right shape, and the batch norm of every coordinate of every joint.

Axes: B bodies, T frames, V joints, C coordinates; L clips, M body slots.
"""

import math

from torch import Tensor

from dastm.contract.skeleton import Layout
from dastm.layers.batch_norm import BatchNorm1d


def body_shape(layout: Layout, n_streams: int = 1) -> tuple[int, int]:
    """(V, C): joints of one body in one frame, and the coordinates of all streams side by side."""
    return layout.n_joints, len(layout.coordinates) * n_streams


def check_bodies(bodies_BTVC: Tensor, layout: Layout, n_streams: int = 1) -> None:
    """Raise ValueError unless the shape is (B, T, V, C) with the layout's V, and C its coordinates for each stream."""
    if bodies_BTVC.ndim != 4 or tuple(bodies_BTVC.shape[2:]) != body_shape(layout, n_streams):
        n_joints, n_coordinates = body_shape(layout, n_streams)
        raise ValueError(f"bodies: expected (B, T, {n_joints}, {n_coordinates}), got {tuple(bodies_BTVC.shape)}")


class InputNorm(BatchNorm1d):
    """The published batch norm: entries slot after slot, joint after joint, coordinate after coordinate.

    Args:
        body_slots: sets of statistics, one for each of a clip's bodies; 1: one for all bodies.
        n_streams: how many times the layout's coordinates come in, side by side.

    Raises: ValueError if body_slots < 1.
    """

    def __init__(self, layout: Layout, body_slots: int = 1, n_streams: int = 1) -> None:
        if body_slots < 1:
            raise ValueError(f"body_slots: at least 1, got {body_slots}")
        super().__init__(body_slots * math.prod(body_shape(layout, n_streams)))
        self.layout, self.body_slots, self.n_streams = layout, body_slots, n_streams

    def forward(self, bodies_BTVC: Tensor) -> Tensor:
        """Bodies on one scale; the statistics are those of the published (L, M*V*C, T) batch norm.

        Shapes: bodies (B, T, V, C), B = L * M, the slots of a clip one after the other -> the same.
        Raises: ValueError if the shape is not that of the layout, or if B is no multiple of body_slots.
        """
        check_bodies(bodies_BTVC, self.layout, self.n_streams)
        n_bodies = bodies_BTVC.shape[0]  # not len(): where a program is exported, it stays free
        if n_bodies % self.body_slots:
            raise ValueError(f"bodies: {self.body_slots} a clip, got {n_bodies} in all")
        n_clips = n_bodies // self.body_slots
        rows_LTMVC = bodies_BTVC.reshape(n_clips, self.body_slots, *bodies_BTVC.shape[1:]).transpose(1, 2)
        # Rows of (slot, joint, coordinate) a frame: a view of one slot, a copy of several.
        normal_LTMVC = super().forward(rows_LTMVC.flatten(0, 1).flatten(1)).view(rows_LTMVC.shape)
        return normal_LTMVC.transpose(1, 2).flatten(0, 1)
