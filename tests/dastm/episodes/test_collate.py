"""Padding, masks, labels: exact values."""

import numpy as np
import pytest
import torch

from dastm.episodes.collate import check_selections, collate, present_bodies


def clip(n_bodies, value):
    return np.full((n_bodies, 2, 3, 2), value, dtype=np.float32)


def test_clips_are_padded_with_absent_zero_bodies_to_the_most_bodies_among_them():
    batch = collate([clip(1, 5.0), clip(3, 7.0), clip(2, 9.0)])
    assert batch.joints_LMTVC.shape == (3, 3, 2, 3, 2)
    assert batch.joints_LMTVC.dtype == torch.float32
    assert batch.present_LM.tolist() == [[True, False, False], [True, True, True], [True, True, False]]
    assert batch.joints_LMTVC[:, :, 1, 2, 1].tolist() == [[5, 0, 0], [7, 7, 7], [9, 9, 0]]


def test_one_body_clips_are_not_padded():
    assert collate([clip(1, 1.0), clip(1, 2.0)]).joints_LMTVC.shape == (2, 1, 2, 3, 2)


def test_a_batch_does_not_share_memory_with_its_clips():
    source = clip(1, 1.0)
    collate([source]).joints_LMTVC.fill_(3.0)
    assert source.max() == 1.0


def test_clips_of_different_lengths_or_none_are_refused():
    with pytest.raises(ValueError, match=r"one \(T, V, C\), got \[\(2, 3, 2\), \(4, 3, 2\)\]"):
        collate([clip(1, 0.0), np.zeros((1, 4, 3, 2), np.float32)])
    with pytest.raises(ValueError, match="one or more clips"):
        collate([])


def test_present_bodies_come_first():
    assert present_bodies([2, 1]).tolist() == [[True, True], [True, False]]


def test_selections_that_fit_pass_and_others_are_refused():
    asked = [[(7, 0), (3, 4)], [(7, 2), (7, 1), (3, 5), (3, 3)]]
    check_selections(asked, {3: 6, 7: 3}, "x")
    with pytest.raises(ValueError, match=r"^x has no class 3$"):
        check_selections(asked, {7: 3}, "x")
    with pytest.raises(ValueError, match=r"^x: class 3 has 5 clips, no clip 5$"):
        check_selections(asked, {3: 5, 7: 3}, "x")
    with pytest.raises(ValueError, match="no clip -1"):
        check_selections([[(3, -1)], [(3, 0)]], {3: 5}, "x")
