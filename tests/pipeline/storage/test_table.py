from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dastm.contract.errors import DataError
from pipeline.exchange.export import export_parsed
from pipeline.inspect.find import SearchFolders, find_clip
from pipeline.inspect.stats import parsed_stats
from pipeline.kernels.measures import measure
from pipeline.split.run import split
from pipeline.storage.table import (
    CLIPS,
    PLAN_NAME,
    REFUSED,
    ParsedClip,
    RefusedFile,
    check_layout,
    clips_to_table,
    read_clips,
    read_facts,
    read_refused,
    refused_to_table,
    table_file_path,
    table_to_clips,
    with_layout,
    write_table_file,
)
from pipeline.tracks import TrackMeasures, Tracks
from tests.oracles.hand_made import STICK, STICK_2D, definition_of, made_table


def make_clip(rng, key, n_joints=2, lengths=(2, 1), scores=False, coordinates=None, **facts):
    n_seen = sum(lengths)
    tracks = Tracks(
        frames=9,
        ids=np.arange(len(lengths), dtype=np.int64) + 72057594037944738,
        lengths=np.array(lengths, np.int32),
        frame_index=np.concatenate([np.arange(n, dtype=np.int32) for n in lengths]),
        joints_PVC=rng.normal(size=(n_seen, n_joints, coordinates or (2 if scores else 3))).astype(np.float32),
        scores_PV=rng.random((n_seen, n_joints), np.float32) if scores else None,
        notes=("crlf", "odd") if scores else (),
    )
    known = {"subject": 3, "camera": 2, "setup": 17, "replication": 1, "source_bytes": 2**40} | facts
    return ParsedClip(
        key=key,
        dataset="demo",
        class_id=7,
        class_name="wäve",
        tracks=tracks,
        source=f"a/{key}.x",
        **known,
    )


@pytest.fixture
def clips(rng):
    nothing_known = dict.fromkeys(("subject", "camera", "setup", "replication"))
    return [
        make_clip(rng, "one"),
        make_clip(rng, "two", scores=True, **nothing_known),
        make_clip(rng, "three", n_joints=25, lengths=(1,)),
        make_clip(rng, "four", n_joints=1, lengths=(3, 1, 1), scores=True),
        make_clip(rng, "five", scores=True, coordinates=3),
    ]


def assert_same_clip(left, right):
    assert replace(left, tracks=right.tracks) == right
    dtypes = {"ids": "i8", "lengths": "i4", "frame_index": "i4", "joints_PVC": "f4", "scores_PV": "f4"}
    for name, dtype in dtypes.items():
        a, b = getattr(left.tracks, name), getattr(right.tracks, name)
        if b is None:
            assert a is None
        else:
            assert a.dtype == np.dtype(dtype)
            assert a.shape == b.shape
            assert a.tobytes() == b.tobytes()
    assert (left.tracks.frames, left.tracks.notes) == (right.tracks.frames, right.tracks.notes)


def test_clips_survive_the_table(clips):
    table = clips_to_table(clips)
    assert table.schema.equals(CLIPS, check_metadata=True)
    for read, written in zip(table_to_clips(table), clips, strict=True):
        assert_same_clip(read, written)


def test_clips_survive_the_disk_in_the_order_of_the_table_files(clips, tmp_path):
    write_table_file(clips_to_table(clips[2:]), table_file_path(tmp_path, "clips", 1))
    write_table_file(clips_to_table([]), table_file_path(tmp_path, "clips", 2))
    write_table_file(clips_to_table(clips[:2]), table_file_path(tmp_path, "clips", 0))
    for read, written in zip(read_clips(tmp_path), clips, strict=True):
        assert_same_clip(read, written)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"clips-{i:05d}.parquet" for i in range(3)]


def test_joints_are_views_of_the_table_file(clips):
    table = clips_to_table(clips)
    whole = table["joints"].chunk(0).values.to_numpy()
    read = list(table_to_clips(table))
    assert all(np.shares_memory(clip.tracks.joints_PVC, whole) for clip in read)
    assert not read[0].tracks.joints_PVC.flags.writeable


def test_a_table_of_several_chunks_reads_the_same(clips):
    table = pa.concat_tables([clips_to_table(clips[:1]), clips_to_table(clips[1:])])
    for read, written in zip(table_to_clips(table), clips, strict=True):
        assert_same_clip(read, written)


def test_a_slice_of_a_table_reads_the_same(clips):
    for read, written in zip(table_to_clips(clips_to_table(clips).slice(1, 2)), clips[1:3], strict=True):
        assert_same_clip(read, written)


def test_the_same_clips_give_the_same_bytes(clips, tmp_path):
    for name in ("a", "b"):
        write_table_file(clips_to_table(clips), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_end_of_a_table_file_tells_its_contents_apart(rng, tmp_path):
    clips = [make_clip(rng, f"clip-{i:03d}", n_joints=25, lengths=(200,)) for i in range(40)]
    ends = set()
    for change in range(50):
        write_table_file(clips_to_table(clips), tmp_path / "a")
        ends.add((tmp_path / "a").read_bytes()[-(2**16) :])
        joints_PVC = clips[3].tracks.joints_PVC.copy()
        joints_PVC[change, 3, 1] = np.nextafter(joints_PVC[change, 3, 1], np.float32(0))
        clips[3] = replace(clips[3], tracks=replace(clips[3].tracks, joints_PVC=joints_PVC))
    assert len(ends) == 50


def test_the_file_describes_itself(clips, tmp_path):
    write_table_file(clips_to_table(clips), tmp_path / "a")
    schema = pq.read_schema(tmp_path / "a")
    assert schema.equals(CLIPS, check_metadata=False)
    assert schema.metadata[b"schema_version"] == b"3"
    assert schema.field("joints").metadata[b"about"].startswith(b"(P, V, C)")
    assert pq.ParquetFile(tmp_path / "a").metadata.row_group(0).column(0).compression == "ZSTD"


def test_facts_come_without_joints(clips, tmp_path):
    write_table_file(clips_to_table(clips[:1]), table_file_path(tmp_path, "clips", 0))
    write_table_file(clips_to_table(clips[1:2]), table_file_path(tmp_path, "clips", 1))
    facts = read_facts(tmp_path)
    assert not {"joints", "scores", "frame_index"} & set(facts.column_names)
    found = facts.to_pylist()[1]
    measured = measure(clips[1].tracks)
    for name in TrackMeasures._fields:
        assert found.pop(f"track_{name}") == getattr(measured, name).tolist()
    assert found == {
        "key": "two",
        "dataset": "demo",
        "class_id": 7,
        "class_name": "wäve",
        "frames": 9,
        "bodies": 2,
        **dict.fromkeys(("subject", "camera", "setup", "replication")),
        "track_ids": [72057594037944738, 72057594037944739],
        "track_lengths": [2, 1],
        "notes": ["crlf", "odd"],
        "source": "a/two.x",
        "source_bytes": 2**40,
    }


def test_refused_files_survive_the_disk(tmp_path):
    rows = [
        RefusedFile(source="a.x", key="a", line=3, byte=None, reason="why"),
        RefusedFile(source="b.x", key=None, line=None, byte=0, reason="ümlaut"),
        RefusedFile(source="c.x", key=None, line=None, byte=None, reason="gone"),
    ]
    write_table_file(clips_to_table([]), table_file_path(tmp_path, "clips", 0))
    for number, row in enumerate(rows):
        write_table_file(refused_to_table([row]), table_file_path(tmp_path, "refused", number))
    table = read_refused(tmp_path)
    assert table.schema.equals(REFUSED)
    assert [RefusedFile(**row) for row in table.to_pylist()] == rows
    assert [str(row) for row in rows] == ["a.x: line 3: why", "b.x: byte 0: ümlaut", "c.x: gone"]


def test_no_table_no_clips(tmp_path):
    with pytest.raises(DataError, match="no parsed table there; run `dastm-data parse` first"):
        list(read_clips(tmp_path / "nowhere"))


def test_a_table_without_one_of_its_files_is_not_read(clips, tmp_path):
    for number in (0, 2):
        write_table_file(clips_to_table(clips), table_file_path(tmp_path, "clips", number))
    with pytest.raises(DataError, match=r"clips-00002\.parquet: not in a row .* run `dastm-data parse` again"):
        list(read_clips(tmp_path))


def test_a_flipped_byte_among_the_joints_is_noticed(clips, tmp_path):
    path = table_file_path(tmp_path, "clips", 0)
    write_table_file(clips_to_table(clips), path)
    chunk = pq.read_metadata(path).row_group(0).column(pq.read_schema(path).names.index("joints"))
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"clips-00000\.parquet: damaged"):
        list(read_clips(tmp_path))


def test_an_unfinished_table_is_not_read(clips, tmp_path):
    write_table_file(clips_to_table(clips), table_file_path(tmp_path, "clips", 0))
    (tmp_path / PLAN_NAME).write_text("{}")
    for reader in (read_facts, read_refused, lambda folder: list(read_clips(folder))):
        with pytest.raises(DataError, match="parsing has not finished there"):
            reader(tmp_path)


OTHER = replace(STICK, name="other", joints=(*STICK.joints[:-1], "tail"))
READERS = {
    "split": lambda table, made: split(made, table, table.parent / "shards"),
    "stats": lambda table, made: parsed_stats(table, made.parse.layout),
    "export": lambda table, made: export_parsed(table, table.parent / "x.pkl", made),
    "show": lambda table, made: find_clip("clip000", SearchFolders(definition=made, parsed=table)),
}


@pytest.mark.parametrize("reader", READERS)
def test_whoever_reads_a_table_of_another_layout_refuses_it_with_both_names(rng, tmp_path, reader):
    table = made_table(tmp_path / "parsed", rng)
    for path in sorted(table.glob("clips-*.parquet")):
        write_table_file(with_layout(pq.read_table(path), STICK), path)
    what = f"made for layout stick .joint 3 is '{STICK.joints[3]}'., the data set has layout other .joint 3 is 'tail'."
    with pytest.raises(DataError, match=what):
        READERS[reader](table, definition_of(OTHER))
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["parsed"]
    READERS[reader](table, definition_of(replace(STICK, name="again")))  # the same joints are enough


def test_tables_of_other_coordinates_or_fewer_joints_are_another_layout(rng, tmp_path):
    table = made_table(tmp_path / "parsed", rng)
    check_layout(table, STICK_2D)  # it does not say what it was made for
    path = next(iter(sorted(table.glob("clips-*.parquet"))))
    write_table_file(with_layout(pq.read_table(path), STICK), path)
    with pytest.raises(DataError, match=r"stick .4 joints of x, y, z., .* stick2d .4 joints of x, y, confidence.;"):
        check_layout(table, STICK_2D)
    longer = replace(STICK, joints=(*STICK.joints, "tail"), bones=(*STICK.bones, (4, 0)))
    with pytest.raises(DataError, match=r"4 joints of x, y, z., .* layout stick .5 joints of x, y, z."):
        check_layout(table, longer)


@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda b: b"PAR1 nothing", lambda b: b""])
def test_a_damaged_table_file_is_named(clips, tmp_path, spoil):
    path = table_file_path(tmp_path, "clips", 0)
    write_table_file(clips_to_table(clips), path)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=r"clips-00000\.parquet: damaged; remove it and run `dastm-data parse` again"):
        list(read_clips(tmp_path))


@pytest.mark.parametrize("other", [CLIPS.with_metadata({"schema_version": "0"}), CLIPS.with_metadata(None), REFUSED])
def test_a_table_file_of_another_schema_is_named(tmp_path, other):
    pq.write_table(other.empty_table(), table_file_path(tmp_path, "clips", 0))
    with pytest.raises(DataError, match=r"clips-00000\.parquet: not a table file of schema 3"):
        read_facts(tmp_path)


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(clips, tmp_path, monkeypatch):
    def full(self, table):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(DataError, match=r"clips-00000\.parquet: cannot be written: .*No space left on device"):
        write_table_file(clips_to_table(clips), table_file_path(tmp_path, "clips", 0))
    assert list(tmp_path.iterdir()) == []


def test_more_numbers_than_a_table_file_can_hold_are_an_error(rng):
    clip = make_clip(rng, "a")
    huge = np.broadcast_to(np.float32(0), (2**31,))
    with pytest.raises(DataError, match="2147483648 numbers in one file"):
        clips_to_table([replace(clip, tracks=replace(clip.tracks, joints_PVC=huge))])
