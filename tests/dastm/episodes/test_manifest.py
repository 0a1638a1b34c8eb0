"""Parts and shapes are checked."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.errors import RunError
from dastm.contract.shard_format import ClassEntry, Manifest, ShardError
from dastm.contract.skeleton import NTU25, OPENPOSE18
from dastm.episodes.manifest import check_clip, clip_shape, one_line, pool_sizes


def manifest_with(shard):
    entry = ClassEntry(name="wave", clips=2, shards=(shard,))
    return Manifest(
        dataset="d", layout=NTU25, frames=6, subsets={"train": {4: entry}}, definition={}, contents="", versions={}
    )


def test_pool_sizes_of_a_known_and_an_unknown_subset():
    manifest = manifest_with("a.tar")
    assert pool_sizes(manifest, "train", "here") == {4: 2}
    with pytest.raises(RunError, match=r"^here: no subset 'test', it has train$"):
        pool_sizes(manifest, "test", "here")


def test_clip_shape_comes_from_frames_and_layout():
    assert clip_shape(manifest_with("a.tar")) == (6, 25, 3)
    assert clip_shape(replace(manifest_with("a.tar"), layout=OPENPOSE18, frames=50)) == (50, 18, 3)


def test_another_shape_than_the_manifests_is_refused():
    manifest = manifest_with("a.tar")
    check_clip(np.zeros((2, 6, 25, 3), np.float32), manifest, "clip")
    with pytest.raises(ShardError, match=r"^clip: shape \(2, 7, 25, 3\), the manifest says \(bodies, 6, 25, 3\)"):
        check_clip(np.zeros((2, 7, 25, 3), np.float32), manifest, "clip")
    with pytest.raises(ShardError, match=r"^clip: shape"):
        check_clip(np.zeros((0, 6, 25, 3), np.float32), manifest, "clip")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value):
    joints = np.zeros((2, 6, 25, 3), np.float32)
    joints[1, 5, 24, 2] = value
    with pytest.raises(ShardError, match=r"^clip: holds nan or inf"):
        check_clip(joints, manifest_with("a.tar"), "clip")


def test_library_messages_become_one_line():
    assert one_line(ValueError("first\nsecond")) == "first"
    assert one_line(ValueError("first", None, "x")) == "first"
    assert one_line(FileNotFoundError(2, "No such file", "a")) == "[Errno 2] No such file: 'a'"
    assert one_line(EOFError()) == "it ends too early"
