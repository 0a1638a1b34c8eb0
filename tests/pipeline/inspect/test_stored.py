import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dastm.contract.errors import DataError
from dastm.contract.shard_format import Clip, ShardError
from pipeline.inspect.stored import (
    parsed_clips,
    read_index,
    read_manifest,
    sampled_frames,
    setting_of,
    shard_clip,
    source_frames,
    split_of,
)
from pipeline.storage.table import read_clips, table_file_path
from tests.oracles.hand_made import moving_body, parsed_clip, tracks_of, write_table
from tests.pipeline.shard_damage import change_manifest, rewrite


def test_clips_by_key_are_those_that_reading_everything_finds(places):
    every = {clip.key: clip for clip in read_clips(places.parsed)}
    keys = sorted(every)[::4]
    found = parsed_clips(places.parsed, [*keys, "nobody"])
    assert sorted(found) == keys
    for key in keys:
        assert np.array_equal(found[key].tracks.joints_PVC, every[key].tracks.joints_PVC)
        assert np.array_equal(found[key].tracks.frame_index, every[key].tracks.frame_index)
        assert (found[key].source, found[key].class_id) == (every[key].source, every[key].class_id)


def test_a_table_file_without_wanted_clips_is_not_read(tmp_path, rng):
    clips = [parsed_clip(key, 0, tracks_of([moving_body(rng, 3)], 3)) for key in ("a", "b")]
    folder = write_table(tmp_path, clips[:1], clips[1:])
    damaged = bytearray(table_file_path(folder, "clips", 1).read_bytes())
    start = damaged.find(b"b", 4)
    whole = parsed_clips(folder, ["a"])
    assert list(whole) == ["a"]
    assert parsed_clips(folder, []) == {}
    table_file_path(folder, "clips", 1).write_bytes(bytes(damaged[:start]))
    with pytest.raises(DataError, match="damaged"):
        parsed_clips(folder, ["b"])


def test_joints_that_are_damaged_are_one_clear_error(tmp_path, rng):
    folder = write_table(tmp_path, [parsed_clip("a", 0, tracks_of([moving_body(rng, 40)], 40))])
    path = table_file_path(folder, "clips", 0)
    data = bytearray(path.read_bytes())
    group = pq.read_metadata(path).row_group(0)
    joints = next(group.column(i) for i in range(group.num_columns) if "joints" in group.column(i).path_in_schema)
    data[joints.data_page_offset + joints.total_compressed_size // 2] ^= 0x10
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"clips-00000\.parquet: damaged; remove it and run `dastm-data parse` again"):
        parsed_clips(folder, ["a"])


def test_a_shards_clip_comes_with_its_row(places):
    index = read_index(places.shards).to_pylist()
    clip, row = shard_clip(places.shards, index[5]["key"])
    assert row == index[5]
    assert clip.key == row["key"]
    assert clip.joints_MTVC.shape[:2] == (row["bodies"], row["frames"])
    assert shard_clip(places.shards, "nobody") is None


def test_what_is_not_there_or_damaged_is_one_clear_error(places, tmp_path):
    with pytest.raises(DataError, match="no shards there; run `dastm-data split` first"):
        read_manifest(tmp_path)
    shards = shutil.copytree(places.shards, tmp_path / "shards")
    row = read_index(shards).to_pylist()[0]
    rewrite(shards, row["shard"], lambda members: members[2:], index_too=False)
    with pytest.raises(ShardError, match="is in the index, not in the tar"):
        shard_clip(shards, row["key"])
    tar = shards / row["shard"]
    tar.write_bytes(tar.read_bytes()[:700])
    with pytest.raises(ShardError, match="damaged tar"):
        shard_clip(shards, row["key"])
    (shards / "index.parquet").write_bytes(b"PAR1")
    with pytest.raises(ShardError, match="not an index of shards"):
        read_index(shards)


def test_how_shards_were_split_is_read_from_their_manifest(places, tmp_path):
    spec = split_of(read_manifest(places.shards))
    assert spec == places.definition.split
    assert (spec.rank, spec.n_frames, spec.origin) == ("spread", 4, "first_frame")
    shards = shutil.copytree(places.shards, tmp_path / "shards")

    def as_older_versions_wrote(document):
        document["definition"]["split"]["frames"] = document["definition"]["split"].pop("frame_sampling")

    change_manifest(shards, as_older_versions_wrote)
    assert split_of(read_manifest(shards)) == spec
    change_manifest(shards, lambda document: document["definition"].pop("split"))
    assert split_of(read_manifest(shards)) is None
    assert setting_of(read_manifest(shards), "rotate") is None
    assert setting_of(read_manifest(places.shards), "rotate") == "none"


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop_columns(["shard"]),
        lambda table: table.set_column(0, "key", pa.array(range(len(table)))),
        lambda table: table.set_column(1, "class_id", pa.nulls(len(table), pa.int32())),
    ],
    ids=("column", "type", "empty"),
)
def test_a_table_that_is_no_index_is_refused(places, tmp_path, change):
    pq.write_table(change(read_index(places.shards)), tmp_path / "index.parquet")
    with pytest.raises(ShardError, match="not an index of shards"):
        read_index(tmp_path)


def test_a_flipped_bit_in_the_index_is_refused(places, tmp_path):
    index, path = read_index(places.shards), tmp_path / "index.parquet"
    pq.write_table(
        index, path, use_dictionary=False, write_statistics=False, write_page_checksum=True, compression="none"
    )
    assert read_index(tmp_path).equals(index)
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(index["key"][0].as_py().encode())] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ShardError, match="not an index of shards"):
        read_index(tmp_path)


@pytest.mark.parametrize("facts", [{}, {"source_frames": None}, {"source_frames": 4, "frame_index": "x"}])
def test_facts_that_do_not_say_their_frames_are_refused(facts):
    ask = sampled_frames if "frame_index" in facts else source_frames
    clip = Clip(key="k", joints_MTVC=np.zeros((1, 2, 4, 3), np.float32), facts=facts)
    with pytest.raises(ShardError, match="k: facts without"):
        ask(clip)


@pytest.mark.parametrize("index", [[0], [0, 4], [-1, 0]])
def test_frames_that_the_source_does_not_have_are_refused(index):
    facts = {"source_frames": 4, "frame_index": index}
    with pytest.raises(ShardError, match="frame_index is not that of its frames"):
        sampled_frames(Clip(key="k", joints_MTVC=np.zeros((1, 2, 4, 3), np.float32), facts=facts))
