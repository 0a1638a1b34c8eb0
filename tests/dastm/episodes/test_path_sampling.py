"""Shares of a path that a training draws: one in each equal piece, the ends among them."""

import pytest
import torch

from dastm.episodes.path_sampling import drawn_shares


def test_one_point_is_drawn_in_each_piece_and_the_ends_are_the_ends(rng):
    shares = drawn_shares(3000, 8, rng)
    assert (shares[:, 0] == 0).all()
    assert (shares[:, -1] == 1).all()
    inner = shares[:, 1:-1] * 8 - torch.arange(1, 7)
    assert (inner > 0.1).all()
    assert (inner < 0.9).all()
    assert inner.std() == pytest.approx(0.8 / 12**0.5, rel=0.05)
