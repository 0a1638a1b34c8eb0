"""Further input streams of a skeleton: its bones and its motion, of the shape of the joints themselves.

In: bodies of a layout. Out: as many vectors, one a joint and frame, which any backbone takes in place of the joints.
Shi, Zhang, Cheng & Lu, "Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action Recognition",
CVPR 2019, https://arxiv.org/abs/1805.07694 (bones); the same authors' "Skeleton-Based Action Recognition
with Multi-Stream Adaptive Graph Convolutional Networks", 2019, https://arxiv.org/abs/1912.06971 (motion).

Axes: B bodies, T frames, V joints, C coordinates. Absent bodies, all zeros, stay zeros.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from dastm.skeleton import Layout


def bone_sources(layout: Layout) -> tuple[int, ...]:
    """For every joint the joint that it hangs on by the bone list (the first one named there); itself at the root."""
    sources = dict(reversed(layout.bones))
    return tuple(sources.get(joint, joint) for joint in range(layout.n_joints))


def bones(bodies_BTVC: Tensor, layout: Layout) -> Tensor:
    """The vector to every joint from the joint that it hangs on, and zero at the root.

    Every coordinate is subtracted, a confidence too, as published. For OpenPose-18 the published bones start at the
    nose, here as everywhere in the bone list at the neck: one bone is turned round, and stored at its other end.

    Shapes: bodies (B, T, V, C) -> the same; any axes may stand before V.
    """
    # Views, not an index tensor: that would be a copy to the device, which a captured CUDA graph does not allow.
    sources = [bodies_BTVC[..., joint : joint + 1, :] for joint in bone_sources(layout)]
    return bodies_BTVC - torch.cat(sources, dim=-2)


def motion(bodies_BTVC: Tensor) -> Tensor:
    """What every coordinate moves by until the next frame, and zero in the last frame. Of joints or of bones.

    The published streams take the motion between frames of the recording; here it is between the frames that come in,
    which may have been sampled from it.

    Shapes: bodies (B, T, V, C) -> the same; any axes may stand before T.
    """
    return pad(bodies_BTVC.diff(dim=-3), (0, 0, 0, 0, 0, 1))
