import numpy as np
import torch

from dastm.episodes.collate import collate
from dastm.episodes.episode import EpisodePlan
from dastm.episodes.fetch import fetch_episode

PLAN = EpisodePlan(class_ids=(7, 3), support=((0,), (4,)), query=((2, 1), (5, 3)))


class Numbered:
    """A source whose clips hold their own position; remembers what it is asked for."""

    def __init__(self):
        self.asked = []

    def clips(self, part, selections):
        self.asked.append((part, selections))
        return [collate([np.full((1, 2, 3, 2), i, np.float32) for _, i in clips]) for clips in selections]


def test_clips_and_labels_follow_the_plan_class_after_class():
    source = Numbered()
    episode = fetch_episode(source, "train", PLAN)
    assert source.asked == [("train", [[(7, 0), (3, 4)], [(7, 2), (7, 1), (3, 5), (3, 3)]])]
    assert episode.plan is PLAN
    assert episode.support_labels.tolist() == [0, 1]
    assert episode.query_labels.tolist() == [0, 0, 1, 1]
    assert episode.query_labels.dtype == torch.int64
    assert episode.query.joints_LMTVC[:, 0, 0, 0, 0].tolist() == [2, 1, 5, 3]
