"""Further input streams of a skeleton: bones, motion, directions, and joints relative to their centre, in the same
shape.

In: bodies of a layout. Out: one vector per joint and frame, which any backbone accepts in place of the joints; or the
features of one backbone for each stream, or of one for all.
Shi, Zhang, Cheng & Lu, "Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action Recognition",
CVPR 2019, https://arxiv.org/abs/1805.07694 (bones); the same authors' "Skeleton-Based Action Recognition
with Multi-Stream Adaptive Graph Convolutional Networks", 2019, https://arxiv.org/abs/1912.06971 (motion).

Axes: B bodies, T frames, V joints, C coordinates. Absent bodies, all zeros, stay zeros.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from dastm.config.schema import Stream
from dastm.contract.skeleton import Layout
from dastm.layers.centring import about, from_parents
from dastm.layers.input_norm import check_bodies

STREAMS: tuple[str, ...] = get_args(Stream)
LEAST_STEP = 1e-6
"""Smallest movement of a body, in the units of the shards; less is rounding."""
SIZE = 0.8
"""The size of the average step of a joint, about that of positions in metres or torso lengths."""


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
        check_streams(networks)
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
        """The number m of feature frames for `n_frames` frames."""
        m: int = self._networks()[0].n_frames_out(n_frames)
        return m

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights again, network after network; the first gets the weights that it would have alone."""
        for network in self._networks():
            network.reset(generator)

    def _networks(self) -> list[Any]:
        return list(self.networks.values())


class SideBySide(nn.Module):
    """One network for all streams: their coordinates side by side are the channels that it takes.

    Args:
        streams: in the order of the channels.
        network: a backbone of that layout with `n_streams` as many.

    Raises: ValueError without a stream, or for an unknown one.
    """

    def __init__(self, layout: Layout, streams: Sequence[str], network: Any) -> None:
        super().__init__()
        check_streams(streams)
        self.layout, self.streams, self.network = layout, tuple(streams), network
        self.strides: tuple[int, ...] = network.strides
        self.n_features: int = network.n_features

    def forward(self, bodies_BTVC: Tensor) -> Tensor:
        """Features of every frame left by the strides and of every joint.

        Shapes: bodies (B, T, V, C), as the network takes them -> (B, m, V, D), D = n_features.
        Raises: ValueError if the shape is not that of the layout.
        """
        check_bodies(bodies_BTVC, self.layout)
        features: Tensor = self.network(
            torch.cat([stream(bodies_BTVC, self.layout, name) for name in self.streams], -1)
        )
        return features

    def n_frames_out(self, n_frames: int) -> int:
        """The number m of feature frames for `n_frames` frames."""
        m: int = self.network.n_frames_out(n_frames)
        return m

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights again."""
        self.network.reset(generator)

    def extra_repr(self) -> str:
        """What `print(module)` shows of this layer."""
        return ", ".join(self.streams)


def check_streams(names: Collection[str]) -> None:
    """Raise ValueError where there is no stream, or one that is unknown."""
    unknown = [name for name in names if name not in STREAMS]
    if unknown or not names:
        got = repr(unknown[0]) if unknown else "none"
        raise ValueError(f"streams: one or more of {', '.join(STREAMS)}, got {got}")


def stream(bodies_BTVC: Tensor, layout: Layout, name: str) -> Tensor:
    """What the network of a stream sees of bodies; one of `STREAMS`. Shapes: (B, T, V, C) -> the same."""
    if name.startswith("local"):
        bodies_BTVC = about(bodies_BTVC, layout.centre, layout.n_space)
    if name.endswith("direction"):
        return directions(bodies_BTVC, layout)
    vectors = bones(bodies_BTVC, layout) if name.startswith("bone") else bodies_BTVC
    return motion(vectors) if name.endswith("motion") else vectors


def bone_sources(layout: Layout) -> tuple[int, ...]:
    """For every joint its parent in the bone list (the first one named there); itself at the root."""
    sources = dict(reversed(layout.bones))
    return tuple(sources.get(joint, joint) for joint in range(layout.n_joints))


def bones(bodies_BTVC: Tensor, layout: Layout) -> Tensor:
    """The vector to every joint from its parent joint, and zero at the root.

    Every coordinate is subtracted, a confidence too, as published. For OpenPose-18 the published bones start at the
    nose, here as everywhere in the bone list at the neck: one bone is turned round, and stored at its other end.

    Shapes: bodies (B, T, V, C) -> the same; any axes may stand before V.
    """
    return from_parents(bodies_BTVC, bone_sources(layout))


def motion(bodies_BTVC: Tensor) -> Tensor:
    """The change of every coordinate to the next frame, zero in the last frame; of joints or of bones.

    The published streams take the motion between frames of the recording; here it is between the frames that come in,
    which may have been sampled from it.

    Shapes: bodies (B, T, V, C) -> the same; any axes may stand before T.
    """
    return pad(bodies_BTVC.diff(dim=-3), (0, 0, 0, 0, 0, 1))


def directions(bodies_BTVC: Tensor, layout: Layout) -> Tensor:
    """The direction of every joint to the next frame, independent of speed: its step as a share of the whole body's
    step.

    The last frame repeats the step before it. Steps are divided by the norm of the steps of all joints together and
    multiplied by 0.8 sqrt(V), so that they have about the size of positions; a body that does not move has zeros. A
    confidence is passed on.

    Shapes: bodies (B, T, V, C) -> the same.
    """
    n_space = layout.n_space
    places = bodies_BTVC[..., :n_space]
    steps = places.diff(dim=1) if places.shape[1] > 1 else torch.zeros_like(places)
    if steps.shape[1] < places.shape[1]:
        steps = torch.cat([steps, steps[:, -1:]], dim=1)
    lengths = steps.flatten(2).norm(dim=2)[..., None, None].clamp_min(LEAST_STEP)
    return torch.cat([steps / lengths * (SIZE * layout.n_joints**0.5), bodies_BTVC[..., n_space:]], dim=-1)
