"""Mirrored clips as additional classes of pretraining: waving the left hand is another action than waving the right.

In: bodies of a layout whose joints are named after their sides. Out: the mirrored bodies: x, which is the axis of the
shoulders if the preparation turned clips, changes its sign, and left and right joints are exchanged.

Axes: B bodies, T frames, V joints, C coordinates.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dastm.contract.errors import RunError
from dastm.contract.shard_format import Manifest
from dastm.contract.skeleton import Layout
from dastm.episodes.augmentation import check_order

OTHER = {"left": "right", "right": "left"}


def checked_partners(manifest: Manifest) -> tuple[int, ...]:
    """`partners` for the layout of shards.

    Raises: RunError if their clips cannot be mirrored.
    """
    check_order(manifest, "pretrain.mirror")
    try:
        return partners(manifest.layout)
    except ValueError as error:
        raise RunError(
            f"pretrain.mirror: {manifest.dataset}: {error}; rename the joints, or set it to false"
        ) from error


def partners(layout: Layout) -> tuple[int, ...]:
    """For every joint the one on the other side, by name ('left x' and 'right x'), or itself in the middle.

    Raises: ValueError if the layout names no sides, or only one joint of a pair.
    """
    names = {name.casefold(): joint for joint, name in enumerate(layout.joints)}
    found = []
    for name in names:
        other = next((name.replace(side, OTHER[side], 1) for side in OTHER if side in name), name)
        if other not in names:
            raise ValueError(f"layout {layout.name} has a joint {name!r} and none {other!r}")
        found.append(names[other])
    if len(names) < layout.n_joints or found == list(range(layout.n_joints)):
        raise ValueError(f"layout {layout.name} has no joints that are told apart as left and right by their names")
    return tuple(found)


def mirrored(joints_BTVC: Tensor, which_B: Tensor, partner_V: Sequence[int]) -> Tensor:
    """Mirror the bodies that `which_B` marks; the others are unchanged.

    Shapes: joints (B, T, V, C), x first; which (B,) bool; partners (V,) -> (B, T, V, C).
    """
    order = torch.tensor(partner_V).to(joints_BTVC.device, non_blocking=True)
    swapped = joints_BTVC.index_select(2, order)
    swapped = torch.cat([-swapped[..., :1], swapped[..., 1:]], dim=-1)
    return torch.where(which_B[:, None, None, None], swapped, joints_BTVC)
