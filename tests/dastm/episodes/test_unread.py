"""Plans and labels without clips are those of the episodes with clips."""

from contextlib import closing

import torch

from dastm.episodes.loader import episodes
from dastm.episodes.several import Several
from dastm.episodes.sources import open_source
from dastm.episodes.unread import unread
from tests.toy import toy_shards

SHAPE = {"n_way": 3, "k_shot": 2, "n_query": 2, "seed": 0, "epoch": 0, "count": 3}


def test_episodes_of_which_nothing_is_read_have_the_plans_and_labels_of_those_that_are(tmp_path):
    one, other = (open_source(toy_shards(tmp_path / str(number), seed=number)) for number in (0, 1))
    with closing(Several((one, other), (one.manifest, other.manifest))) as several:
        for source in (one, several):
            pairs = zip(episodes(source, "train", **SHAPE), episodes(unread(source), "train", **SHAPE), strict=True)
            for read, plain in pairs:
                assert plain.plan == read.plan
                assert torch.equal(plain.query_labels, read.query_labels)
                assert len(plain.support.joints_LMTVC) == len(read.support.joints_LMTVC)
                assert plain.support.joints_LMTVC.numel() == 0


def test_it_has_the_pools_of_the_source_and_closes_it(tmp_path):
    source = open_source(toy_shards(tmp_path / "toy"))
    nothing = unread(source)
    assert nothing.manifest == source.manifest
    assert nothing.pool_sizes("val") == source.pool_sizes("val")
    nothing.close()
