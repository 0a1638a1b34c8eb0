"""Vector instructions and Python's numbers find the same characters, however a block lies in its text."""

import numpy as np
import pytest

from pipeline.kernels import blocks

pytestmark = pytest.mark.kernel


@blocks.kernel
def looked_at(text, at):
    return blocks.masks(text, at), blocks.eight_bytes(text, at)


@blocks.kernel
def counted(mask):
    return blocks.count(mask), blocks.lowest(mask)


def test_masks_name_each_kind_of_character():
    data = b"07.+-eE \r\nx".ljust(64, b"\0") + b"9"
    found = looked_at(blocks.as_text(data), 0)[0]
    assert [int(mask) for mask in found] == [0b11, 0b100, 0b11000, 0b1100000, 1 << 7, 1 << 8, 1 << 9]
    assert int(looked_at(blocks.as_text(data), 1)[0][0]) == 1 << 63 | 1


def test_any_block_of_any_bytes_has_the_masks_of_its_plain_twin(rng):
    data = rng.integers(0, 256, 1000, dtype=np.uint8).tobytes() + b"0123456789+-.eE \r\n" * 20
    text = blocks.as_text(data)
    for at in range(len(data) - blocks.BLOCK + 1):
        found, eight = looked_at(text, at)
        assert tuple(map(int, found)) == blocks._masks_plain(data, at)
        assert int(eight) == blocks._eight_plain(data, at)


def test_bits_are_counted_and_the_lowest_is_found(rng):
    for mask in [1, 1 << 63, blocks.FULL, *rng.integers(1, 2**63, 50, dtype=np.uint64)]:
        bits = [i for i in range(64) if int(mask) >> i & 1]
        assert tuple(map(int, counted(blocks.word(mask)))) == (len(bits), bits[0])
        assert (blocks._count_plain(int(mask)), blocks._lowest_plain(int(mask))) == (len(bits), bits[0])
