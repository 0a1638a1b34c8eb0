"""The blocks of a published network, one after the other: channels in and out, stride in time, dropout.

In: a table depth -> (channels, stride) of each block. Out: a `BlockShape` for each block that is to be built.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Depths = Mapping[int, Sequence[tuple[int, int]]]
"""Number of blocks -> (channels that go out, stride in time) of each."""


@dataclass(frozen=True)
class BlockShape:
    """What one block is built of."""

    in_channels: int
    out_channels: int
    stride: int = 1
    first: bool = False
    """In the published networks the first block has no residual."""
    dropout: float = 0.0

    @property
    def keeps_shape(self) -> bool:
        """Whether the output has the shape of the input, so that a residual needs no projection."""
        return self.in_channels == self.out_channels and self.stride == 1


def block_shapes(depths: Depths, n_blocks: int, n_inputs: int, dropout: float) -> tuple[BlockShape, ...]:
    """The blocks of a network of one of the depths, dropout in all but the first.

    Raises: ValueError for a depth that the table does not have.
    """
    if n_blocks not in depths:
        raise ValueError(f"n_blocks: one of {', '.join(map(str, depths))}, got {n_blocks}")
    widths = (n_inputs, *(width for width, _ in depths[n_blocks]))
    strides = (stride for _, stride in depths[n_blocks])
    return tuple(
        BlockShape(*channels, stride, first=i == 0, dropout=dropout if i > 0 else 0.0)
        for i, (channels, stride) in enumerate(zip(pairwise(widths), strides, strict=True))
    )


def resized(
    depths: Depths, n_blocks: int, channels: Sequence[int] | None = None, strides: Sequence[int] | None = None
) -> Depths:
    """The table with other channels or strides for one depth; None: as it has them.

    Raises: ValueError where there is not one for each block.
    """
    if n_blocks not in depths:
        return depths  # which `block_shapes` refuses
    for name, values in (("channels", channels), ("strides", strides)):
        if values is not None and len(values) != n_blocks:
            raise ValueError(f"{name}: one for each of {n_blocks} blocks, got {len(values)}")
    own_channels, own_strides = zip(*depths[n_blocks], strict=True)
    return {n_blocks: tuple(zip(channels or own_channels, strides or own_strides, strict=True))}
