"""The index against manifest and tars: what it says, and every way in which it can be wrong."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dastm.contract.shard_format import DECISION_COLUMNS, INDEX_NAME, ShardError
from dastm.episodes.index import read_index
from tests.shard_folder import clip_key, make_shard_folder, rewrite_index

SUBSETS = {"train": {5: 7, 2: 4}, "val": {9: 3}}


@pytest.fixture
def folder(tmp_path, rng):
    return tmp_path, make_shard_folder(tmp_path, parts=SUBSETS, bodies=(1, 2), rng=rng)


def table_of(path):
    return pq.read_table(path / INDEX_NAME).to_pydict()


def test_rows_run_class_after_class_in_the_order_of_the_clips(folder):
    index = read_index(*folder)["train"]
    assert len(index) == 11
    assert index.rows == {2: range(4), 5: range(4, 11)}
    assert index.key.to_pylist() == [clip_key("train", 2, i) for i in range(4)] + [
        clip_key("train", 5, i) for i in range(7)
    ]
    assert index.bodies.tolist() == [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]
    assert [index.shards[s] for s in index.shard[[0, 3, 4, 10]]] == [
        *("train/002-000.tar", "train/002-001.tar"),
        *("train/005-000.tar", "train/005-002.tar"),
    ]


def test_the_order_of_rows_in_the_file_does_not_matter(folder, rng):
    path, manifest = folder
    before = read_index(path, manifest)["train"]
    table = pq.read_table(path / INDEX_NAME)
    pq.write_table(table.take(rng.permutation(len(table))), path / INDEX_NAME)
    after = read_index(path, manifest)["train"]
    assert after.key.equals(before.key)
    assert after.checksum.equals(before.checksum)
    assert np.array_equal(after.offset, before.offset)


def test_an_index_with_dictionaries_and_small_integers_is_read_too(folder):
    path, manifest = folder
    table = pq.read_table(path / INDEX_NAME)
    table = table.set_column(2, "part", table["part"].dictionary_encode())
    table = table.set_column(1, "class_id", table["class_id"].cast(pa.int32()))
    pq.write_table(table, path / INDEX_NAME)
    assert read_index(path, manifest)["val"].rows == {9: range(3)}


def test_further_columns_are_not_read(folder):
    path, manifest = folder
    before = read_index(path, manifest)["train"]
    table = pq.read_table(path / INDEX_NAME)
    for name in DECISION_COLUMNS:
        table = table.append_column(name, pa.array([[[1, 2]]] * len(table)))
    pq.write_table(table, path / INDEX_NAME)
    assert read_index(path, manifest)["train"].checksum.equals(before.checksum)


def test_a_missing_index_is_said(folder):
    (folder[0] / INDEX_NAME).unlink()
    with pytest.raises(ShardError, match=r"index.parquet: not an index of shards .* run `dastm-data split` again"):
        read_index(*folder)


def test_a_damaged_index_is_said(folder):
    (folder[0] / INDEX_NAME).write_bytes(b"not parquet")
    with pytest.raises(ShardError, match=r"^[^\n]*index.parquet: not an index of shards[^\n]*$"):
        read_index(*folder)


def test_a_flipped_bit_is_said(folder):
    path = folder[0] / INDEX_NAME
    table = pq.read_table(path)
    pq.write_table(
        table, path, compression="none", use_dictionary=False, write_statistics=False, write_page_checksum=True
    )
    data = bytearray(path.read_bytes())
    data[data.index(table["checksum"][0].as_py().encode())] ^= 1
    path.write_bytes(data)
    with pytest.raises(ShardError, match="not an index of shards"):
        read_index(*folder)


def test_a_missing_column_and_a_wrong_type_are_said(folder):
    path, manifest = folder
    table = pq.read_table(path / INDEX_NAME)
    pq.write_table(table.drop_columns(["checksum"]), path / INDEX_NAME)
    with pytest.raises(ShardError, match=r"not an index of shards .*checksum"):
        read_index(path, manifest)
    pq.write_table(table.set_column(4, "offset", pa.array(["x"] * len(table))), path / INDEX_NAME)
    with pytest.raises(ShardError, match="not an index of shards"):
        read_index(path, manifest)


def test_empty_cells_are_refused(folder):
    path, manifest = folder
    rewrite_index(path, offset=[None, *table_of(path)["offset"][1:]])
    with pytest.raises(ShardError, match="holds empty cells"):
        read_index(path, manifest)


def test_an_unknown_subset_or_shard_is_refused(folder):
    path, manifest = folder
    table = table_of(path)
    rewrite_index(path, part=["other", *table["part"][1:]])
    with pytest.raises(ShardError, match="subset 'other' is not in the manifest"):
        read_index(path, manifest)
    rewrite_index(path, part=table["part"], shard=["train/777-000.tar", *table["shard"][1:]])
    with pytest.raises(ShardError, match="names a shard that the manifest's train does not"):
        read_index(path, manifest)


def test_a_clip_in_a_shard_of_another_class_is_refused(folder):
    path, manifest = folder
    rewrite_index(path, class_id=[5, *table_of(path)["class_id"][1:]])
    with pytest.raises(ShardError, match="train: a clip of one class lies in a shard of another"):
        read_index(path, manifest)


def test_a_lost_row_is_noticed(folder):
    path, manifest = folder
    pq.write_table(pq.read_table(path / INDEX_NAME).slice(1), path / INDEX_NAME)
    with pytest.raises(ShardError, match="train: class 2 has 3 clips in the index, 4 in the manifest"):
        read_index(path, manifest)


def test_a_missing_tar_is_named(folder):
    (folder[0] / "val/009-000.tar").unlink()
    with pytest.raises(ShardError, match=r"val/009-000.tar: missing; run `dastm-data split` again"):
        read_index(*folder)


@pytest.mark.parametrize(("column", "value"), [("offset", 10**9), ("offset", -1), ("length", -5), ("length", 10**9)])
def test_a_row_that_points_outside_its_tar_is_named(folder, column, value):
    path, manifest = folder
    values = table_of(path)[column]
    rewrite_index(path, **{column: [*values[:2], value, *values[3:]]})
    # a wrong offset moves the clip inside the order, but not out of its shard
    with pytest.raises(ShardError, match=rf"train/002-000.tar: {clip_key('train', 2, 2)}: the index points outside"):
        read_index(path, manifest)


def test_a_truncated_tar_is_named(folder):
    path, manifest = folder
    tar = path / "train/005-001.tar"
    tar.write_bytes(tar.read_bytes()[:6000])
    with pytest.raises(ShardError, match=r"train/005-001.tar: trainc005n0004: the index points outside the file"):
        read_index(path, manifest)


def test_a_subset_without_classes_is_empty(tmp_path, rng):
    manifest = make_shard_folder(tmp_path, parts={"train": {1: 3}, "test": {}}, rng=rng)
    assert len(read_index(tmp_path, manifest)["test"]) == 0
