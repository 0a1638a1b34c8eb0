"""Small classes are left out of the pools of the parts that are named, and each is said; clips stay what they are."""

from contextlib import closing

import numpy as np
import torch

from dastm.episodes.loader import episodes
from dastm.episodes.small_classes import without_small
from dastm.episodes.sources import open_source
from tests.shard_folder import make_shard_folder
from tests.toy import STICK


def test_small_classes_are_left_out_and_said(tmp_path):
    sizes = {"train": {0: 2, 1: 3}, "val": {2: 1}, "test": {3: 2, 4: 5, 5: 5, 6: 5}}
    make_shard_folder(tmp_path, parts=sizes, rng=np.random.default_rng(0), layout=STICK)
    with closing(open_source(str(tmp_path))) as source:
        same, said = without_small(source, {"test": 2})
        assert (same, said) == (source, [])
        large, said = without_small(source, {"train": 3, "test": 3})
        assert said == [
            "left out: train class 0 (class 0) has 2 clips, an episode needs 3",
            "left out: test class 3 (class 3) has 2 clips, an episode needs 3",
        ]
        assert large.manifest is source.manifest
        pools = {part: large.pool_sizes(part) for part in sizes}
        assert pools == {"train": {1: 3}, "val": {2: 1}, "test": {4: 5, 5: 5, 6: 5}}
        drawn = list(episodes(large, "test", n_way=3, k_shot=1, n_query=2, seed=0, epoch=0, count=4))
        assert {class_id for episode in drawn for class_id in episode.plan.class_ids} == {4, 5, 6}
        clips = [(4, 0), (5, 3)]
        given, expected = (of.clips("test", [clips])[0] for of in (large, source))
        assert torch.equal(given.joints_LMTVC, expected.joints_LMTVC)
        large.close()
