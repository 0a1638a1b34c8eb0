import json
import shutil
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from dastm.contract.errors import DataError
from dastm.contract.shard_format import Clip, ShardError
from pipeline.inspect.stats import OUTSIDE, _missing, parsed_stats, shard_stats
from pipeline.kernels import joints
from pipeline.split.run import split
from pipeline.storage.table import RefusedFile, read_clips, refused_to_table, table_file_path, write_table_file
from tests.oracles.hand_made import STANDING, STICK, STICK_2D, moving_body, parsed_clip, tracks_of, write_table
from tests.pipeline.inspect.made import definition_2d, haunted_clip, made, seen_clip
from tests.pipeline.shard_damage import rewrite, with_facts
from tests.shard_folder import make_shard_folder


@pytest.fixture(scope="module")
def parsed(places):
    return parsed_stats(places.parsed, STICK, places.definition.split.class_split)


def test_a_table_is_counted_as_by_hand(places, parsed):
    clips = list(read_clips(places.parsed))
    assert (parsed.of, parsed.dataset, parsed.clips) == ("parsed", "made", len(clips))
    assert parsed.frames == sum(clip.tracks.frames for clip in clips)
    assert parsed.lengths == Counter(clip.tracks.frames for clip in clips)
    assert parsed.bodies == Counter(len(clip.tracks.ids) for clip in clips)
    assert [(c.class_id, c.clips, c.subset) for c in parsed.classes] == [
        *((0, 3, "train"), (1, 3, "val"), (2, 3, "train"), (5, 3, "test"), (7, 3, OUTSIDE))
    ]
    assert parsed.subsets()["train"] == {
        "classes": 2,
        "clips": 6,
        "fewest": 3,
        "most": 3,
        "frames": sum(clip.tracks.frames for clip in clips if clip.class_id in (0, 2)),
    }
    assert parsed.people_and_places == {"subject": {3: 15}, "camera": {1: 15}, "setup": {2: 15}}
    assert parsed.missing == 0.0
    assert parsed.worst_joints(3) == []


def test_missing_joints_and_frames_without_a_body_are_those_of_a_slow_count(tmp_path, rng):
    clips = [haunted_clip(), parsed_clip("late", 1, tracks_of([{2: STANDING, 3: STANDING}], 5, notes=("crlf",)))]
    stats = parsed_stats(write_table(tmp_path, clips[:1], clips[1:]), STICK)
    missing, seen, empty = np.zeros(4), 0, 0
    for clip in clips:
        measured = joints.measured(clip.tracks.joints_PVC, None)
        missing += (~measured).sum(axis=0)
        seen += len(measured)
        empty += clip.tracks.frames - len(set(clip.tracks.frame_index.tolist()))
    assert stats.missing_V == (missing / seen).tolist()
    assert stats.worst_joints(2) == [("right", 1 / 9)]
    assert (stats.empty_frames, stats.empty_clips) == (empty, 1) == (3, 1)
    assert stats.notes == {"crlf": 1}
    assert [c.subset for c in stats.classes] == [OUTSIDE, OUTSIDE]


def test_quantiles_are_lengths_that_occur(tmp_path, rng):
    lengths = [2, 2, 3, 5, 8, 8, 8, 13, 21, 34]
    clips = [parsed_clip(f"c{i}", 0, tracks_of([moving_body(rng, n)], n)) for i, n in enumerate(lengths)]
    stats = parsed_stats(write_table(tmp_path, clips), STICK)
    found = stats.length_quantiles()
    for name, share in (("5 %", 0.05), ("25 %", 0.25), ("median", 0.5), ("75 %", 0.75), ("95 %", 0.95)):
        assert found[name] == np.quantile(lengths, share, method="inverted_cdf")
    assert (found["min"], found["max"], found["mean"]) == (2, 34, 10.4)


def test_refused_files_are_counted_by_reason(tmp_path):
    folder = write_table(tmp_path, [haunted_clip()])
    rows = [RefusedFile(source=f"{i}", key=None, line=i, byte=None, reason=f"{i} joints") for i in (3, 4)]
    write_table_file(refused_to_table(rows), table_file_path(folder, "refused", 0))
    stats = parsed_stats(folder, STICK)
    assert stats.refused == {"N joints": 2}
    assert stats.refused_examples == {"N joints": "3: line 3: 3 joints"}


def test_shards_are_counted_as_the_table_that_they_are_of(places, parsed):
    stats = shard_stats(places.shards)
    assert (stats.of, stats.dataset, stats.clips) == ("shards", "made", 12)
    inside = [c for c in parsed.classes if c.subset != OUTSIDE]
    assert [(c.class_id, c.clips, c.frames, c.subset) for c in stats.classes] == [
        (c.class_id, c.clips, c.frames, c.subset) for c in inside
    ]
    assert stats.missing is None  # interpolated
    assert stats.bodies == {1: 8, 2: 4}
    assert stats.people_and_places["subject"] == {3: 12}


def test_dropped_bodies_are_counted_by_the_step_that_dropped_them(tmp_path):
    stats = shard_stats(made(tmp_path, bodies=1).shards)
    assert stats.bodies == {1: 12}
    assert stats.dropped == {"rank": 4}


def test_shards_that_chose_nothing_have_dropped_nobody(tmp_path, rng):
    make_shard_folder(tmp_path, parts={"train": {0: 2}}, rng=rng)
    index = pq.read_table(tmp_path / "index.parquet")
    assert "dropped" not in index.column_names
    with pytest.raises(ShardError, match="facts without source_frames"):  # nor do they say what they are made from
        shard_stats(tmp_path)


def test_shards_of_images_tell_what_is_missing_by_confidence(tmp_path):
    definition = definition_2d(class_split={"train": (1,), "val": (), "test": ()})
    folder = write_table(tmp_path / "parsed", [seen_clip()])
    split(definition, folder, tmp_path / "shards")
    assert shard_stats(tmp_path / "shards").missing_V == [0.25, 0.0, 0.0, 0.0]
    assert parsed_stats(folder, STICK_2D).missing_V == [0.25, 0.0, 0.0, 0.0]


def test_shards_that_leave_zeros_tell_what_is_missing(tmp_path):
    places = made(tmp_path, missing_joints="zero")
    stats = shard_stats(places.shards)
    assert stats.missing == 0.0


def test_shards_that_nothing_moved_cannot_tell_a_joint_at_the_origin_from_a_missing_one(tmp_path):
    assert shard_stats(made(tmp_path, missing_joints="zero", origin="none").shards).missing_V is None


@pytest.mark.parametrize(("centred", "missing"), [(slice(None), 0), (slice(1), 2), (slice(0), 3)])
def test_a_centre_in_the_origin_is_missing_but_where_normalisation_moved_it_there(centred, missing):
    joints_MTVC = np.ones((2, 3, 2, 3), np.float32)
    joints_MTVC[0, :, STICK.centre] = 0.0
    clip = Clip(key="a", joints_MTVC=joints_MTVC, facts={})
    assert _missing(clip, STICK, centred).sum() == missing


def test_without_a_layout_the_known_ones_are_tried(tmp_path, rng):
    shape = rng.normal(size=(25, 3))
    clips = [parsed_clip("a", 0, tracks_of([{0: shape}], 1))]
    assert parsed_stats(write_table(tmp_path / "known", clips)).layout.name == "ntu25"
    with pytest.raises(DataError, match="no known layout has 4 joints; name the data set"):
        parsed_stats(write_table(tmp_path / "unknown", [haunted_clip()]))


def test_joints_of_another_layout_are_refused(tmp_path):
    with pytest.raises(DataError, match="clip seen has 4 2-D joints, not those of layout stick"):
        parsed_stats(write_table(tmp_path / "one", [seen_clip()]), STICK)
    with pytest.raises(DataError, match="clip haunted has 4 3-D joints"):
        parsed_stats(write_table(tmp_path / "two", [haunted_clip()]), STICK_2D)


def test_an_empty_table_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no clip"):
        parsed_stats(write_table(tmp_path, []), STICK)


def test_facts_without_frames_are_refused(places, tmp_path):
    shards = shutil.copytree(places.shards, tmp_path / "shards")
    rewrite(shards, "train/000-000.tar", with_facts(source_frames=None))
    with pytest.raises(ShardError, match="facts without source_frames"):
        shard_stats(shards)


def test_the_document_is_plain_and_the_same_again(places, parsed):
    again = parsed_stats(places.parsed, STICK, places.definition.split.class_split)
    assert json.dumps(parsed.to_dict(), allow_nan=False) == json.dumps(again.to_dict(), allow_nan=False)
    assert parsed.to_dict()["missing_by_joint"] == dict.fromkeys(STICK.joints, 0.0)
    assert shard_stats(places.shards).to_dict()["missing_by_joint"] is None
