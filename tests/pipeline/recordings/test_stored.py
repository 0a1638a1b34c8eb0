"""Recordings of parsed tables and of shards."""

from dataclasses import replace

import numpy as np
import pytest

from dastm.contract.errors import RefusedError
from dastm.contract.shard_format import Clip, ShardError
from dastm.contract.skeleton import COCO17, NTU25
from pipeline.recordings.arrays import Terms, read_alone
from pipeline.recordings.stored import shard_clips, table_clips
from pipeline.recordings.walk import Refused
from pipeline.storage.table import (
    ParsedClip,
    clips_to_table,
    refused_to_table,
    table_file_path,
    with_layout,
    write_table_file,
)
from tests.recorded import npy, person
from tests.shard_folder import make_shard_folder


def parsed(key, **changes):
    tracks = replace(read_alone("a.npy", npy(person()), Terms()).tracks, **changes)
    facts = dict.fromkeys(("subject", "camera", "setup", "replication"))
    return ParsedClip(
        key=key, dataset="d", class_id=3, class_name="wave", tracks=tracks, source="a.npy", source_bytes=1, **facts
    )


def write(folder, *files, layout=NTU25):
    folder.mkdir()
    for number, clips in enumerate(files):
        table = clips_to_table(clips)
        write_table_file(with_layout(table, layout) if layout else table, table_file_path(folder, "clips", number))
        write_table_file(refused_to_table([]), table_file_path(folder, "refused", number))
    return folder


def test_a_parsed_table_gives_its_clips_with_their_classes(tmp_path):
    found = list(table_clips(write(tmp_path / "t", [replace(parsed("a"), subject=4)], [parsed("b")]), "t", Terms()))
    assert [(clip.key, clip.action, clip.layout, clip.subject, clip.notes) for clip in found] == [
        ("a", "wave", NTU25, 4, ()),
        ("b", "wave", NTU25, None, ()),
    ]
    np.testing.assert_array_equal(found[0].bodies[0].joints_TVC, person())


def test_a_table_that_names_no_layout_takes_the_one_that_is_said_or_the_only_one(tmp_path):
    folder = write(tmp_path / "t", [parsed("a")], layout=None)
    (said,) = table_clips(folder, "t", Terms(layout=NTU25))
    (only,) = table_clips(folder, "t", Terms())
    assert (said.notes, only.notes) == ((), ("taken for ntu25, the only known layout of 25 joints that fits",))
    (wrong,) = table_clips(folder, "t", Terms(layout=COCO17))
    assert isinstance(wrong, Refused)
    assert "25 joints of 3 coordinates, layout coco17 has 17" in str(wrong.why)


def test_a_damaged_table_file_and_a_clip_that_contradicts_itself_are_refused_and_the_rest_goes_on(tmp_path):
    odd = parsed("odd", frames=200_000)
    folder = write(tmp_path / "t", [parsed("a")], [odd, parsed("b")], [parsed("c")])
    path = table_file_path(folder, "clips", 2)
    path.write_bytes(path.read_bytes()[:-9])
    found = list(table_clips(folder, "t", Terms()))
    assert [clip.key for clip in found if not isinstance(clip, Refused)] == ["a", "b"]
    refused = [clip for clip in found if isinstance(clip, Refused)]
    assert (refused[0].source, str(refused[0].why)) == ("t: odd", "200000 frames, more than 100000")
    assert "clips-00002.parquet" in str(refused[1].why)


def test_shards_give_their_clips_in_the_order_of_the_manifest(tmp_path, rng):
    make_shard_folder(tmp_path, parts={"train": {1: 2}, "test": {0: 1}}, rng=rng, bodies=(2, 1))
    found = list(shard_clips(tmp_path))
    assert [(clip.key, clip.action, len(clip.bodies)) for clip in found] == [
        ("testc000n0000", "class 0", 2),
        ("trainc001n0000", "class 1", 2),
        ("trainc001n0001", "class 1", 1),
    ]


def test_axes_of_shards_become_those_of_every_source(tmp_path, rng):
    plain, turned, image = (tmp_path / name for name in ("plain", "turned", "image"))
    make = {"parts": {"train": {0: 1}}, "noise": 0.0}
    make_shard_folder(plain, rng=rng, **make)
    make_shard_folder(turned, rng=rng, split={"rotate": "upright"}, **make)
    make_shard_folder(image, rng=rng, layout=COCO17, **make)
    ((as_is,), (up,)) = (next(shard_clips(folder)).bodies for folder in (plain, turned))
    np.testing.assert_array_equal(up.joints_TVC, as_is.joints_TVC[..., [0, 2, 1]] * [1, 1, -1])
    (shown,) = next(shard_clips(image)).bodies
    assert shown.joints_TVC.shape == (6, 17, 3)


def test_zeros_of_shards_that_mark_what_was_not_measured_are_nan(tmp_path, rng, monkeypatch):
    make_shard_folder(tmp_path, parts={"train": {0: 1}}, rng=rng, split={"missing_joints": "zero"})
    joints = np.ones((2, 4, 25, 3), np.float32)
    joints[0, 1, 2] = 0
    joints[1] = 0
    clip = Clip(key="a", joints_MTVC=joints, facts={"notes": ["odd"]})
    monkeypatch.setattr("dastm.contract.shard_reading.read_shard", lambda folder, name: iter([clip]))
    (found,) = shard_clips(tmp_path)
    (body,) = found.bodies
    assert np.isnan(body.joints_TVC[1, 2]).all()
    assert np.isfinite(body.joints_TVC).sum() == 4 * 25 * 3 - 3
    assert found.notes == ("odd",)


def test_scrambled_and_foreign_shards_are_refused(tmp_path, rng, monkeypatch):
    make_shard_folder(tmp_path, parts={"train": {0: 1}}, rng=rng, split={"frame_order": "scrambled"})
    with pytest.raises(RefusedError, match="frames are scrambled"):
        next(shard_clips(tmp_path))
    make_shard_folder(tmp_path, parts={"train": {0: 1}}, rng=rng)
    clip = Clip(key="a", joints_MTVC=np.ones((1, 4, 7, 3), np.float32), facts={"notes": 3})
    monkeypatch.setattr("dastm.contract.shard_reading.read_shard", lambda folder, name: iter([clip]))
    with pytest.raises(ShardError, match="not those of ntu25"):
        next(shard_clips(tmp_path))
