"""DropEdge: at every training step the skeleton loses some of its bones, each time different ones.

In: nothing but the layout. Out: the bones that are left, or a backbone's graphs of them.
Rong, Huang, Xu & Huang, "DropEdge: Towards Deep Graph Convolutional Networks on Node Classification", ICLR 2020,
https://arxiv.org/abs/1907.10903. As there (section 4.1): a share of the edges, counted and not a probability for each;
one draw for all layers; self loops stay and the graph is normalised again; the whole graph in evaluation.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from dastm.contract.skeleton import Layout
from dastm.layers.dropout import Reseeded
from dastm.layers.graph import Bones


class DropEdge(Reseeded):
    """Draw which bones a step does without.

    The original keeps the whole part of its share of the edges. A skeleton has so few that this would not be the share:
    0.1 of 24 bones would be 3. Here the share is rounded down or up at random, and right on average: 2 or 3, mean 2.4.
    The original drops the two directions of an edge apart; a bone is dropped in both, or there would be half bones.

    Draws follow from the seed of the last `reseed` (0 at first) and the number of calls since, on any device; they are
    not part of the state dict.

    Args:
        layout: whose bones are dropped; one that is listed twice is one, and one from a joint to itself is a self loop.
        rate: the share that is dropped.

    Raises: ValueError if rate is outside [0, 1).
    """

    def __init__(self, layout: Layout, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"drop_edge: a share in [0, 1), got {rate}")
        self.rate = rate
        self._bones = layout.bones
        self._undirected = sorted({frozenset(bone) for bone in layout.bones if bone[0] != bone[1]}, key=sorted)
        self.reseed(0)

    @property
    def drops(self) -> bool:
        """Whether the rate is above zero."""
        return self.rate > 0

    def reseed(self, seed: int) -> None:
        """Start the sequence of draws that belongs to `seed`.

        Raises: ValueError if seed is negative.
        """
        self._rng = np.random.default_rng(seed)

    def forward(self) -> Bones | None:
        """The bones that are left, in the order and direction of the layout; None where none are to be dropped."""
        if not (self.training and self.drops):
            return None
        n_bones = len(self._undirected)
        n_dropped = math.floor(n_bones * self.rate + self._rng.random())
        dropped = {self._undirected[i] for i in self._rng.choice(n_bones, n_dropped, replace=False)}
        return tuple(bone for bone in self._bones if frozenset(bone) not in dropped)

    def graphs(self, whole: Sequence[Tensor], make: Callable[[Bones], Sequence[Tensor]]) -> Sequence[Tensor]:
        """The graphs that this step sees: those of the whole skeleton, or what `make` gives for the bones left.

        Shapes: `make` gives as many graphs as `whole`, of the same shapes; they go to the device and type of `whole`.
        """
        left = self()
        return whole if left is None else [graph.to(whole[0], non_blocking=True) for graph in make(left)]

    def extra_repr(self) -> str:
        """What `print(module)` shows of this layer."""
        return f"rate={self.rate}"
