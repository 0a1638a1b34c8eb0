import io
import json
import tarfile

import numpy as np
import pyarrow.parquet as pq
import pytest
import webdataset

from dastm.contract.shard_format import DECISION_COLUMNS, INDEX_COLUMNS, Clip, checksum, decode_clip, decode_manifest
from pipeline.storage.shard_writing import Decisions, ShardClass, write_shards
from tests.oracles.hand_made import STICK


def clip(key, bodies=1, frames=4):
    numbers = np.random.default_rng(list(key.encode())).normal(size=(bodies, frames, 4, 3))
    return Clip(key=key, joints_MTVC=numbers.astype(np.float32), facts={"class_id": 0, "notes": []})


CLIPS = {key: clip(key, bodies) for key, bodies in (("a", 1), ("b", 2), ("c", 1), ("d", 1), ("e", 2), ("ü" * 60, 1))}


def write(folder, parts=None, clips_per_shard=2):
    folder.mkdir()
    if parts is None:
        parts = {
            "val": {11: shard_class("bow", "ü" * 60)},
            "train": {7: shard_class("wave", "d", "e"), 2: shard_class("nod", "a", "b", "c")},
        }
    return write_shards(
        folder,
        parts,
        dataset="made",
        layout=STICK,
        frames=4,
        definition={"name": "made"},
        clips_per_shard=clips_per_shard,
    )


def shard_class(name, *keys):
    return ShardClass(name=name, clips=iter([CLIPS[key] for key in keys]))


def test_the_folder_holds_a_tar_a_class_and_number_an_index_and_a_manifest(tmp_path):
    write(tmp_path / "out")
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    tars = ["train/002-000.tar", "train/002-001.tar", "train/007-000.tar", "val/011-000.tar"]
    assert files == ["index.parquet", "manifest.json", *tars]


def test_the_manifest_says_what_there_is(tmp_path):
    written = write(tmp_path / "out")
    read = decode_manifest((tmp_path / "out/manifest.json").read_bytes(), "here")
    assert read == written
    assert read.subsets["train"][2].shards == ("train/002-000.tar", "train/002-001.tar")
    assert {part: read.pool_sizes(part) for part in read.subsets} == {"train": {2: 3, 7: 2}, "val": {11: 1}, "test": {}}
    assert read.subsets["train"][7].name == "wave"
    assert sorted(read.versions) == ["dastm", "numba", "numpy", "pyarrow", "python"]
    assert (read.dataset, read.frames, read.layout, read.definition) == ("made", 4, STICK, {"name": "made"})


def test_the_index_leads_to_every_array(tmp_path):
    write(tmp_path / "out")
    table = pq.read_table(tmp_path / "out/index.parquet")
    assert tuple(table.column_names) == INDEX_COLUMNS
    rows = table.to_pylist()
    order = [("train", 2, "a"), ("train", 2, "b"), ("train", 2, "c"), ("train", 7, "d"), ("train", 7, "e")]
    assert [(row["part"], row["class_id"], row["key"]) for row in rows] == [*order, ("val", 11, "ü" * 60)]
    for row in rows:
        data = (tmp_path / "out" / row["shard"]).read_bytes()[row["offset"] : row["offset"] + row["length"]]
        np.testing.assert_array_equal(np.load(io.BytesIO(data)), CLIPS[row["key"]].joints_MTVC)
        assert (row["bodies"], row["frames"]) == CLIPS[row["key"]].joints_MTVC.shape[:2]
        assert row["checksum"] == checksum(data)


def test_decisions_are_further_columns_of_the_index(tmp_path):
    decisions = {"a": Decisions([[72057594037932127, 3]], []), "b": Decisions([[1], [2]], [(9, "short: seen in 7")])}
    decided = ShardClass(name="nod", clips=[CLIPS["a"], CLIPS["b"]], decisions=decisions)
    write(tmp_path / "with", {"train": {2: decided}})
    write(tmp_path / "without", {"train": {2: shard_class("nod", "a", "b")}})
    table = pq.read_table(tmp_path / "with/index.parquet")
    assert tuple(table.column_names) == (*INDEX_COLUMNS, *DECISION_COLUMNS)
    assert table.select(list(INDEX_COLUMNS)).equals(pq.read_table(tmp_path / "without/index.parquet"))
    assert table["kept"].to_pylist() == [[[72057594037932127, 3]], [[1], [2]]]
    assert table["dropped"].to_pylist() == [[], [{"id": 9, "reason": "short: seen in 7"}]]
    tar = "train/002-000.tar"
    assert (tmp_path / "with" / tar).read_bytes() == (tmp_path / "without" / tar).read_bytes()


def test_tars_hold_neither_times_nor_owners(tmp_path):
    write(tmp_path / "out")
    with tarfile.open(tmp_path / "out/train/002-000.tar") as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == ["a.joints.npy", "a.json", "b.joints.npy", "b.json"]
    for member in members:
        about = (member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode)
        assert about == (0, 0, 0, "", "", 0o644)


def test_the_same_clips_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")]
    assert len(files) == 6
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


# webdataset leaves its files to the garbage collector
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_every_tar_reads_as_a_webdataset(tmp_path):
    write(tmp_path / "out")
    for tar, keys in (("train/002-000.tar", ["a", "b"]), ("val/011-000.tar", ["ü" * 60])):
        found = list(webdataset.WebDataset(str(tmp_path / "out" / tar), shardshuffle=False))
        assert [sample["__key__"] for sample in found] == keys
        for sample in found:
            assert {name for name in sample if not name.startswith("__")} == {"joints.npy", "json"}
            back = decode_clip(sample["joints.npy"], sample["json"], tar)
            np.testing.assert_array_equal(back.joints_MTVC, CLIPS[back.key].joints_MTVC)
            assert json.loads(sample["json"])["key"] == sample["__key__"]


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ([clip("a"), clip("a")], "a: keys must ascend, it comes after a"),
        ([clip("b"), clip("a")], "a: keys must ascend, it comes after b"),
        ([clip("a", frames=3)], r"a: shape \(1, 3, 4, 3\), expected \(bodies, \*\(4, 4, 3\)\)"),
        ([clip("a.b")], "a key holds no dot"),
    ],
)
def test_clips_that_break_the_contract_are_refused(tmp_path, clips, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "out", {"train": {0: ShardClass(name="wave", clips=clips)}})


def test_an_unknown_subset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="only train, val, test are known"):
        write(tmp_path / "out", {"dev": {}})
