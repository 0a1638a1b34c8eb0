"""Masks: how many, how large, whose, and the same again for the same seed."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from dastm.contract.skeleton import NTU25
from dastm.layers.drop_edge import DropEdge
from dastm.layers.dropout import Dropout, reseed_dropout

ONES = torch.ones(20_000)


def reseeded(p: float, seed: int) -> Dropout:
    layer = Dropout(p)
    layer.reseed(seed)
    return layer


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_a_share_p_is_zeroed_and_the_rest_scaled(p):
    y = reseeded(p, 7)(ONES)
    zeroed = (y == 0).float().mean().item()
    assert abs(zeroed - p) < 5 * (p * (1 - p) / len(ONES)) ** 0.5
    torch.testing.assert_close(y[y != 0], torch.full_like(y[y != 0], 1 / (1 - p)))


def test_gradient_is_the_mask():
    x = torch.ones(100, dtype=torch.float64, requires_grad=True)
    y = reseeded(0.5, 1)(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_same_seed_same_sequence_of_masks_and_other_seed_others():
    first, again, other = reseeded(0.5, 3), reseeded(0.5, 3), reseeded(0.5, 4)
    masks = [first(ONES), first(ONES)]
    assert torch.equal(masks[0], again(ONES))
    assert torch.equal(masks[1], again(ONES))
    assert not torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], other(ONES))
    first.reseed(3)
    assert torch.equal(first(ONES), masks[0])


def test_all_bits_of_the_seed_count():
    assert not torch.equal(reseeded(0.5, 3)(ONES), reseeded(0.5, 3 + 2**32)(ONES))


def test_number_of_threads_changes_no_mask():
    threads = torch.get_num_threads()
    try:
        masks = []
        for n in (1, 2):
            torch.set_num_threads(n)
            masks.append(reseeded(0.5, 3)(torch.ones(300, 1000)))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*masks)


def test_the_global_generator_is_neither_read_nor_moved():
    before = torch.get_rng_state()
    y = reseeded(0.5, 3)(ONES)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng():
        torch.rand(10)
        assert torch.equal(reseeded(0.5, 3)(ONES), y)


def test_a_copy_continues_like_the_original():
    layer = reseeded(0.5, 3)
    layer(ONES)
    twin = copy.deepcopy(layer)
    assert torch.equal(twin(ONES), layer(ONES))


def test_identity_in_evaluation_and_for_p_zero():
    assert reseeded(0.5, 3).eval()(ONES) is ONES
    assert reseeded(0.0, 3)(ONES) is ONES


def test_nothing_to_save_and_p_shows():
    assert Dropout(0.5).state_dict() == {}
    assert repr(Dropout(0.5)) == "Dropout(p=0.5)"


def test_memory_order_is_kept():
    x = torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert reseeded(0.5, 3)(x).stride() == x.stride()


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_p_outside_the_range_is_refused(p):
    with pytest.raises(ValueError, match=r"dropout: a probability in \[0, 1\)"):
        Dropout(p)


def test_negative_seed_is_refused():
    with pytest.raises(ValueError, match="non-negative"):
        Dropout(0.5).reseed(-1)


def test_every_layer_inside_gets_its_own_seed_from_one():
    def masks(seed: int) -> list[torch.Tensor]:
        layers = nn.Sequential(Dropout(0.5), nn.Sequential(nn.ReLU(), Dropout(0.5)))
        reseed_dropout(layers, seed)
        return [layers[0](ONES), layers[1][1](ONES)]

    first = masks(5)
    assert not torch.equal(*first)
    assert all(torch.equal(a, b) for a, b in zip(first, masks(5), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, masks(6), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, masks(5 + 2**32), strict=True))


def test_dropped_bones_are_reseeded_too_and_move_no_mask_before_them():
    layers = nn.Sequential(Dropout(0.5), DropEdge(NTU25, 0.5))
    reseed_dropout(layers, 5)
    mask, bones = layers[0](ONES), layers[1]()
    reseed_dropout(layers, 5)
    assert layers[1]() == bones
    alone = nn.Sequential(Dropout(0.5))
    reseed_dropout(alone, 5)
    assert torch.equal(alone[0](ONES), mask)
    reseed_dropout(layers, 6)
    assert layers[1]() != bones


def test_what_drops_nothing_is_left_alone_and_moves_no_mask(monkeypatch):
    def masks(p: float) -> torch.Tensor:
        layers = nn.Sequential(Dropout(p), Dropout(0.5))
        reseed_dropout(layers, 5)
        return layers[1](ONES)

    assert torch.equal(masks(0.0), masks(0.3))
    monkeypatch.setattr(np.random, "SeedSequence", None)
    reseed_dropout(nn.Sequential(Dropout(0.0), DropEdge(NTU25, 0.0)), 5)
    reseed_dropout(nn.ReLU(), 5)
