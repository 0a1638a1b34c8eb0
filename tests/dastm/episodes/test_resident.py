"""Tensors that stay: the same clips, trimmed padding, named failures."""

import numpy as np
import pytest
import torch

from dastm.contract.errors import RunError
from dastm.contract.shard_format import ShardError
from dastm.episodes import resident
from dastm.episodes.episode import EpisodePlan
from dastm.episodes.fetch import fetch_episode
from dastm.episodes.indexed import IndexedShards
from dastm.episodes.resident import ResidentClips, resident_bytes
from tests.shard_folder import flip_byte, make_shard_folder

CPU = torch.device("cpu")
DEVICES = [CPU, *([torch.device("cuda")] if torch.cuda.is_available() else [])]
MIXED = EpisodePlan(class_ids=(5, 2), support=((0,), (2,)), query=((1, 4), (3, 0)))


@pytest.fixture
def source(tmp_path, rng):
    parts = {"train": {5: 7, 2: 4}, "val": {9: 3}, "test": {}}
    make_shard_folder(tmp_path, parts=parts, bodies=(1, 2, 1, 3), rng=rng)
    with IndexedShards(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("device", DEVICES, ids=str)
def test_an_episode_lies_on_the_device_and_equals_the_indexed_one(source, device):
    held = ResidentClips(source, ["train", "val"], device)
    episode, expected = fetch_episode(held, "train", MIXED), fetch_episode(source, "train", MIXED)
    for tensor in (episode.support.joints_LMTVC, episode.query.joints_LMTVC, episode.query_labels):
        assert tensor.device.type == device.type
    assert episode.query.present_LM.device == CPU  # asked for by the host
    assert torch.equal(episode.query.joints_LMTVC.cpu(), expected.query.joints_LMTVC)
    assert torch.equal(episode.query.present_LM, expected.query.present_LM)


def test_a_batch_has_no_more_bodies_than_its_own_clips(source):
    episode = fetch_episode(ResidentClips(source, ["train"], CPU), "train", MIXED)
    assert episode.support.joints_LMTVC.shape[:2] == (2, 1)
    assert episode.query.present_LM.tolist() == [
        [True, True, False],
        [True, False, False],
        [True] * 3,
        [True, False, False],
    ]


def test_loading_in_chunks_gives_the_same_tensors(source, monkeypatch):
    whole = fetch_episode(ResidentClips(source, ["train"], CPU), "train", MIXED)
    monkeypatch.setattr(resident, "CHUNK", 2)
    parts = fetch_episode(ResidentClips(source, ["train"], CPU), "train", MIXED)
    assert torch.equal(whole.query.joints_LMTVC, parts.query.joints_LMTVC)


def test_episodes_do_not_share_memory_with_what_is_held(source):
    held = ResidentClips(source, ["train"], CPU)
    before = fetch_episode(held, "train", MIXED)
    fetch_episode(held, "train", MIXED).query.joints_LMTVC.zero_()
    assert torch.equal(fetch_episode(held, "train", MIXED).query.joints_LMTVC, before.query.joints_LMTVC)


def test_the_source_may_be_closed_after_loading(source):
    held = ResidentClips(source, ["val"], CPU)
    source.close()
    assert held.pool_sizes("val") == {9: 3}
    fetch_episode(held, "val", EpisodePlan(class_ids=(9,), support=((0,),), query=((1,),)))


def test_unknown_and_unloaded_subsets_are_refused(source):
    held = ResidentClips(source, ["train"], CPU)
    with pytest.raises(RunError, match="no subset 'x', it has test, train, val"):
        held.pool_sizes("x")
    with pytest.raises(RunError, match="subset 'val' was not loaded, only train"):
        fetch_episode(held, "val", MIXED)
    with pytest.raises(RunError, match="no subset 'x'"):
        ResidentClips(source, ["x"], CPU)
    held.close()
    with pytest.raises(RunError, match="was not loaded"):
        held.pool_sizes("train")


def test_an_empty_subset_is_held_as_such(source):
    assert ResidentClips(source, ["test"], CPU).pool_sizes("test") == {}


def test_a_damaged_clip_stops_the_loading(source):
    flip_byte(source.folder / "val/009-000.tar", 512 + 1000)
    with pytest.raises(ShardError, match=r"val/009-000.tar: valc009n0000: checksum differs"):
        ResidentClips(source, ["train", "val"], CPU)


def test_the_estimate_is_what_the_tensors_take(source):
    held = ResidentClips(source, ["train", "val"], CPU)
    tensors = [t for p in held._subsets.values() for t in (p.joints_LMTVC, p.present_LM)]
    assert resident_bytes(source, ["train", "val"]) == sum(t.nbytes for t in tensors)
    assert resident_bytes(source, ["val"]) == 3 * 2 * (6 * 25 * 3 * 4 + 1)
    assert resident_bytes(source, ["test"]) == 0


def test_no_room_on_the_device_is_said_in_one_line(source, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(torch, "zeros", full)
    with pytest.raises(
        RunError, match=r"^[^\n]*: train: no room for 0.0 GiB on cpu; read the shards in mode 'indexed'$"
    ):
        ResidentClips(source, ["train"], CPU)


def test_labels_and_values_are_those_of_the_plan(source):
    episode = fetch_episode(ResidentClips(source, ["train"], CPU), "train", MIXED)
    assert episode.query_labels.tolist() == [0, 0, 1, 1]
    rows = source.index_of("train").rows
    assert np.array_equal(episode.support.joints_LMTVC[1].numpy(), source.read("train", rows[2][2]))
