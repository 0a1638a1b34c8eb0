"""A shard folder of others: no name leads out of it, nothing but regular files is opened, every damage is one line."""

import io
import os
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from dastm.contract import shard_reading
from dastm.contract.shard_format import Clip, ShardError, encode_clip, encode_manifest
from dastm.contract.shard_reading import check_manifest, clips_of, has_manifest, read_index, read_manifest, read_shard
from tests.dastm.episodes.test_manifest import manifest_with
from tests.shard_folder import make_shard_folder


@pytest.fixture
def folder(tmp_path, rng):
    make_shard_folder(tmp_path, parts={"train": {0: 4, 1: 2}}, rng=rng)
    return tmp_path


def test_a_plain_manifest_is_read_back():
    manifest = manifest_with("train/004-000.tar")
    assert check_manifest(encode_manifest(manifest), "m") == manifest


@pytest.mark.parametrize(
    "name",
    ["../x.tar", "train/../../x.tar", "/etc/x.tar", "train/x.tar; rm y", "-x", "train/$(x)", "a//b", "", "é.tar"],
)
def test_a_shard_name_that_is_not_plain_is_refused(name):
    with pytest.raises(ShardError, match=r"^here: .* is not a plain name of a shard"):
        check_manifest(encode_manifest(manifest_with(name)), "here")


@pytest.mark.parametrize("name", ["", "../x", "a b", "/tmp"])
def test_a_data_set_name_that_is_not_plain_is_refused(name):
    with pytest.raises(ShardError, match=r"^here: .* is not a plain name of a data set"):
        check_manifest(encode_manifest(replace(manifest_with("a.tar"), dataset=name)), "here")


def test_a_damaged_manifest_is_refused():
    with pytest.raises(ShardError, match=r"^here: not a manifest"):
        check_manifest(b"{", "here")


def test_a_whole_folder_is_read(folder):
    manifest = read_manifest(folder)
    assert has_manifest(folder)
    index = read_index(folder).to_pylist()
    clips = [clip for name in manifest.subsets["train"][0].shards for clip in read_shard(folder, name)]
    assert [clip.key for clip in clips] == [row["key"] for row in index if row["class_id"] == 0]
    assert read_index(folder, ["key"]).column_names == ["key"]


@pytest.mark.parametrize("name", ["../x.tar", "/dev/zero", "a/../../b.tar", "", "x y"])
def test_a_name_that_leads_out_of_the_folder_is_never_opened(folder, name):
    with pytest.raises(ShardError, match="not a plain name of a shard inside the folder"):
        list(read_shard(folder, name))


def test_devices_and_pipes_are_not_opened_and_links_to_files_are(folder):
    tar = folder / "train/000-000.tar"
    tar.rename(folder / "elsewhere.tar")
    tar.symlink_to(folder / "elsewhere.tar")
    assert len(list(read_shard(folder, "train/000-000.tar"))) == 3
    for place in ("/dev/zero", folder, folder / "none"):
        tar.unlink()
        tar.symlink_to(place)
        with pytest.raises(ShardError, match=r"no regular file|missing"):
            list(read_shard(folder, "train/000-000.tar"))
    tar.unlink()
    for name, read in (
        ("train/000-000.tar", lambda at: list(read_shard(at, "train/000-000.tar"))),
        ("manifest.json", read_manifest),
        ("index.parquet", read_index),
    ):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
        with pytest.raises(ShardError, match="regular file"):
            read(folder)
    with pytest.raises(ShardError, match=r"manifest\.json: No such file"):
        read_manifest(folder / "train")


def tar_of(*members, kind=tarfile.REGTYPE, format=tarfile.USTAR_FORMAT):
    """The bytes of a tar; a member is (name, data, size that it claims)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as tar:
        for name, data, size in members:
            member = tarfile.TarInfo(name)
            member.size, member.type = size, kind
            file.write(member.tobuf(format))
            file.write(data + bytes(-len(data) % 512))
        tar.offset = file.tell()
    return file.getvalue()


def read(data):
    return list(clips_of(io.BytesIO(data), "here", len(data)))


@pytest.mark.parametrize("size", [2**20, 2**33, 2**62])
def test_a_member_that_claims_more_than_there_is_is_refused_unread(size):
    with pytest.raises(ShardError, match="here: damaged tar"):
        read(tar_of(("a.joints.npy", b"x", size), format=tarfile.GNU_FORMAT))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE])
def test_only_files_are_members(kind):
    with pytest.raises(ShardError, match="not a file"):
        read(tar_of(("a.joints.npy", b"", 0), kind=kind))


def test_members_are_pairs_of_a_clips_array_and_facts(monkeypatch):
    array, facts = encode_clip(Clip(key="a", joints_MTVC=np.zeros((1, 2, 3, 3), np.float32), facts={}))
    pair = (("a.joints.npy", array, len(array)), ("a.json", facts, len(facts)))
    assert [clip.key for clip in read(tar_of(*pair))] == ["a"]
    for wrong in (pair[:1], pair[::-1], (pair[0], ("b.json", facts, len(facts)))):
        with pytest.raises(ShardError, match="not a clip's array and facts"):
            read(tar_of(*wrong))
    with pytest.raises(ShardError, match="b: holds the clip 'a'"):
        read(tar_of(("b.joints.npy", array, len(array)), ("b.json", facts, len(facts))))
    monkeypatch.setattr(shard_reading, "MOST_FACTS", 10)
    with pytest.raises(ShardError, match="more than there are"):
        read(tar_of(*pair))


@pytest.mark.kernel
def test_every_flipped_byte_of_the_index_is_read_or_refused(folder):
    path = folder / "index.parquet"
    whole = path.read_bytes()
    start = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    refused = 0
    for at in range(start, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        try:
            read_index(folder)
        except ShardError:
            refused += 1
    assert refused > 100
