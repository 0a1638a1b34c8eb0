import numpy as np
import pytest
import torch

from dastm.episodes.arrays import episode_from_arrays


def clip(value, bodies=1, frames=2):
    return np.full((bodies, frames, 3, 2), value, dtype=np.float32)


def test_arrays_become_an_episode_class_after_class():
    episode = episode_from_arrays({7: [clip(1.0)], 3: [clip(2.0), clip(3.0, bodies=2)]}, {3: [clip(4.0)]})
    assert episode.plan.class_ids == (7, 3)
    assert (episode.plan.support, episode.plan.query) == (((0,), (0, 1)), ((), (0,)))
    assert episode.support.joints_LMTVC[:, 0, 0, 0, 0].tolist() == [1, 2, 3]
    assert episode.support.present_LM.tolist() == [[True, False], [True, False], [True, True]]
    assert torch.equal(episode.support_labels, torch.tensor([0, 1, 1]))
    assert episode.query_labels.tolist() == [1]


def test_arrays_that_make_no_episode_are_refused():
    with pytest.raises(ValueError, match="class 9 has queries and no example"):
        episode_from_arrays({7: [clip(0.0)]}, {9: [clip(0.0)]})
    with pytest.raises(ValueError, match="one or more clips"):
        episode_from_arrays({7: [clip(0.0)]}, {})
    with pytest.raises(ValueError, match=r"got \(2, 3, 2\) in the support and \(4, 3, 2\) in the query"):
        episode_from_arrays({7: [clip(0.0)]}, {7: [clip(0.0, frames=4)]})
