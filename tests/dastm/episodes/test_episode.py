"""An episode moves to a device as a whole, with its plan."""

import torch

from dastm.episodes.episode import ClipBatch, Episode, EpisodePlan


def test_every_tensor_of_an_episode_moves_but_the_masks():
    def batch(n_clips):
        joints = torch.ones((n_clips, 2, 3, 4, 3))
        return ClipBatch(joints_LMTVC=joints, present_LM=torch.ones((n_clips, 2), dtype=torch.bool))

    plan = EpisodePlan(class_ids=(5, 7), support=((0,), (1,)), query=((1,), (0,)))
    labels = torch.arange(2)
    episode = Episode(plan=plan, support=batch(2), query=batch(2), support_labels=labels, query_labels=labels)
    moved = episode.to(torch.device("meta"))
    assert moved.plan == plan
    tensors = moved.support.joints_LMTVC, moved.query.joints_LMTVC, moved.support_labels, moved.query_labels
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert moved.support.present_LM.device.type == moved.query.present_LM.device.type == "cpu"
    assert moved.support.joints_LMTVC.shape == (2, 2, 3, 4, 3)
