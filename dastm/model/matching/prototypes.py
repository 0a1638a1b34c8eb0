"""Prototypes: support features and their labels in, the mean feature of each class out (C_k of section 3.1, DASTM).

Axes: L support clips, W ways (classes), S frames, V joints, D channels.
"""

import torch
from torch import Tensor

from dastm.layers.full_product import full_product


def prototypes(support_LSVD: Tensor, labels_L: Tensor, n_way: int) -> Tensor:
    """Mean of each class's support features, frame by frame and joint by joint.

    Shapes: support_LSVD (L, S, V, D), labels_L (L,) integers in 0..n_way-1 -> (W, S, V, D). Counts may differ by class.
    Raises: ValueError if the shapes do not fit; on the CPU also if a label is out of range or a class has no clip (an
    accelerator would have to be waited for: there such a prototype is nan).
    """
    check_labels(support_LSVD, labels_L, n_way)
    members_WL = (labels_L == torch.arange(n_way, device=labels_L.device)[:, None]).to(support_LSVD.dtype)
    means_WE = full_product(members_WL / members_WL.sum(1, keepdim=True), support_LSVD.flatten(1))
    return means_WE.view(n_way, *support_LSVD.shape[1:])


def check_labels(support_LSVD: Tensor, labels_L: Tensor, n_way: int) -> None:
    """Raise what `prototypes` raises."""
    if support_LSVD.ndim != 4 or labels_L.shape != support_LSVD.shape[:1]:
        shapes = tuple(support_LSVD.shape), tuple(labels_L.shape)
        raise ValueError(f"expected support (L, S, V, D) and labels (L,), got {shapes[0]} and {shapes[1]}")
    if labels_L.device.type != "cpu":
        return
    labels = labels_L.tolist()
    wrong = [label for label in labels if not 0 <= label < n_way]
    if wrong:
        raise ValueError(f"label {wrong[0]} is outside 0..{n_way - 1}")
    empty = set(range(n_way)) - set(labels)
    if empty:
        raise ValueError(f"class {min(empty)} has no support clip")
