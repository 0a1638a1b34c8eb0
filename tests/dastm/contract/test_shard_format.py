"""The contract: what is written is what is read, and a flipped bit never passes."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dastm.contract.shard_format import (
    ClassEntry,
    Clip,
    Manifest,
    ShardError,
    checksum,
    decode_clip,
    decode_joints,
    decode_manifest,
    encode_clip,
    encode_manifest,
)
from dastm.contract.skeleton import OPENPOSE18

NPY = encode_clip(Clip(key="k", joints_MTVC=np.ones((1, 2, 3, 2), np.float32), facts={}))[0]
shapes = hnp.array_shapes(min_dims=4, max_dims=4, max_side=5)


@given(hnp.arrays(np.float32, shapes, elements=st.floats(width=32, allow_nan=True)))
def test_decoding_gives_what_was_encoded(joints):
    clip = Clip(key="S001", joints_MTVC=joints, facts={"class_id": 3, "class_name": "wave ü"})
    read = decode_clip(*encode_clip(clip), where="here")
    assert read.joints_MTVC.tobytes() == joints.tobytes()
    assert read.joints_MTVC.shape == joints.shape
    assert {**clip.facts, "bodies": len(joints)}.items() <= read.facts.items()
    assert encode_clip(clip) == encode_clip(read)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 30, 25, 3), (1, 1024, 17, 3)])
def test_threads_read_clips_without_numpys_parser_of_headers_and_get_the_same_array(shape, monkeypatch):
    """CPython 3.11 cannot parse Python, which headers are, in several threads (python/cpython#106905)."""
    joints = np.random.default_rng(0).random(shape, dtype=np.float32)
    array, _ = encode_clip(Clip(key="k", joints_MTVC=joints, facts={}))
    expected = np.lib.format.read_array(io.BytesIO(array), allow_pickle=False)
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("it was read by numpy"))
    found = decode_joints(array, checksum(array), "here")
    np.testing.assert_array_equal(found, expected, strict=True)
    assert found.flags.writeable


@pytest.mark.parametrize("change", [lambda array: array[:-4], lambda array: array + bytes(4)])
def test_an_array_of_another_length_than_its_header_says_is_refused(change):
    array, _ = encode_clip(Clip(key="k", joints_MTVC=np.ones((1, 2, 3, 3), np.float32), facts={}))
    with pytest.raises(ShardError, match=r"^here: not a \.npy array$"):
        decode_joints(change(array), checksum(change(array)), "here")


def test_any_flipped_bit_of_the_array_is_found():
    array, facts = encode_clip(Clip(key="k", joints_MTVC=np.ones((1, 2, 3, 2), np.float32), facts={}))
    for position in range(len(array)):
        damaged = array[:position] + bytes([array[position] ^ 1]) + array[position + 1 :]
        with pytest.raises(ShardError, match=r"shard 7.*checksum differs"):
            decode_clip(damaged, facts, where="shard 7")


@pytest.mark.parametrize(
    "array", [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x06\x00{'a':1", NPY.replace(b"1, 2, 3", b"9" * 7)]
)
def test_what_is_no_array_is_refused_even_under_its_own_checksum(array):
    with pytest.raises(ShardError, match=r"^here: not a \.npy array"):
        decode_joints(array, checksum(array), "here")


def test_any_flipped_bit_of_the_facts_is_found():
    clip = Clip(key="k", joints_MTVC=np.ones((1, 2, 3, 2), np.float32), facts={"subject": 7, "source": "a/b"})
    array, facts = encode_clip(clip)
    for position in range(len(facts)):
        damaged = facts[:position] + bytes([facts[position] ^ 1]) + facts[position + 1 :]
        with pytest.raises(ShardError, match=r"here: (facts are not|checksum)"):
            decode_clip(array, damaged, where="here")


@pytest.mark.parametrize("facts", [b"", b"[]", b"{}", b'{"key": "a"}', b"\xff"])
def test_facts_that_are_no_clip_are_refused(facts):
    with pytest.raises(ShardError, match=r"here: facts are not the JSON of a clip"):
        decode_clip(b"", facts, where="here")


@pytest.mark.parametrize("key", ["", "a.b", "a/b", "a\nb"])
def test_keys_that_webdataset_would_cut_are_refused(key):
    with pytest.raises(ValueError, match="a key holds no dot"):
        encode_clip(Clip(key=key, joints_MTVC=np.ones((1, 1, 1, 1), np.float32), facts={}))


@pytest.mark.parametrize("joints", [np.ones((1, 1, 1, 1)), np.ones((1, 1, 1), np.float32), np.ones((0, 1, 1, 1), "f4")])
def test_arrays_of_another_kind_are_refused(joints):
    with pytest.raises(ValueError, match="joints must be float32"):
        encode_clip(Clip(key="k", joints_MTVC=joints, facts={}))


@pytest.fixture
def manifest():
    entry = ClassEntry(name="wave", clips=4, shards=("train/007-000.tar",))
    return Manifest(
        dataset="mine",
        layout=OPENPOSE18,
        frames=50,
        subsets={"train": {7: entry}, "val": {}, "test": {}},
        definition={"name": "mine"},
        contents="00",
        versions={"numpy": "2"},
    )


def test_manifest_and_back(manifest):
    data = encode_manifest(manifest)
    assert decode_manifest(data, "here") == manifest
    assert encode_manifest(decode_manifest(data, "here")) == data
    assert manifest.pool_sizes("train") == {7: 4}


def test_exemplars_are_written_where_there_are_some_and_come_back(manifest):
    assert b"exemplars" not in encode_manifest(manifest)
    entry = replace(manifest.subsets["train"][7], exemplars=(1, 3))
    marked = replace(manifest, subsets={**manifest.subsets, "train": {7: entry, 8: manifest.subsets["train"][7]}})
    read = decode_manifest(encode_manifest(marked), "here")
    assert read == marked
    assert read.exemplars("train") == {7: (1, 3)}
    assert read.exemplars("val") == {}


def test_manifest_of_another_schema_is_refused(manifest):
    document = json.loads(encode_manifest(manifest))
    with pytest.raises(ShardError, match=r"here: schema 99, this version reads 1"):
        decode_manifest(json.dumps({**document, "schema_version": 99}).encode(), "here")


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"schema_version": 1}', b"\xff\xfe"])
def test_what_is_no_manifest_is_refused(data):
    with pytest.raises(ShardError, match="here: not a manifest of shards"):
        decode_manifest(data, "here")


@pytest.mark.parametrize("text", [b'"7"', b'" 7"', b'"0007"', b'"007"'])
def test_a_class_that_a_manifest_lists_twice_is_refused_however_its_id_is_written(manifest, text):
    data = encode_manifest(manifest).replace(b'"007": {', text + b': {"name": "x", "clips": 0, "shards": []}, "007": {')
    with pytest.raises(ShardError, match=r"given twice|class id .*: expected 007"):
        decode_manifest(data, "here")


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("frames",), "50"),
        (("frames",), 0),
        (("dataset",), 5),
        (("definition",), 5),
        (("parts", "train", "007", "clips"), 1.5),
        (("parts", "train", "007", "clips"), -1),
        (("parts", "train", "007", "clips"), True),
        (("parts", "train", "007", "name"), None),
        (("parts", "train", "007", "shards"), [7]),
        (("parts", "train", "007", "exemplars"), [4]),
        (("parts", "train", "007", "exemplars"), [-1]),
        (("parts", "train", "007", "exemplars"), [1, 1]),
        (("parts", "train", "007", "exemplars"), ["1"]),
        (("parts", "train", "007", "exemplars"), 1),
    ],
)
def test_manifest_with_a_value_of_the_wrong_kind_is_refused(manifest, where, value):
    document = json.loads(encode_manifest(manifest))
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(ShardError, match="here: not a manifest of shards"):
        decode_manifest(json.dumps(document).encode(), "here")
