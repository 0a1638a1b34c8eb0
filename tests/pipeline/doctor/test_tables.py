"""Parsed tables: refused files, doubted rows, damage of the table itself."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dastm.contract.skeleton import NTU25
from pipeline.definitions.definition import load_definition
from pipeline.doctor.findings import Totals
from pipeline.doctor.limits import Limits
from pipeline.doctor.tables import examine_table
from pipeline.parse.plan import MISSING
from pipeline.storage.table import (
    CLIPS,
    LAYOUT_KEY,
    RefusedFile,
    clips_to_table,
    read_layout,
    refused_to_table,
    table_file_path,
    with_layout,
    write_table_file,
)
from tests.pipeline.doctor.made_clips import film, person, tracks
from tests.pipeline.doctor.test_clips import parsed


@pytest.fixture
def write(tmp_path):
    """Write a table of these bodies, a clip each, and refused files."""

    def written(bodies, refused=()):
        clips = [replace(parsed(tracks(b)), key=f"clip{i}", class_id=i % 30) for i, b in enumerate(bodies)]
        write_table_file(clips_to_table(clips), table_file_path(tmp_path, "clips", 0))
        write_table_file(refused_to_table(list(refused)), table_file_path(tmp_path, "refused", 0))
        return tmp_path

    return written


def findings(folder, definition=None):
    totals = Totals()
    found = list(examine_table(folder, totals, definition, Limits()))
    return totals, [(f.check, f.key, f.what) for f in found]


def test_a_table_of_sound_clips_raises_no_doubt(rng, write):
    totals, found = findings(write([person(rng), film(rng), person(rng)]))
    assert (totals.clips, totals.classes, found) == (3, {0, 1, 2}, [])


def test_a_wrong_skeleton_is_a_finding_of_the_table(rng, write):
    clips = [person(rng)[:, ::-1] for _ in range(3)]
    found = [(check, what) for check, _, what in findings(write(clips))[1] if check == "skeleton"]
    assert found
    assert all(what.endswith("(a sample of 3 clips)") for _, what in found)
    assert [c for c, *_ in findings(write([person(rng) * [1, -1, 1] for _ in range(3)]))[1]].count("skeleton") == 4


def test_the_layout_is_the_one_that_the_table_names(rng, write):
    own = replace(NTU25, name="mine", joints=NTU25.joints[::-1], spine=None, shoulders=None, torso=None)
    folder = write([person(rng)[:, ::-1] for _ in range(3)])
    path = table_file_path(folder, "clips", 0)
    assert read_layout(folder) is None
    write_table_file(with_layout(pq.read_table(path), own), path)
    assert read_layout(folder) == own
    assert "skeleton" not in [check for check, *_ in findings(folder)[1]]
    table = pq.read_table(path)
    for text in ("[1]", "{", '{"name": "x"}'):
        write_table_file(
            table.replace_schema_metadata({**table.schema.metadata, LAYOUT_KEY.encode(): text.encode()}), path
        )
        ((check, _, what),) = findings(folder)[1]
        assert check == "table"
        assert what.startswith("names no layout of joints")


def test_a_data_set_of_another_layout_than_the_table_is_refused_with_both_names(rng, write):
    own = replace(NTU25, name="mine", joints=(*NTU25.joints[:3], "skull", *NTU25.joints[4:]))
    folder = write([person(rng)])
    path = table_file_path(folder, "clips", 0)
    write_table_file(with_layout(pq.read_table(path), own), path)
    ((check, _, what),) = findings(folder, load_definition("demo-ntu"))[1]
    assert check == "table"
    assert what == (
        "made for layout mine (joint 3 is 'skull'), the data set has layout ntu25 (joint 3 is 'head'); name the data"
        " set that it was parsed with, or run `dastm-data parse` again"
    )


def test_a_layout_whose_joints_are_not_known_is_said_to_be_not_checked(rng, write):
    own = replace(NTU25, name="mine", joints=tuple(f"j{i}" for i in range(25)), spine=None, shoulders=None, torso=None)
    folder = write([person(rng) for _ in range(3)])
    path = table_file_path(folder, "clips", 0)
    write_table_file(with_layout(pq.read_table(path), own), path)
    ((check, _, what),) = findings(folder)[1]
    assert check == "posture"
    assert what.startswith("posture not checked: no joint of layout mine is known as head / hips / shoulders")


def test_refused_files_are_unusable_and_those_on_the_missing_list_expected(rng, write):
    refused = [
        RefusedFile(source="a.skeleton", key="a", line=3, byte=7, reason="no number"),
        RefusedFile(source="b.skeleton", key="b", line=None, byte=None, reason=MISSING),
    ]
    folder = write([person(rng)], refused)
    first, second = examine_table(folder, Totals(), None, Limits())
    assert (first.check, str(first), first.byte) == ("refused", "a.skeleton: line 3: no number", 7)
    assert (second.check, second.key, second.what) == ("listed", "b", MISSING)


def test_copies_are_found(rng, write):
    body = person(rng)
    ((check, key, what),) = findings(write([body, person(rng), body]))[1]
    assert (check, key) == ("duplicate", "clip2")
    assert what.endswith("which is of class 0, this one of 2")


def test_another_skeleton_is_doubted_without_its_bones_and_that_is_said(rng, write):
    folder = write([person(rng)[:, :20], person(rng)])
    what = "1 clips of a skeleton that is not known: bones and posture were not looked at"
    assert findings(folder)[1] == [("layout", None, what)]


def test_a_definition_gives_the_layout_and_what_should_be_there(rng, write):
    demo = load_definition("demo-ntu")
    assert demo.parse.layout == NTU25
    found = findings(write([person(rng)[:, :20]]), demo)[1]
    assert [check for check, _, _ in found] == ["contradiction", "classes", "clip_count"]


def test_a_damaged_or_unfinished_table_is_a_finding(rng, write):
    folder = write([person(rng)])
    path = table_file_path(folder, "clips", 0)
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes(200) + data[300:])
    ((check, _, what),) = findings(folder)[1]
    assert check == "table"
    assert "damaged; remove it and run `dastm-data parse` again" in what
    (folder / "plan.json").write_text("{}")
    assert findings(folder)[1][0][2].startswith("parsing has not finished there")


def test_rows_whose_lists_are_no_arrays_are_a_finding(rng, write):
    folder = write([person(rng)])
    path = table_file_path(folder, "clips", 0)
    rows = pq.read_table(path).to_pylist()
    rows[0]["joints"] = rows[0]["joints"][:-1]
    pq.write_table(pa.Table.from_pylist(rows, CLIPS), path, write_page_checksum=True)
    ((check, _, what),) = findings(folder)[1]
    assert check == "table"
    assert what.startswith("a row contradicts itself (cannot reshape")
