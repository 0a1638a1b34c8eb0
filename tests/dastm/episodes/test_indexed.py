"""Reading by offset: the right clips, every failure named, memory and files bounded."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.errors import RunError
from dastm.contract.shard_format import Clip, ShardError, encode_clip, encode_manifest
from dastm.episodes.episode import EpisodePlan
from dastm.episodes.fetch import fetch_episode
from dastm.episodes.indexed import IndexedShards
from tests.dastm.episodes.test_handles import open_files
from tests.shard_folder import flip_byte, make_shard_folder, rewrite_index, write_shard

PLAN = EpisodePlan(class_ids=(5, 2), support=((6,), (0,)), query=((1, 0), (3, 2)))


@pytest.fixture
def folder(tmp_path, rng):
    make_shard_folder(tmp_path, parts={"train": {5: 7, 2: 4}, "val": {9: 3}}, bodies=(1, 2), rng=rng)
    return tmp_path


def test_a_plan_gets_the_clips_that_were_written(tmp_path, rng):
    manifest = make_shard_folder(tmp_path, parts={"train": {1: 4}}, rng=rng)
    clips = [rng.normal(size=(1 + i % 2, 6, 25, 3)).astype(np.float32) for i in range(4)]
    rows = [
        row
        for shard, wanted in (("train/001-000.tar", (0, 1, 2)), ("train/001-001.tar", (3,)))
        for row in write_shard(
            tmp_path, shard, "train", 1, [Clip(key=f"k{i}", joints_MTVC=clips[i], facts={}) for i in wanted]
        )
    ]
    rewrite_index(tmp_path, **{name: [row[name] for row in rows] for name in rows[0]})
    with IndexedShards(tmp_path) as source:
        assert source.manifest == manifest
        assert source.pool_sizes("train") == {1: 4}
        episode = fetch_episode(source, "train", EpisodePlan(class_ids=(1,), support=((3,),), query=((2, 0),)))
    assert np.array_equal(episode.support.joints_LMTVC[0].numpy(), clips[3])
    assert episode.query.joints_LMTVC.shape[:2] == (2, 1)
    assert np.array_equal(episode.query.joints_LMTVC[:, 0].numpy(), np.concatenate([clips[2], clips[0]]))


def test_an_unknown_subset_and_a_plan_that_does_not_fit_are_refused(folder):
    with IndexedShards(folder) as source:
        with pytest.raises(RunError, match="no subset 'test', it has train, val"):
            source.pool_sizes("test")
        with pytest.raises(RunError, match="no subset 'test'"):
            fetch_episode(source, "test", PLAN)
        with pytest.raises(ValueError, match="val has no class 5"):
            fetch_episode(source, "val", PLAN)


def test_a_folder_without_shards_says_what_to_run(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RunError, match=r"^[^\n]*: no manifest.json there.*run `dastm-data split`[^\n]*$"):
            IndexedShards(folder)


def test_a_shard_that_ends_after_opening_is_noticed(folder):
    with IndexedShards(folder) as source:
        tar = folder / "train/005-002.tar"
        tar.write_bytes(tar.read_bytes()[:700])
        with pytest.raises(ShardError, match=r"train/005-002.tar: trainc005n0006: checksum differs"):
            fetch_episode(source, "train", PLAN)


def test_a_shard_that_vanishes_after_opening_is_noticed(folder):
    with IndexedShards(folder) as source:
        (folder / "train/005-002.tar").unlink()
        with pytest.raises(ShardError, match=r"train/005-002.tar: trainc005n0006: cannot be read \(No such file"):
            fetch_episode(source, "train", PLAN)


def test_damage_elsewhere_does_not_stop_an_episode(folder):
    flip_byte(folder / "train/002-000.tar", 512 + 1000)
    with IndexedShards(folder) as source:
        fetch_episode(source, "train", EpisodePlan(class_ids=(5,), support=((0,),), query=((1,),)))
        with pytest.raises(ShardError, match=r"train/002-000.tar: trainc002n0000: checksum differs"):
            fetch_episode(source, "train", PLAN)


def test_another_shape_than_the_manifest_says_is_refused(folder):
    with IndexedShards(folder) as source:
        manifest = source.manifest
    (folder / "manifest.json").write_bytes(encode_manifest(replace(manifest, frames=7)))
    with (
        IndexedShards(folder) as source,
        pytest.raises(
            ShardError, match=r"trainc005n0006: shape \(1, 6, 25, 3\), the manifest says \(bodies, 7, 25, 3\)"
        ),
    ):
        fetch_episode(source, "train", PLAN)


def test_another_number_of_bodies_than_the_index_says_is_refused(folder):
    rewrite_index(folder, bodies=[2] * 14)
    with IndexedShards(folder) as source, pytest.raises(ShardError, match="n0006: 1 bodies, the index says 2"):
        fetch_episode(source, "train", PLAN)


def test_many_threads_get_their_own_clips_with_few_open_files(folder):
    with IndexedShards(folder, max_open=1) as source:
        alone = [source.read("train", row) for row in range(11)]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda i: source.read("train", i % 11), range(330)))
        assert all(np.array_equal(clip, alone[i % 11]) for i, clip in enumerate(together))
        assert len(open_files(folder)) == 1
    assert open_files(folder) == []
    with pytest.raises(ValueError, match="were closed"):
        source.read("train", 0)


def test_a_bad_array_under_a_good_checksum_is_refused(folder, monkeypatch):
    array, _ = encode_clip(Clip(key="a", joints_MTVC=np.zeros((1, 6, 25, 3), np.float32), facts={}))
    monkeypatch.setattr("dastm.episodes.indexed.read_at", lambda *_: array)
    with IndexedShards(folder) as source, pytest.raises(ShardError, match="checksum differs"):
        source.read("train", 0)
