"""Channels, strides and dropout of a network's blocks, worked out by hand."""

import pytest

from dastm.layers.blocks import BlockShape, block_shapes, resized

DEPTHS = {3: ((8, 1), (8, 1), (16, 2)), 1: ((8, 2),)}


def test_a_block_takes_what_the_one_before_it_gives_and_the_first_has_no_dropout():
    assert block_shapes(DEPTHS, 3, 2, 0.5) == (
        BlockShape(2, 8, 1, first=True, dropout=0.0),
        BlockShape(8, 8, 1, first=False, dropout=0.5),
        BlockShape(8, 16, 2, first=False, dropout=0.5),
    )
    assert block_shapes(DEPTHS, 1, 8, 0.5) == (BlockShape(8, 8, 2, first=True, dropout=0.0),)


@pytest.mark.parametrize(("shape", "keeps"), [((4, 4, 1), True), ((4, 8, 1), False), ((4, 4, 2), False)])
def test_a_shape_is_kept_by_as_many_channels_and_all_frames(shape, keeps):
    assert BlockShape(*shape).keeps_shape == keeps


def test_another_depth_is_refused():
    with pytest.raises(ValueError, match="n_blocks: one of 3, 1, got 2"):
        block_shapes(DEPTHS, 2, 2, 0.0)


def test_a_depth_can_have_other_channels_and_strides_one_for_each_block():
    assert resized(DEPTHS, 3, (4, 5, 6)) == {3: ((4, 1), (5, 1), (6, 2))}
    assert resized(DEPTHS, 3, strides=(2, 1, 1)) == {3: ((8, 2), (8, 1), (16, 1))}
    assert resized(DEPTHS, 3) == {3: DEPTHS[3]}
    assert resized(DEPTHS, 2, (4, 5)) == DEPTHS
    with pytest.raises(ValueError, match="channels: one for each of 3 blocks, got 2"):
        resized(DEPTHS, 3, (4, 5))
    with pytest.raises(ValueError, match="strides: one for each of 1 blocks, got 3"):
        resized(DEPTHS, 1, None, (1, 1, 1))
