"""Further input streams of a skeleton: its bones and its motion, of the shape of the joints themselves.

In: bodies of a layout. Out: as many vectors, one a joint and frame, which any backbone takes in place of the joints; or
the features of one backbone for each stream.
Shi, Zhang, Cheng & Lu, "Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action Recognition",
CVPR 2019, https://arxiv.org/abs/1805.07694 (bones); the same authors' "Skeleton-Based Action Recognition
with Multi-Stream Adaptive Graph Convolutional Networks", 2019, https://arxiv.org/abs/1912.06971 (motion).

Axes: B bodies, T frames, V joints, C coordinates. Absent bodies, all zeros, stay zeros.
"""

from collections.abc import Mapping
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from dastm.config.schema import Stream
from dastm.contract.skeleton import Layout
from dastm.layers.input_norm import check_bodies

STREAMS: tuple[str, ...] = get_args(Stream)


class Streams(nn.Module):
    """One network a stream, their features side by side.

    The published models train the networks apart and add their scores. The equivalent for a metric is features side by
    side: a squared Euclidean distance of them is the sum of those of the networks.

    Args:
        networks: stream -> backbone of that layout; all with the same strides. Features come in this order.

    The weights are those of a fixed seed until `reset` or `load_state_dict`; no global generator is touched.
    Raises: ValueError without a stream, or for an unknown one.
    """

    def __init__(self, layout: Layout, networks: Mapping[str, nn.Module]) -> None:
        super().__init__()
        unknown = [name for name in networks if name not in STREAMS]
        if unknown or not networks:
            got = repr(unknown[0]) if unknown else "none"
            raise ValueError(f"streams: one or more of {', '.join(STREAMS)}, got {got}")
        self.layout = layout
        self.networks = nn.ModuleDict(networks)
        in_order = self._networks()
        self.strides: tuple[int, ...] = in_order[0].strides
        self.n_features: int = sum(network.n_features for network in in_order)
        self.reset(torch.Generator().manual_seed(0))

    def forward(self, bodies_BTVC: Tensor) -> Tensor:
        """Features of every frame left by the strides and of every joint, stream after stream.

        Shapes: bodies (B, T, V, C), as one of the networks takes them -> (B, m, V, D), D = n_features.
        Raises: ValueError if the shape is not that of the layout.
        """
        check_bodies(bodies_BTVC, self.layout)
        features = [network(stream(bodies_BTVC, self.layout, name)) for name, network in self.networks.items()]
        return features[0] if len(features) == 1 else torch.cat(features, dim=-1)

    def n_frames_out(self, n_frames: int) -> int:
        """m: how many feature frames come of `n_frames`."""
        m: int = self._networks()[0].n_frames_out(n_frames)
        return m

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights again, network after network; the first gets the weights that it would have alone."""
        for network in self._networks():
            network.reset(generator)

    def _networks(self) -> list[Any]:
        return list(self.networks.values())


def stream(bodies_BTVC: Tensor, layout: Layout, name: str) -> Tensor:
    """What the network of a stream sees of bodies; one of `STREAMS`. Shapes: (B, T, V, C) -> the same."""
    vectors = bones(bodies_BTVC, layout) if name.startswith("bone") else bodies_BTVC
    return motion(vectors) if name.endswith("motion") else vectors


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
