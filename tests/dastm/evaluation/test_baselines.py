"""The coordinates baseline sees what it should: identical clips at distance zero, absent bodies as zeros."""

import dataclasses
from contextlib import closing

import torch

from dastm.episodes.loader import episodes
from dastm.episodes.sources import open_source
from dastm.evaluation.baselines import coordinate_distances
from tests.toy import toy_shards


def test_a_copy_of_a_support_clip_is_at_distance_zero(tmp_path):
    with closing(open_source(toy_shards(tmp_path))) as source:
        episode = next(episodes(source, "test", n_way=3, k_shot=1, n_query=1, seed=0, epoch=0, count=1))
    distances = coordinate_distances(dataclasses.replace(episode, query=episode.support))
    assert torch.equal(distances.diagonal(), torch.zeros(3))
    assert (distances + torch.eye(3) > 0).all()
