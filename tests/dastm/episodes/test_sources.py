"""The three sources side by side: the same plan, the same bits; and which one is opened."""

import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.shard_format import ShardError
from dastm.contract.skeleton import OPENPOSE18
from dastm.episodes.fetch import fetch_episode
from dastm.episodes.indexed import IndexedShards
from dastm.episodes.resident import ResidentClips, resident_bytes
from dastm.episodes.sampler import plan_episode
from dastm.episodes.sources import open_source
from dastm.episodes.streamed import StreamedShards
from tests.shard_folder import flip_byte, make_shard_folder

MODES = ("indexed", "resident", "streamed")


@pytest.fixture
def folder(tmp_path, rng):
    parts = {"train": {5: 7, 2: 6, 8: 9, 13: 6}, "val": {9: 3}}
    make_shard_folder(tmp_path, parts=parts, bodies=(1, 2, 1, 1, 3), rng=rng)
    return tmp_path


def tensors(episode):
    return [
        *(episode.support.joints_LMTVC, episode.support.present_LM, episode.support_labels),
        *(episode.query.joints_LMTVC, episode.query.present_LM, episode.query_labels),
    ]


def test_all_sources_give_the_same_bits(folder):
    sources = [open_source(folder, mode=mode) for mode in MODES]
    shapes = set()
    for number in range(40):
        plan = plan_episode(
            sources[0].pool_sizes("train"), n_way=3, k_shot=1, n_query=2, seed=1, epoch=0, number=number
        )
        first, *others = [tensors(fetch_episode(source, "train", plan)) for source in sources]
        for other in others:
            for a, b in zip(first, other, strict=True):
                assert a.dtype == b.dtype
                assert a.shape == b.shape
                assert a.is_contiguous()
                assert b.is_contiguous()
                assert torch.equal(a, b)
        joints, present = first[0], first[1]
        assert present[:, 0].all()
        assert not joints[~present].any()
        shapes.add(joints.shape[1])
    assert shapes == {1, 2, 3}
    for source in sources:
        source.close()


@pytest.mark.parametrize("mode", MODES)
def test_one_body_everywhere_means_one_body_in_the_tensors(tmp_path, rng, mode):
    make_shard_folder(tmp_path, parts={"test": {1: 4, 2: 4}}, layout=OPENPOSE18, frames=9, rng=rng)
    source = open_source(tmp_path, mode=mode)
    plan = plan_episode(source.pool_sizes("test"), n_way=2, k_shot=1, n_query=3, seed=0, epoch=0, number=0)
    episode = fetch_episode(source, "test", plan)
    assert episode.support.joints_LMTVC.shape == (2, 1, 9, 18, 3)
    assert episode.query.joints_LMTVC.shape == (6, 1, 9, 18, 3)
    source.close()


@pytest.mark.parametrize("mode", MODES)
def test_a_flipped_byte_names_shard_and_clip_in_every_mode(folder, mode):
    flip_byte(folder / "val/009-000.tar", 512 + 1500)

    def fetch():
        source = open_source(folder, mode=mode)
        plan = plan_episode({9: 3}, n_way=1, k_shot=1, n_query=2, seed=0, epoch=0, number=0)
        fetch_episode(source, "val", plan)

    with pytest.raises(ShardError, match=r"val/009-000.tar: valc009n0000: checksum differs"):
        fetch()


def test_auto_is_resident_where_it_fits_else_indexed_and_streamed_for_urls(folder):
    with IndexedShards(folder) as indexed:
        train, everything = resident_bytes(indexed, ["train"]), resident_bytes(indexed, ["train", "val"])
    assert isinstance(open_source(folder), ResidentClips)
    assert isinstance(open_source(folder, budget=everything), ResidentClips)
    assert isinstance(open_source(folder, budget=everything - 1), IndexedShards)
    assert isinstance(open_source(folder, budget=train, subsets=["train"]), ResidentClips)
    assert isinstance(open_source(folder, budget=0, mode="resident", subsets=["val"]), ResidentClips)
    assert isinstance(open_source(f"file://{folder}"), StreamedShards)
    assert isinstance(open_source(f"pipe:cat {folder}", commands=True), StreamedShards)
    with pytest.raises(RunError, match="never because a file says so"):
        open_source(f"pipe:cat {folder}")
    assert isinstance(open_source(str(folder), mode="streamed"), StreamedShards)


@pytest.mark.parametrize("mode", ["indexed", "resident"])
def test_a_url_cannot_be_read_by_offset(mode):
    with pytest.raises(RunError, match=rf"^http://x: mode '{mode}' needs a local folder; use 'streamed'"):
        open_source("http://x", mode=mode)


def test_subsets_that_are_not_there_are_refused(folder):
    with pytest.raises(RunError, match="no subset 'test', it has train, val"):
        open_source(folder, subsets=["test"])


def test_clips_come_in_the_order_asked_for_and_alike_from_all_sources(folder):
    asked = [(8, 4), (2, 5), (8, 0), (8, 4)]
    sources = [open_source(folder, mode=mode) for mode in MODES]
    first, *others = [source.clips("train", [asked])[0] for source in sources]
    assert torch.equal(first.joints_LMTVC[0], first.joints_LMTVC[3])
    for i, (class_id, position) in enumerate(asked):
        alone = sources[0].clips("train", [[(class_id, position)]])[0]
        bodies = int(alone.present_LM.sum())
        assert first.present_LM[i].sum() == bodies
        assert torch.equal(first.joints_LMTVC[i, :bodies], alone.joints_LMTVC[0])
    for other in others:
        assert torch.equal(first.joints_LMTVC, other.joints_LMTVC)
        assert torch.equal(first.present_LM, other.present_LM)
    for source in sources:
        source.close()


@pytest.mark.parametrize("mode", MODES)
def test_clips_that_there_are_none_of_are_refused(folder, mode):
    source = open_source(folder, mode=mode)
    with pytest.raises(ValueError, match="train has no class 4"):
        source.clips("train", [[(4, 0)]])
    with pytest.raises(ValueError, match="train: class 2 has 6 clips, no clip 6"):
        source.clips("train", [[(2, 6)]])
    with pytest.raises(RunError, match="no subset 'test'"):
        source.clips("test", [[(2, 0)]])
    source.close()
