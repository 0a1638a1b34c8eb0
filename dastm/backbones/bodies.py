"""What every backbone begins with: bodies of the right shape, and the batch norm of every coordinate of every joint.

Axes: B bodies, T frames, V joints, C coordinates; L clips, M body slots.
"""

import math

from torch import Tensor, nn


def check_bodies(bodies_BTVC: Tensor, body_shape: tuple[int, int]) -> None:
    """Raise ValueError unless the shape is (B, T, V, C) of a layout's (V, C)."""
    if bodies_BTVC.ndim != 4 or tuple(bodies_BTVC.shape[2:]) != body_shape:
        n_joints, n_coordinates = body_shape
        raise ValueError(f"bodies: expected (B, T, {n_joints}, {n_coordinates}), got {tuple(bodies_BTVC.shape)}")


def input_norm(body_shape: tuple[int, int], body_slots: int = 1) -> nn.BatchNorm1d:
    """The published batch norm: entries slot after slot, joint after joint, coordinate after coordinate.

    Raises: ValueError if body_slots < 1.
    """
    if body_slots < 1:
        raise ValueError(f"body_slots: at least 1, got {body_slots}")
    return nn.BatchNorm1d(body_slots * math.prod(body_shape))


def normal_bodies(bodies_BTVC: Tensor, norm: nn.BatchNorm1d, body_shape: tuple[int, int]) -> Tensor:
    """The input norm of bodies; its statistics are those of the published (L, M*V*C, T) batch norm.

    Shapes: bodies (B, T, V, C), B = L * M, the slots of a clip one after the other -> the same.
    Raises: ValueError if the shape is not that of the layout, or if B is no multiple of the norm's slots.
    """
    check_bodies(bodies_BTVC, body_shape)
    n_slots = norm.num_features // math.prod(body_shape)
    if len(bodies_BTVC) % n_slots:
        raise ValueError(f"bodies: {n_slots} a clip, got {len(bodies_BTVC)} in all")
    rows_LTMVC = bodies_BTVC.reshape(len(bodies_BTVC) // n_slots, n_slots, *bodies_BTVC.shape[1:]).transpose(1, 2)
    # Rows of (slot, joint, coordinate) a frame: a view of one slot, a copy of several.
    normal_LTMVC: Tensor = norm(rows_LTMVC.flatten(0, 1).flatten(1)).view(rows_LTMVC.shape)
    return normal_LTMVC.transpose(1, 2).flatten(0, 1)
